import type { Instant } from '../ids.ts'
import { plusMs } from '../ids.ts'
import type { ExecutionEvent, Verdict } from './events.ts'
import { type Attempt, attemptsLeft, type Execution, type ExecutionState, evolve, isEnded, type Task } from './state.ts'

/** What follows from what has happened to the tasks: retries, skips, the end. */

export const fold = (state: ExecutionState, events: readonly ExecutionEvent[], at: Instant): ExecutionState =>
  events.reduce((folded, event) => evolve(folded, { ...event, version: 0, at }), state)

export const liveAttempt = (task: Task | undefined): Attempt | undefined => {
  const last = task?.attempts.at(-1)
  return last?.status === 'started' ? last : undefined
}

/** A task that is worth another attempt after one that has failed or timed out: when it is due. */
const retryOf = (state: Execution, task: Task, at: Instant): readonly ExecutionEvent[] => {
  const last = task.attempts.at(-1)
  const { backoffMs, factor } = task.retry
  const isRetried =
    last !== undefined && attemptsLeft(task) > 0 && (state.status === 'running' || state.status === 'interrupted')
  if (!isRetried || (task.status !== 'failed' && task.status !== 'errored' && task.status !== 'timed-out')) return []
  const dueAt = plusMs(
    at,
    Math.round(Math.min(backoffMs * factor ** (last.attempt - 1 - (task.redrivenAfter ?? 0)), backoffMsMax)),
  )
  return [{ type: 'TaskRetryScheduled', data: { taskName: task.name, attempt: last.attempt + 1, dueAt } }]
}

/** A backoff grows to one day at most. */
const backoffMsMax = 86_400_000

/** The given events and all that follows from them at once, in order; `taskName` is the task an attempt of which has just ended. */
export const settled = (
  state: ExecutionState,
  events: readonly ExecutionEvent[],
  at: Instant,
  taskName?: string,
): readonly ExecutionEvent[] => {
  const after = fold(state, events, at)
  if (after.status === 'absent' || after.status === 'finished') return events
  const task = after.tasks.find(({ name }) => name === taskName)
  const retry = task === undefined ? [] : retryOf(after, task, at)
  const retried = fold(after, retry, at)
  if (retried.status === 'absent') return events
  const skips = skipsOf(retried)
  const skipped = fold(retried, skips, at)
  return [...events, ...retry, ...skips, ...endOf(skipped)]
}

/** On-success tasks that can't run any more, in the order of the plan; skipping one may strand those that need it. */
const skipsOf = (state: Execution): readonly ExecutionEvent[] => {
  const lost = new Map<string, string>()
  for (const task of state.tasks) if (isEnded(task) && task.status !== 'passed') lost.set(task.name, task.status)
  const skips: ExecutionEvent[] = []
  let waiting = state.tasks.filter((task) => isStartable(task) && task.runs === 'on-success')
  for (let before = -1; before !== waiting.length; ) {
    before = waiting.length
    waiting = waiting.filter((task) => {
      const because = state.status === 'cancelling' ? 'cancelled' : brokenNeed(task, lost)
      if (because === undefined) return true
      lost.set(task.name, 'skipped')
      skips.push({ type: 'TaskSkipped', data: { taskName: task.name, because } })
      return false
    })
  }
  return skips
}

export const isStartable = (task: Task): boolean =>
  task.status === 'pending' || task.status === 'ready' || task.status === 'waiting-retry'

const brokenNeed = (task: Task, lost: ReadonlyMap<string, string>): string | undefined => {
  const broken = task.needs.find((name) => lost.has(name))
  return broken === undefined ? undefined : `${broken} was ${lost.get(broken)}`
}

const endOf = (state: ExecutionState): readonly ExecutionEvent[] =>
  state.status === 'absent' || !state.tasks.every(isEnded) ? [] : [finished(state, verdictOf(state))]

export const finished = (state: Execution, verdict: Verdict): ExecutionEvent => ({
  type: 'ExecutionFinished',
  data: { verdict, releaseReservation: state.releaseReservation, reservationId: state.reservationId },
})

/** The first that holds. */
const verdictOf = (state: Execution): Verdict => {
  if (state.cancel?.by === 'request') return 'cancelled'
  if (state.cancel?.by === 'window') return 'timed-out'
  const worst = (['timed-out', 'errored', 'failed'] as const).find((status) =>
    state.tasks.some((task) => task.status === status),
  )
  return worst ?? 'passed'
}
