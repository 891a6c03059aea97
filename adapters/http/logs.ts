/** The logs of attempts: appended by their workers, read or followed by everybody. */

import type { Attempt, Execution, ExecutionState } from '../../domain/execution/state.ts'
import { streamName } from '../../domain/ids.ts'
import { type LogKey, logBytesMax } from '../../domain/ports.ts'
import type { ExecutionBody } from '../../projections/executions.ts'
import { createBell } from './bell.ts'
import type { Call } from './call.ts'
import type { House } from './house.ts'
import { notFound, problem, refusedHere } from './problems.ts'
import { content, json, type Reply } from './replies.ts'
import { type Streams, sseEvent, sseStart } from './sse.ts'
import type { Tail } from './tail.ts'

/** The execution as the view has it, or as it is where the view has not seen the attempt yet. */
const stateOf = async (house: House, tenant: string, id: string, isFresh: boolean): Promise<ExecutionState> => {
  const row = isFresh ? undefined : await house.views.row('executions', tenant, id)
  if (row !== undefined && row !== 'behind') return (row.body as ExecutionBody).state
  return (await house.headOf(tenant, 'execution', id)).state as ExecutionState
}

const attemptOf = (state: ExecutionState, taskName: string, number: number): Attempt | undefined =>
  state.status === 'absent'
    ? undefined
    : state.tasks.find(({ name }) => name === taskName)?.attempts.find(({ attempt }) => attempt === number)

/** By the attempt's own worker and session; taken after the attempt's end too, for what it still had to say. */
export const appendLog =
  (house: House) =>
  async ({ tenant, params, body }: Call<'appendLog'>): Promise<Reply> => {
    const { executionId, taskName, attempt } = params
    const known = attemptOf(await stateOf(house, tenant, executionId, false), taskName, attempt)
    const fresh = known === undefined ? await stateOf(house, tenant, executionId, true) : undefined
    if (fresh?.status === 'absent') return notFound(`execution ${executionId}`)
    const own = known ?? (fresh && attemptOf(fresh, taskName, attempt))
    if (own === undefined)
      return refusedHere('StaleAttempt', `there is no attempt ${attempt} of ${taskName}`, { taskName, attempt })
    if (own.workerId !== body.workerId || own.epoch !== body.epoch)
      return refusedHere('StaleEpoch', `attempt ${attempt} of ${taskName} belongs to another session`, {
        taskName,
        attempt,
      })
    const appended = await house.logs.append(
      { tenant, executionId, taskName, attempt },
      body.offset,
      Buffer.from(body.text),
    )
    if (appended.kind === 'gap')
      return refusedHere('LogGap', `the log has ${appended.expected} bytes`, { expected: appended.expected })
    if (appended.kind === 'full')
      return problem('too-large', `a log has at most ${logBytesMax} bytes`, {
        bytesMax: logBytesMax,
        size: appended.size,
      })
    return json({ size: appended.size })
  }

type Wanted = Call<'readLog'>['query']
interface Section extends LogKey {
  isEnded: boolean
}

/** The logs that are asked for, in the plan's order: of each task all attempts, unless one is named. */
const sectionsOf = (tenant: string, executionId: string, state: Execution, wanted: Wanted): readonly Section[] =>
  state.tasks
    .filter(({ name }) => wanted.taskName === undefined || name === wanted.taskName)
    .flatMap(({ name, attempts }) =>
      attempts
        .filter(({ attempt }) => wanted.attempt === undefined || attempt === wanted.attempt)
        .map(({ attempt, status }) => ({
          tenant,
          executionId,
          taskName: name,
          attempt,
          isEnded: status !== 'started',
        })),
    )

/** Of each task the newest. */
const newest = (sections: readonly Section[]): readonly Section[] =>
  sections.filter(({ taskName }, index) => sections[index + 1]?.taskName !== taskName)

export const readLog =
  (house: House, tail: Tail, streams: Streams) =>
  async (call: Call<'readLog'>): Promise<Reply> => {
    const { tenant, params, query } = call
    const id = params.executionId
    const seen = await stateOf(house, tenant, id, false)
    // Who has just been told of an attempt may ask for its log: the view may not have seen it yet.
    const isSeen =
      seen.status !== 'absent' && (query.attempt === undefined || sectionsOf(tenant, id, seen, query).length > 0)
    const state = isSeen ? seen : await stateOf(house, tenant, id, true)
    if (state.status === 'absent') return notFound(`execution ${id}`)
    const { taskName } = query
    if (taskName !== undefined && !state.tasks.some(({ name }) => name === taskName))
      return notFound(`task ${taskName}`)
    const sections = sectionsOf(tenant, id, state, query)
    if (query.attempt !== undefined && sections.length === 0) return notFound(`attempt ${query.attempt}`)
    if (query.follow) return followLog(house, tail, streams, call)
    return content(textOf(house, newest(sections), query.offset), 'text/plain; charset=utf-8', {
      'cache-control': 'no-store',
    })
  }

