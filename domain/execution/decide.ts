import type { Command, DataOf, Decider } from '../decider.ts'
import { type Instant, plusMs } from '../ids.ts'
import { announceArtifact, recordArtifact } from './artifacts.ts'
import type * as commands from './commands.ts'
import type { ExecutionEvent } from './events.ts'
import { planFaults } from './plan.ts'
import { taskNamed } from './readiness.ts'
import {
  executionUnknown,
  idTaken,
  notFinished,
  nothingToRedrive,
  over,
  planInvalid,
  taskNotReady,
} from './rejections.ts'
import { type Answer, acknowledgeCancel, completeAttempt, failAttempt, loseAttempt } from './reports.ts'
import { finished, fold, isStartable, liveAttempt, settled } from './settle.ts'
import { type Attempt, type Execution, type ExecutionState, evolve, initial, type Task } from './state.ts'

type Data<Type extends keyof typeof commands> = DataOf<typeof commands, Type>
type Plain<Type extends keyof typeof commands> = Type extends unknown ? Command<Type, Data<Type>> : never

/** `benchIds` are the reservation's: what `bench` indexes. */
export type SubmitCommand = Command<'SubmitExecution', Data<'SubmitExecution'>> & { benchIds: readonly string[] }
export type ExecutionCommand =
  | SubmitCommand
  /** `windowEnd`: after it, in the reservation's grace, only what always runs is started. */
  | (Plain<'ClaimTask'> & { windowEnd: Instant })
  /** `graceMs`, the reservation's: what has not stopped within it is timed out. */
  | (Plain<'CancelExecution'> & { graceMs: number })
  /** `ending`: from when on what runs is to stop, and by when it must have. */
  | (Plain<'ExtendGrace'> & { ending: { cancelAt: Instant; until: Instant } })
  /** `benchIds`: those that its reservation has now. */
  | (Plain<'FollowReservation'> & { benchIds: readonly string[] })
  /** `isExtended`: its window does not end now, whatever was announced. */
  | (Plain<'Tick'> & { isExtended: boolean })
  /** `isFenced`: the session it comes from is not its worker's any more. */
  | (Plain<'CompleteAttempt' | 'FailAttempt' | 'AcknowledgeCancel' | 'AnnounceArtifact' | 'RecordArtifact'> & {
      isFenced: boolean
    })
  | Plain<'LoseAttempt' | 'RedriveExecution' | 'EndExecution'>

export const decide = (state: ExecutionState, command: ExecutionCommand): Answer => {
  if (command.type === 'SubmitExecution') return submitExecution(state, command)
  if (state.status === 'absent') return executionUnknown(command.id)
  switch (command.type) {
    case 'ClaimTask':
      return claimTask(state, command)
    case 'CompleteAttempt':
      return completeAttempt(state, command, command.at)
    case 'FailAttempt':
      return failAttempt(state, command, command.at)
    case 'AcknowledgeCancel':
      return acknowledgeCancel(state, command, command.at)
    case 'AnnounceArtifact':
      return announceArtifact(state, command)
    case 'RecordArtifact':
      return recordArtifact(state, command)
    case 'LoseAttempt':
      return loseAttempt(state, command.data, command.at)
    case 'CancelExecution':
      return cancelExecution(state, command)
    case 'RedriveExecution':
      return redriveExecution(state)
    case 'ExtendGrace':
      return extendGrace(state, command.ending)
    case 'FollowReservation':
      return followReservation(state, command.benchIds)
    case 'EndExecution':
      return state.status === 'finished' ? [] : timeOut(state, command.data.reason)
    case 'Tick':
      return tick(state, command.at, command.isExtended)
  }
}

