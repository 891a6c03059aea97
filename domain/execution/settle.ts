import type { Instant } from '../ids.ts'
import { plusMs } from '../ids.ts'
import type { ExecutionEvent, Verdict } from './events.ts'
import { dependentsOf, isEnded, taskNamed } from './readiness.ts'
import { type Attempt, attemptsLeft, type Execution, type ExecutionState, evolve, type Task } from './state.ts'

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
  const task = taskName === undefined ? undefined : taskNamed(after, taskName)
  const retry = task === undefined ? [] : retryOf(after, task, at)
  const retried = fold(after, retry, at)
  if (retried.status === 'absent') return events
  const skips = retried.status === 'cancelling' ? cancelledOf(retried) : strandedBy(retried, events)
  return [...events, ...retry, ...skips, ...endOf(fold(retried, skips, at))]
}

const skipped = (taskName: string, because: string): ExecutionEvent => ({
  type: 'TaskSkipped',
  data: { taskName, because },
})

const waitsForSuccess = (task: Task): boolean => isStartable(task) && task.runs === 'on-success'

const cancelledOf = ({ tasks }: Execution): readonly ExecutionEvent[] =>
  tasks.filter(waitsForSuccess).map(({ name }) => skipped(name, 'cancelled'))

/**
 * On-success tasks that can't run any more since one of these events has ended a task otherwise than by passing; skipping
 * one may strand those that need it. Only they are looked at: what was stranded before has been skipped before.
 */
const strandedBy = (state: Execution, events: readonly ExecutionEvent[]): readonly ExecutionEvent[] => {
  const lost = new Map<string, string>()
  for (const { data } of events) {
    const task = 'taskName' in data ? taskNamed(state, data.taskName) : undefined
    if (task !== undefined && isEnded(task) && task.status !== 'passed') lost.set(task.name, task.status)
  }
  const skips: ExecutionEvent[] = []
  // A Map goes on to what is added while it is walked.
  for (const name of lost.keys())
    for (const dependent of dependentsOf(state, name)) {
      if (lost.has(dependent.name) || !waitsForSuccess(dependent)) continue
      const broken = dependent.needs.find((need) => lost.has(need)) ?? name
      skips.push(skipped(dependent.name, `${broken} was ${lost.get(broken)}`))
      lost.set(dependent.name, 'skipped')
    }
  return skips
}

export const isStartable = (task: Task): boolean =>
  task.status === 'pending' || task.status === 'ready' || task.status === 'waiting-retry'

const endOf = (state: ExecutionState): readonly ExecutionEvent[] =>
  state.status === 'absent' || state.openTaskCount > 0 ? [] : [finished(state, verdictOf(state))]

export const finished = (state: Execution, verdict: Verdict): ExecutionEvent => ({
  type: 'ExecutionFinished',
  data: {
    verdict,
    releaseReservation: state.releaseReservation,
    reservationId: state.reservationId,
    ...(state.callback === undefined ? {} : { callback: state.callback }),
  },
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