const pieceBytesMax = 64 * 1024

/** One log as it is; several each under a line of its own. */
const textOf = (house: House, sections: readonly Section[], offset: number): ReadableStream<Uint8Array> => {
  const pieces = piecesOf(house, sections, offset)
  return new ReadableStream({
    pull: async (controller) => {
      const piece = await pieces.next()
      if (piece.done === true) controller.close()
      else controller.enqueue(piece.value)
    },
    cancel: async () => {
      await pieces.return(undefined)
    },
  })
}

async function* piecesOf(house: House, sections: readonly Section[], start: number): AsyncGenerator<Uint8Array> {
  for (const section of sections) {
    if (sections.length > 1) yield Buffer.from(`==> ${section.taskName}, attempt ${section.attempt}\n`)
    let offset = sections.length > 1 ? 0 : start
    for (;;) {
      const piece = await house.logs.read(section, offset, pieceBytesMax)
      if (piece.length === 0) break
      offset += piece.length
      yield piece
    }
  }
}

/** Without a word from anybody, the log is looked at again after this. */
const lookAgainMs = 30_000

/**
 * `{taskName, attempt, offset, text}` as the logs grow, then `event: end` with the execution's status and verdict, once
 * what is followed has ended. With task and attempt named, `id` is the offset to resume at.
 */
const followLog = (house: House, tail: Tail, streams: Streams, call: Call<'readLog'>): Reply => {
  const { tenant, query, lastEventId } = call
  const id = call.params.executionId
  const isOne = query.taskName !== undefined && query.attempt !== undefined
  const start = isOne && /^\d{1,15}$/.test(lastEventId ?? '') ? Number(lastEventId) : query.offset
  return streams.open(call, async function* (ended) {
    const bell = createBell()
    const stream = streamName(tenant, 'execution', id)
    const stopTail = await tail.listen((commits) => {
      if (commits.some(({ commit }) => commit.stream === stream)) bell.ring()
    })
    const offsets = new Map<string, number>()
    const stops = new Map<string, () => void>()
    try {
      yield sseStart()
      while (!ended.aborted) {
        const state = await stateOf(house, tenant, id, true)
        if (state.status === 'absent') return
        const sections = sectionsOf(tenant, id, state, query)
        for (const section of sections) {
          const name = `${section.taskName}/${section.attempt}`
          if (!stops.has(name)) stops.set(name, house.logs.follow(section, bell.ring))
          yield* grownBy(house, section, offsets, name, isOne ? start : 0, isOne)
        }
        if (hasEnded(state, sections, query)) {
          yield sseEvent({ status: state.status, ...(state.verdict && { verdict: state.verdict }) }, { event: 'end' })
          return
        }
        await bell.wait(lookAgainMs, ended)
      }
    } finally {
      stopTail()
      for (const stop of stops.values()) stop()
    }
  })
}

/** A named attempt ends by itself; else there may be another, until the execution has finished. */
const hasEnded = (state: Execution, sections: readonly Section[], { attempt }: Wanted): boolean =>
  state.status === 'finished' ||
  (attempt !== undefined && sections.length > 0 && sections.every(({ isEnded }) => isEnded))

async function* grownBy(
  house: House,
  section: Section,
  offsets: Map<string, number>,
  name: string,
  start: number,
  isOne: boolean,
): AsyncGenerator<string> {
  const { taskName, attempt, isEnded } = section
  for (;;) {
    const offset = offsets.get(name) ?? start
    const piece = await house.logs.read(section, offset, pieceBytesMax)
    const whole = isEnded && piece.length < pieceBytesMax ? piece : withoutBrokenEnd(piece)
    if (whole.length === 0) return
    offsets.set(name, offset + whole.length)
    const text = Buffer.from(whole).toString()
    yield sseEvent({ taskName, attempt, offset, text }, isOne ? { id: `${offset + whole.length}` } : {})
  }
}

/** A piece may end within a character: the rest of that comes with the next. */
const withoutBrokenEnd = (piece: Uint8Array): Uint8Array => {
  let at = piece.length - 1
  while (at >= 0 && at >= piece.length - 4 && ((piece[at] ?? 0) & 0xc0) === 0x80) at -= 1
  const lead = piece[at] ?? 0
  const size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1
  return at >= 0 && at + size > piece.length ? piece.subarray(0, at) : piece
}