const submitExecution = (state: ExecutionState, { id, data, benchIds }: SubmitCommand): Answer => {
  if (state.status !== 'absent') return idTaken(id)
  const errors = planFaults(data.tasks, benchIds.length)
  if (errors.length > 0) return planInvalid(errors)
  const { executionId: _, commitSha, suite, parameters, timeoutMs, callback, tasks, ...rest } = data
  const optional = Object.entries({ commitSha, suite, parameters, timeoutMs, callback }).filter(
    ([, value]) => value !== undefined,
  )
  return [
    {
      type: 'ExecutionSubmitted',
      data: {
        ...rest,
        ...Object.fromEntries(optional),
        benchIds,
        tasks: tasks.map((task) => ({ ...task, run: task.run ?? null })),
      },
    },
  ]
}

const claimTask = (
  state: Execution,
  { data, at, windowEnd }: Extract<ExecutionCommand, { type: 'ClaimTask' }>,
): Answer => {
  const { taskName, workerId, epoch, benchId } = data
  const task = taskNamed(state, taskName)
  if (state.status === 'finished') return over(state)
  const due = task?.status === 'ready' || (task?.status === 'waiting-retry' && isPast(task.retryAt, at))
  if (task === undefined || !due || !isOn(state, task, benchId) || (windowEnd <= at && task.runs !== 'always'))
    return taskNotReady(taskName)
  const attempt = task.attempts.length + 1
  const started: ExecutionEvent = {
    type: 'AttemptStarted',
    data: { taskName, attempt, workerId, epoch, benchId, timesOutAt: plusMs(at, task.timeoutMs) },
  }
  const { benchIds } = state
  if (state.startedAt === undefined) return [{ type: 'ExecutionStarted', data: { benchIds } }, started]
  // One that was driven again left its benches when it finished, whatever has been asked of it since.
  const resumes = state.runningSince === undefined || state.status === 'interrupted'
  return resumes ? [{ type: 'ExecutionResumed', data: { benchIds } }, started] : [started]
}

const isOn = (state: Execution, task: Task, benchId: string): boolean =>
  task.relocatable ? state.benchIds.includes(benchId) : state.benchIds[task.bench] === benchId

const cancelExecution = (
  state: Execution,
  { data, at, graceMs }: Extract<ExecutionCommand, { type: 'CancelExecution' }>,
): Answer => {
  if (state.cancel?.by === 'request') return []
  if (state.status === 'finished') return over(state)
  return settled(state, [cancelRequested('request', plusMs(at, graceMs), data.reason)], at)
}

const cancelRequested = (by: 'request' | 'window', dueAt: Instant, reason?: string): ExecutionEvent => ({
  type: 'ExecutionCancelRequested',
  data: { by, dueAt, ...(reason === undefined ? {} : { reason }) },
})

/** What did not pass is tried anew, with all its attempts; what passed stays. */
const redriveExecution = (state: Execution): Answer => {
  const isRedriven = state.status === 'queued' && state.tasks.some((task) => task.redrivenAfter !== undefined)
  if (state.status !== 'finished') return isRedriven ? [] : notFinished(state)
  const taskNames = state.tasks.filter((task) => task.status !== 'passed').map(({ name }) => name)
  if (taskNames.length === 0) return nothingToRedrive
  return [{ type: 'ExecutionRedriven', data: { taskNames } }]
}

/** What has not started yet goes where its reservation has gone. */
const followReservation = (state: Execution, benchIds: readonly string[]): Answer => {
  const isWaiting = state.startedAt === undefined && state.status !== 'finished'
  const isThere = state.benchIds.join() === benchIds.join()
  return isWaiting && !isThere ? [{ type: 'ExecutionMoved', data: { benchIds } }] : []
}

const extendGrace = (state: Execution, ending: { cancelAt: Instant; until: Instant }): Answer => {
  const isRunning = state.status === 'running' || state.status === 'interrupted' || state.status === 'cancelling'
  // Announced again, it is news only when the window was amended since, and nothing has been asked to stop for it.
  const isNews = state.ending?.until !== ending.until && state.cancel?.by !== 'window'
  return isRunning && isNews ? [{ type: 'ExecutionEnding', data: ending }] : []
}

