/** The logs of attempts: appended by their workers, read or followed by everybody. */

import { taskNamed } from '../../domain/execution/readiness.ts'
import type { Execution, ExecutionState } from '../../domain/execution/state.ts'
import { streamName } from '../../domain/ids.ts'
import { type LogKey, logBytesMax } from '../../domain/ports.ts'
import { createBell } from './bell.ts'
import type { Call } from './call.ts'
import type { House } from './house.ts'
import { notFound, problem, refusedHere } from './problems.ts'
import { content, json, type Reply } from './replies.ts'
import { type Streams, sseEvent, sseStart } from './sse.ts'
import type { Tail } from './tail.ts'

/** Heads are kept in this process: mostly no store is asked. */
const stateOf = async (house: House, tenant: string, id: string): Promise<ExecutionState> =>
  (await house.headOf(tenant, 'execution', id)).state as ExecutionState

/** By the attempt's own worker and session; taken after the attempt's end too, for what it still had to say. */
export const appendLog =
  (house: House) =>
  async ({ tenant, params, body }: Call<'appendLog'>): Promise<Reply> => {
    const { executionId, taskName, attempt } = params
    const state = await stateOf(house, tenant, executionId)
    if (state.status === 'absent') return notFound(`execution ${executionId}`)
    const own = taskNamed(state, taskName)?.attempts.find((one) => one.attempt === attempt)
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
    const state = await stateOf(house, tenant, id)
    if (state.status === 'absent') return notFound(`execution ${id}`)
    const { taskName } = query
    if (taskName !== undefined && taskNamed(state, taskName) === undefined) return notFound(`task ${taskName}`)
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
    /** Whether their attempts had ended, of those that have not grown since: with a thousand tasks, most. */
    const read = new Map<string, boolean>()
    try {
      yield sseStart()
      while (!ended.aborted) {
        const state = await stateOf(house, tenant, id)
        if (state.status === 'absent') return
        const sections = sectionsOf(tenant, id, state, query)
        for (const section of sections) {
          const name = `${section.taskName}/${section.attempt}`
          const onGrown = (): void => {
            read.delete(name)
            bell.ring()
          }
          if (!stops.has(name)) stops.set(name, house.logs.follow(section, onGrown))
          if (read.get(name) === section.isEnded) continue
          read.set(name, section.isEnded)
          yield* grownBy(house, section, offsets, name, isOne ? start : 0, isOne)
        }
        if (hasEnded(state, sections, query)) {
          yield sseEvent({ status: state.status, ...(state.verdict && { verdict: state.verdict }) }, { event: 'end' })
          return
        }
        const waitedFrom = performance.now()
        await bell.wait(lookAgainMs, ended)
        if (performance.now() - waitedFrom >= lookAgainMs) read.clear()
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
