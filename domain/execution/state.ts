import type { Happened } from '../decider.ts'
import type { Instant } from '../ids.ts'
import type { Callback, ExecutionEvent, Phase, TaskPlan, Verdict } from './events.ts'
import { changed, taskNamed, withNeeds, withReadiness } from './readiness.ts'

export type TaskStatus =
  | 'pending'
  | 'ready'
  | 'running'
  | 'waiting-retry'
  | 'passed'
  | 'failed'
  | 'errored'
  | 'timed-out'
  | 'cancelled'
  | 'skipped'

export interface Attempt {
  attempt: number
  status: 'started' | 'passed' | 'failed' | 'timed-out' | 'cancelled' | 'lost'
  workerId: string
  epoch: number
  benchId: string
  startedAt: Instant
  timesOutAt: Instant
  endedAt?: Instant
  /** Of the event that ended it: a retried report is answered as of then. */
  endedVersion?: number
  infrastructure?: boolean
  /** SHA-256 by path. */
  artifacts?: Readonly<Record<string, string>>
}

/** What decisions need of a task; its `run` stays in its event. */
export interface Task extends Omit<TaskPlan, 'run'> {
  status: TaskStatus
  /** Of its needs, those that have not ended. */
  openNeedCount: number
  attempts: readonly Attempt[]
  retryAt?: Instant
  /** Attempts before the last redrive: they count no more. */
  redrivenAfter?: number
}

export interface Execution {
  status: 'queued' | 'running' | 'cancelling' | 'interrupted' | 'finished'
  verdict?: Verdict
  reservationId: string
  benchIds: readonly string[]
  releaseReservation: boolean
  callback?: Callback
  timeoutMs?: number
  submittedAt: Instant
  startedAt?: Instant
  /** Since when its own time runs: the start, or the last redrive's. */
  runningSince?: Instant
  /** Who made it cancel, and when what has not stopped is timed out. */
  cancel?: { by: 'request' | 'window'; dueAt: Instant }
  /** The window ends. */
  ending?: { cancelAt: Instant; until: Instant }
  finishedAt?: Instant
  tasks: readonly Task[]
  /** Tasks that have not ended. */
  openTaskCount: number
  /** Reports that came too late: kept as evidence up to a limit. */
  rejectedReportCount: number
}

export type ExecutionState = { status: 'absent' } | Execution

export const initial: ExecutionState = { status: 'absent' }

export const phaseOf = (execution: Execution): Phase | undefined =>
  execution.tasks.find((task) => task.status === 'running')?.phase

export const evolve = (state: ExecutionState, event: Happened<ExecutionEvent>): ExecutionState => {
  if (event.type === 'ExecutionSubmitted') return submitted(event)
  if (state.status === 'absent') return state
  switch (event.type) {
    case 'ExecutionMoved':
      return { ...state, benchIds: event.data.benchIds }
    case 'ExecutionStarted':
      return onItsBenches({ ...state, startedAt: event.at }, event.at)
    case 'ExecutionResumed':
      return onItsBenches(state, event.at)
    case 'ExecutionInterrupted':
      return { ...state, status: state.status === 'running' ? 'interrupted' : state.status }
    case 'ExecutionRedriven':
      return redriven(state, event.data.taskNames)
    case 'ExecutionCancelRequested':
      return { ...state, status: 'cancelling', cancel: { by: event.data.by, dueAt: event.data.dueAt } }
    case 'ExecutionEnding':
      return { ...state, ending: event.data }
    case 'ExecutionEndingLifted':
      return lifted(state)
    case 'ExecutionFinished':
      return { ...state, status: 'finished', verdict: event.data.verdict, finishedAt: event.at }
    case 'AttemptStarted':
      return changed(state, event.data.taskName, (task) => started(task, event))
    case 'AttemptPassed':
      return ended(state, event, 'passed', 'passed')
    case 'AttemptFailed':
      return ended(state, event, 'failed', event.data.infrastructure ? 'errored' : 'failed')
    case 'AttemptTimedOut':
      return ended(state, event, 'timed-out', 'timed-out')
    case 'AttemptCancelled':
      return ended(state, event, 'cancelled', 'cancelled')
    case 'AttemptLost':
      return ended(state, event, 'lost', hasAttempts(state, event.data.taskName) ? 'ready' : 'errored')
    case 'ArtifactRecorded':
      return changed(state, event.data.taskName, (task) => recorded(task, event.data))
    case 'TaskRetryScheduled':
      return changed(state, event.data.taskName, (task) => waiting(task, event.data.dueAt))
    case 'TaskSkipped':
      return changed(state, event.data.taskName, skipped)
    case 'AttemptReportRejected':
      return { ...state, rejectedReportCount: state.rejectedReportCount + 1 }
  }
}