/** The whole execution is out of time: what runs is timed out, what waits is skipped. */
const timeOut = (state: Execution, reason: string): readonly ExecutionEvent[] => [
  ...state.tasks.flatMap((task) => timedOut(task.name, liveAttempt(task), reason)),
  ...state.tasks
    .filter(isStartable)
    .map((task): ExecutionEvent => ({ type: 'TaskSkipped', data: { taskName: task.name, because: reason } })),
  finished(state, state.cancel?.by === 'request' ? 'cancelled' : 'timed-out'),
]

const timedOut = (taskName: string, attempt: Attempt | undefined, reason: string): readonly ExecutionEvent[] =>
  attempt === undefined ? [] : [{ type: 'AttemptTimedOut', data: { taskName, attempt: attempt.attempt, reason } }]

/** Everything due, in the order of what ends most: the whole, the cancelled, the window, single attempts. */
const tick = (state: Execution, at: Instant, isExtended: boolean): readonly ExecutionEvent[] => {
  if (state.status === 'finished') return []
  if (isPast(timesOutAt(state), at)) return timeOut(state, 'the execution passed its timeoutMs')
  const events = dueOf(state, at, isExtended)
  if (events.length === 0) return []
  const after = fold(state, events, at)
  return after.status === 'absent' ? events : [...events, ...tick(after, at, isExtended)]
}

const dueOf = (state: Execution, at: Instant, isExtended: boolean): readonly ExecutionEvent[] => {
  const { cancel, ending } = state
  if (isPast(ending?.cancelAt, at)) {
    if (isExtended) return [{ type: 'ExecutionEndingLifted', data: {} }]
    if (cancel === undefined)
      return settled(state, [cancelRequested('window', ending?.until ?? at, 'the window ends')], at)
  }
  if (cancel?.by === 'window' && isPast(cancel.dueAt, at)) return timeOut(state, 'the window has ended')
  if (isPast(ending?.until, at)) return timeOut(state, 'the window has ended')
  const unstopped = isPast(cancel?.dueAt, at)
    ? state.tasks.filter((task) => task.runs !== 'always' && liveAttempt(task) !== undefined)
    : []
  if (unstopped.length > 0)
    return settled(
      state,
      unstopped.flatMap((task) => timedOut(task.name, liveAttempt(task), 'it did not stop in time')),
      at,
    )
  const late = state.tasks.find((task) => isPast(liveAttempt(task)?.timesOutAt, at))
  return late === undefined
    ? []
    : settled(state, timedOut(late.name, liveAttempt(late), 'the attempt passed its timeoutMs'), at, late.name)
}

const isPast = (instant: Instant | undefined, at: Instant): boolean => instant !== undefined && instant <= at

const timesOutAt = ({ timeoutMs, runningSince }: Execution): Instant | undefined =>
  timeoutMs === undefined || runningSince === undefined ? undefined : plusMs(runningSince, timeoutMs)

export const nextDue = (state: ExecutionState): Instant | undefined => {
  if (state.status === 'absent' || state.status === 'finished') return undefined
  const { cancel, ending, tasks } = state
  const running = tasks.filter(({ status }) => status === 'running')
  const stopping = running.some(({ runs }) => runs !== 'always')
  const cancelDue = cancel !== undefined && (cancel.by === 'window' || stopping) ? cancel.dueAt : undefined
  const endingDue = ending === undefined ? undefined : cancel === undefined ? ending.cancelAt : ending.until
  const dues = [timesOutAt(state), cancelDue, endingDue, ...running.map((task) => liveAttempt(task)?.timesOutAt)]
  return dues.filter((due) => due !== undefined).sort()[0]
}

export const decider: Decider<ExecutionState, ExecutionCommand, ExecutionEvent> = { initial, decide, evolve, nextDue }
