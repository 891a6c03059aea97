/** A worker's claim: what it was given without knowing it, or the next task; or a wait for one. */
import type { ExecutionEvent } from '../../domain/execution/events.ts'
import type { Attempt, ExecutionState } from '../../domain/execution/state.ts'
import { msBetween, streamName } from '../../domain/ids.ts'
import type { AttemptName } from '../../domain/leaseStore.ts'
import type { Call } from './call.ts'
import { type Session, search } from './claimable.ts'
import type { Claimer } from './claims.ts'
import type { ExecutionBodies } from './executionBodies.ts'
import type { House } from './house.ts'
import type { LastBeats } from './lastBeats.ts'
import { createLru } from './lru.ts'
import { invalid, problem } from './problems.ts'
import { json, noContent, type Reply } from './replies.ts'
import { rememberedSession, sessionOf, staleEpoch } from './sessions.ts'
import type { Wakeups } from './wakeups.ts'

interface ClaimParts {
  claim: Claimer
  wakeups: Wakeups
  bodies: ExecutionBodies
  beats: LastBeats
  /** Aborts when the server stops: who waits is answered at once. */
  closing: AbortSignal
}

/** Claims that wait at once; more are told to come back. */
const waitingCountMax = 10_000
/** Not worth another wait: timers are no more exact than that. */
const tooLittleMs = 10
/** Answers kept for claims whose answer is lost on the way. */
const answerCountMax = 1_000

/** A claim with an idempotency key that was answered here before is answered the same again, while there is something to run. */
export const claimTask = (house: House, parts: ClaimParts) => {
  const answers = createLru<Reply>(answerCountMax)
  return async (call: Call<'claimTask'>): Promise<Reply> => {
    const { tenant, params, body, idempotencyKey } = call
    const key = idempotencyKey && [tenant, params.workerId, body.epoch, idempotencyKey].join('/')
    // Whether what is remembered still is so the look at the lease tells, and in the end the claim's own append.
    const asked = [house, tenant, params.workerId, body.epoch] as const
    const session = rememberedSession(...asked) ?? (await sessionOf(...asked))
    if ('status' in session) return session
    const before = key === undefined ? undefined : answers.get(key)
    const again = before === undefined ? undefined : await replayed(house, session, before)
    if (again !== undefined) return again
    const { benches = session.benchIds } = body
    const foreign = benches.find((benchId) => !session.benchIds.includes(benchId))
    if (foreign !== undefined)
      return invalid([{ path: 'benches', message: `${foreign} is none of the session's benches` }])
    const reply = await claimWithin(house, parts, call, { ...session, benchIds: benches })
    if (key !== undefined && reply.status === 200) answers.set(key, reply)
    return reply
  }
}

/** The same answer again, from now on its way once more; undefined when its attempt is over, or to be stopped, by now. */
const replayed = async (house: House, session: Session, before: Reply): Promise<Reply | undefined> => {
  const name = JSON.parse(before.body as string) as AttemptName
  const { state } = await house.headOf(session.tenant, 'execution', name.executionId)
  if (attemptToRun(state as ExecutionState, session, name) === undefined) return undefined
  house.leases.given(session.tenant, name)
  return { ...before, headers: { ...before.headers, 'idempotent-replayed': 'true' } }
}

const claimWithin = async (
  house: House,
  parts: ClaimParts,
  call: Call<'claimTask'>,
  session: Session,
): Promise<Reply> => {
  const { wakeups, closing } = parts
  const waitMs = Math.min(call.body.waitMs, house.limits.claimWaitMsMax ?? call.body.waitMs)
  if (waitMs === 0) return (await claimNow(house, parts, call, session)).reply ?? noContent
  if (wakeups.waitingCount() >= waitingCountMax) return problem('overloaded', `${waitingCountMax} claims wait already`)
  const until = performance.now() + waitMs
  const { bell, leave } = await wakeups.enter(session.tenant, session.benchIds)
  const stopHearing = house.leases.onUnheard(session, bell.ring)
  const over = AbortSignal.any([call.gone(), closing])
  try {
    // What was appended before the bell was hung up rings for nobody: the first look must see it.
    await house.views.caughtUp()
    for (;;) {
      const { reply, nextAt } = await claimNow(house, parts, call, session)
      const leftMs = until - performance.now()
      if (reply !== undefined) return reply
      if (leftMs <= tooLittleMs || over.aborted) return noContent
      const dueMs = nextAt === undefined ? leftMs : Math.max(Date.parse(nextAt) - Date.parse(house.now()), 1)
      await bell.wait(Math.min(leftMs, dueMs), over)
    }
  } finally {
    stopHearing()
    leave()
  }
}