const waiting = (task: Task, retryAt: Instant): Task => ({ ...task, status: 'waiting-retry', retryAt })

const onItsBenches = (state: Execution, at: Instant): Execution => ({
  ...state,
  status: state.status === 'cancelling' ? 'cancelling' : 'running',
  runningSince: state.runningSince ?? at,
})

const lifted = ({ ending: _, ...state }: Execution): Execution => state

/** Whether a task that has just lost an attempt may try again. */
const hasAttempts = (state: Execution, taskName: string): boolean => {
  const task = taskNamed(state, taskName)
  return task !== undefined && state.status !== 'cancelling' && attemptsLeft(task) > 0
}

export const attemptsLeft = (task: Task): number =>
  task.retry.attemptCountMax - (task.attempts.length - (task.redrivenAfter ?? 0))

const skipped = (task: Task): Task => ({ ...task, status: 'skipped' })

const recorded = (
  task: Task,
  { attempt: number, path, sha256 }: { attempt: number; path: string; sha256: string },
): Task => ({
  ...task,
  attempts: task.attempts.map((attempt) =>
    attempt.attempt === number ? { ...attempt, artifacts: { ...attempt.artifacts, [path]: sha256 } } : attempt,
  ),
})

/** What did not pass starts anew; what did stays. */
const redriven = (
  { verdict: _, finishedAt: __, cancel: ___, ending: ____, runningSince: _____, ...state }: Execution,
  taskNames: readonly string[],
): Execution => {
  const names = new Set(taskNames)
  const tasks = state.tasks.map(
    ({ retryAt: _retry, ...task }): Task =>
      names.has(task.name) ? { ...task, status: 'pending', redrivenAfter: task.attempts.length } : task,
  )
  return { ...state, status: 'queued', ...withReadiness('queued', tasks) }
}

const submitted = (event: Extract<Happened<ExecutionEvent>, { type: 'ExecutionSubmitted' }>): ExecutionState => {
  const { commitSha: _, suite: __, parameters: ___, tasks, ...data } = event.data
  const pending = withNeeds(tasks).map(
    ({ run: _run, ...task }): Task => ({ ...task, status: 'pending', openNeedCount: 0, attempts: [] }),
  )
  return {
    ...data,
    status: 'queued',
    submittedAt: event.at,
    rejectedReportCount: 0,
    ...withReadiness('queued', pending),
  }
}

const started = (
  { retryAt: _, ...task }: Task,
  { data, at }: { data: Omit<Attempt, 'status' | 'startedAt'> & { taskName: string }; at: Instant },
): Task => {
  const { taskName: _name, ...attempt } = data
  return { ...task, status: 'running', attempts: [...task.attempts, { ...attempt, status: 'started', startedAt: at }] }
}

const ended = (
  state: Execution,
  {
    data,
    at,
    version,
  }: { data: { taskName: string; attempt: number; infrastructure?: boolean }; at: Instant; version: number },
  status: Attempt['status'],
  taskStatus: TaskStatus,
): Execution =>
  changed(state, data.taskName, (task) => ({
    ...task,
    status: taskStatus,
    attempts: task.attempts.map((attempt) =>
      attempt.attempt === data.attempt
        ? {
            ...attempt,
            status,
            endedAt: at,
            endedVersion: version,
            ...(data.infrastructure === undefined ? {} : { infrastructure: data.infrastructure }),
          }
        : attempt,
    ),
  }))