interface Look {
  reply: Reply | undefined
  nextAt: string | undefined
}
const nothingYet: Look = { reply: undefined, nextAt: undefined }

const claimNow = async (
  house: House,
  { claim, bodies, beats }: ClaimParts,
  call: Call<'claimTask'>,
  session: Session,
): Promise<Look> => {
  const { tenant, workerId, epoch, benchIds } = session
  if (call.gone().aborted) return nothingYet
  const lease = await beats.lease(tenant, workerId)
  const isLive = lease?.epoch === epoch && lease.markedAt === undefined
  const still = isLive ? session : await sessionOf(house, tenant, workerId, epoch)
  if ('status' in still) return { ...nothingYet, reply: still }
  // Who is to drain is given nothing more; it waits as if there were nothing, until its beat has told it.
  if (lease?.flags.some(({ kind }) => kind === 'drain') === true) return nothingYet
  const unheard = isLive ? house.leases.giveAgain(lease, benchIds) : undefined
  const again = unheard === undefined ? undefined : await givenAgain(house, session, unheard)
  if (again !== undefined) return { ...nothingYet, reply: json(again) }
  const { again: lookAgain, ...remembered } = await search(house, session)
  let claimed = await claim(call, session, remembered.candidates)
  if (claimed.kind === 'none') {
    const truly = await lookAgain()
    if (truly !== undefined) claimed = await claim(call, session, truly.candidates)
    if (claimed.kind === 'none') return { reply: undefined, nextAt: await (truly ?? remembered).nextAt() }
  }
  if (claimed.kind === 'stale') {
    const after = await sessionOf(house, tenant, workerId, epoch)
    return { ...nothingYet, reply: 'status' in after ? after : staleEpoch(workerId, epoch, epoch) }
  }
  bodies.note(tenant, claimed.executionId, claimed.done)
  house.leases.given(tenant, claimed.answer as AttemptName)
  return { ...nothingYet, reply: json(claimed.answer) }
}

type Submitted = Extract<ExecutionEvent, { type: 'ExecutionSubmitted' }>['data']

/** The answer that was lost, as it is now; undefined when there is nothing to run any more. */
const givenAgain = async (house: House, session: Session, name: AttemptName): Promise<unknown> => {
  const { executionId, taskName, attempt: number } = name
  const state = (await house.headOf(session.tenant, 'execution', executionId)).state as ExecutionState
  const attempt = attemptToRun(state, session, name)
  if (attempt === undefined) return undefined
  const [commit] = await house.history.load(streamName(session.tenant, 'execution', executionId), { from: 1, to: 1 })
  const submitted = commit?.events[0]?.data as Submitted | undefined
  if (submitted === undefined) return undefined
  const { tasks, parameters, commitSha } = submitted
  const task = tasks.find((one) => one.name === taskName)
  house.leases.given(session.tenant, name)
  return {
    executionId,
    taskName,
    attempt: number,
    benchId: attempt.benchId,
    run: task?.run,
    phase: task?.phase,
    ...(parameters === undefined ? {} : { parameters }),
    ...(commitSha === undefined ? {} : { commitSha }),
    // Its time has run since it was claimed.
    timeoutMs: Math.max(1, msBetween(house.now(), attempt.timesOutAt)),
  }
}

/** What is to be stopped is not begun: that its worker does not know of it is found by the sweeper. */
const attemptToRun = (state: ExecutionState, { workerId, epoch }: Session, name: AttemptName): Attempt | undefined => {
  if (state.status === 'absent') return undefined
  const task = state.tasks.find((one) => one.name === name.taskName)
  if (state.status === 'cancelling' && task?.runs !== 'always') return undefined
  return task?.attempts.find(
    (one) =>
      one.attempt === name.attempt && one.status === 'started' && one.workerId === workerId && one.epoch === epoch,
  )
}
