import type { z } from 'zod'
import type { Command, Decider, Rejection } from '../decider.ts'
import { type Instant, plusMs } from '../ids.ts'
import type * as commands from './commands.ts'
import type { ExecutionEvent } from './events.ts'
import { planFaults } from './plan.ts'
import { executionUnknown, idTaken, over, planInvalid, stale, taskNotReady } from './rejections.ts'
import { finished, isStartable, liveAttempt, settled } from './settle.ts'
import { type Attempt, type Execution, type ExecutionState, evolve, initial } from './state.ts'

type Data<Type extends keyof typeof commands> = (typeof commands)[Type] extends z.ZodType
  ? z.output<(typeof commands)[Type]>
  : never
type Plain<
  Type extends
    | 'ClaimTask'
    | 'CompleteAttempt'
    | 'FailAttempt'
    | 'AcknowledgeCancel'
    | 'CancelExecution'
    | 'EndExecution'
    | 'Tick',
> = Type extends unknown ? Command<Type, Data<Type>> : never

/** `benchIds` are the reservation's: what `bench` indexes. */
export type SubmitCommand = Command<'SubmitExecution', Data<'SubmitExecution'>> & { benchIds: readonly string[] }
export type ExecutionCommand =
  | SubmitCommand
  | Plain<
      | 'ClaimTask'
      | 'CompleteAttempt'
      | 'FailAttempt'
      | 'AcknowledgeCancel'
      | 'CancelExecution'
      | 'EndExecution'
      | 'Tick'
    >

/** A refusal may leave evidence: events that change nothing but are kept. */
export type Refusal = Rejection & { evidence?: readonly ExecutionEvent[] }
type Answer = readonly ExecutionEvent[] | Refusal

/** More rejected reports than this are counted by the server, but no longer kept in history. */
export const rejectedReportCountMax = 100

export const decide = (state: ExecutionState, command: ExecutionCommand): Answer => {
  if (command.type === 'SubmitExecution') return submitExecution(state, command)
  if (state.status === 'absent') return executionUnknown(command.id)
  switch (command.type) {
    case 'ClaimTask':
      return claimTask(state, command.data, command.at)
    case 'CompleteAttempt':
      return completeAttempt(state, command.data, command.at)
    case 'FailAttempt':
      return failAttempt(state, command.data, command.at)
    case 'AcknowledgeCancel':
      return acknowledgeCancel(state, command.data, command.at)
    case 'CancelExecution':
      return cancelExecution(state, command.data, command.at)
    case 'EndExecution':
      return state.status === 'finished' ? [] : timeOut(state, command.data.reason)
    case 'Tick':
      return tick(state, command.at)
  }
}

const submitExecution = (state: ExecutionState, { id, data, benchIds }: SubmitCommand): Answer => {
  if (state.status !== 'absent') return idTaken(id)
  const errors = planFaults(data.tasks, benchIds.length)
  if (errors.length > 0) return planInvalid(errors)
  const { executionId: _, commitSha, suite, parameters, timeoutMs, tasks, ...rest } = data
  const optional = Object.entries({ commitSha, suite, parameters, timeoutMs }).filter(
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
  { taskName, workerId, epoch, benchId }: Data<'ClaimTask'>,
  at: Instant,
): Answer => {
  const task = state.tasks.find(({ name }) => name === taskName)
  if (state.status === 'finished') return over(state)
  const due =
    task?.status === 'ready' || (task?.status === 'waiting-retry' && task.retryAt !== undefined && task.retryAt <= at)
  const allowed =
    task?.relocatable === true
      ? state.benchIds.includes(benchId)
      : task !== undefined && state.benchIds[task.bench] === benchId
  if (task === undefined || !due || !allowed) return taskNotReady(taskName)
  const attempt = task.attempts.length + 1
  const data = { taskName, attempt, workerId, epoch, benchId, timesOutAt: plusMs(at, task.timeoutMs) }
  const start: readonly ExecutionEvent[] =
    state.status === 'queued' ? [{ type: 'ExecutionStarted', data: { benchIds: state.benchIds } }] : []
  return [...start, { type: 'AttemptStarted', data }]
}

interface Report {
  taskName: string
  attempt: number
  workerId: string
  epoch: number
}

/** The live attempt that a report is about; 'done' when this very report was taken before; else a refusal, with evidence. */
const reported = (
  state: Execution,
  report: Report,
  kind: string,
  done: Attempt['status'],
): Attempt | 'done' | Refusal => {
  const attempt = state.tasks
    .find(({ name }) => name === report.taskName)
    ?.attempts.find((one) => one.attempt === report.attempt)
  const own = attempt?.workerId === report.workerId && attempt.epoch === report.epoch
  if (attempt !== undefined && own && attempt.status === 'started') return attempt
  if (attempt !== undefined && own && attempt.status === done) return 'done'
  const refusal = stale(attempt === undefined || own ? 'StaleAttempt' : 'StaleEpoch', report)
  const { taskName, attempt: number, workerId, epoch } = report
  const evidence: ExecutionEvent = {
    type: 'AttemptReportRejected',
    data: { taskName, attempt: number, workerId, epoch, report: kind, rejection: refusal.rejection },
  }
  return state.rejectedReportCount < rejectedReportCountMax ? { ...refusal, evidence: [evidence] } : refusal
}

const completeAttempt = (state: Execution, data: Data<'CompleteAttempt'>, at: Instant): Answer => {
  const attempt = reported(state, data, 'complete', 'passed')
  if (attempt === 'done') return []
  if ('rejection' in attempt) return attempt
  const { taskName, result, artifacts } = data
  const passed = { taskName, attempt: data.attempt, ...(result === undefined ? {} : { result }), artifacts }
  return settled(state, [{ type: 'AttemptPassed', data: passed }], at)
}

const failAttempt = (state: Execution, data: Data<'FailAttempt'>, at: Instant): Answer => {
  const attempt = reported(state, data, 'fail', 'failed')
  if (attempt === 'done') return []
  if ('rejection' in attempt) return attempt
  const { taskName, reason, infrastructure } = data
  const failed = { taskName, attempt: data.attempt, benchId: attempt.benchId, reason, infrastructure }
  return settled(state, [{ type: 'AttemptFailed', data: failed }], at, taskName)
}

const acknowledgeCancel = (state: Execution, data: Data<'AcknowledgeCancel'>, at: Instant): Answer => {
  const attempt = reported(state, data, 'cancelled', 'cancelled')
  if (attempt === 'done') return []
  if ('rejection' in attempt) return attempt
  return settled(state, [{ type: 'AttemptCancelled', data: { taskName: data.taskName, attempt: data.attempt } }], at)
}

const cancelExecution = (state: Execution, { reason }: Data<'CancelExecution'>, at: Instant): Answer => {
  if (state.status === 'cancelling' || state.verdict === 'cancelled') return []
  if (state.status === 'finished') return over(state)
  return settled(state, [{ type: 'ExecutionCancelRequested', data: reason === undefined ? {} : { reason } }], at)
}

/** The whole execution is out of time: what runs is timed out, what waits is skipped. */
const timeOut = (state: Execution, reason: string): readonly ExecutionEvent[] => [
  ...state.tasks.flatMap((task) => timedOut(task.name, liveAttempt(task), reason)),
  ...state.tasks
    .filter(isStartable)
    .map((task): ExecutionEvent => ({ type: 'TaskSkipped', data: { taskName: task.name, because: reason } })),
  finished(state, state.status === 'cancelling' ? 'cancelled' : 'timed-out'),
]

const timedOut = (taskName: string, attempt: Attempt | undefined, reason: string): readonly ExecutionEvent[] =>
  attempt === undefined ? [] : [{ type: 'AttemptTimedOut', data: { taskName, attempt: attempt.attempt, reason } }]

const tick = (state: Execution, at: Instant): readonly ExecutionEvent[] => {
  if (state.status === 'finished') return []
  const endsAt = timesOutAt(state)
  if (isPast(endsAt, at)) return timeOut(state, 'the execution passed its timeoutMs')
  const due = state.tasks.find((task) => isPast(liveAttempt(task)?.timesOutAt, at))
  if (due === undefined) return []
  const events = settled(state, timedOut(due.name, liveAttempt(due), 'the attempt passed its timeoutMs'), at, due.name)
  const after = events.reduce((folded: ExecutionState, event) => evolve(folded, { ...event, version: 0, at }), state)
  return after.status === 'absent' ? events : [...events, ...tick(after, at)]
}

const isPast = (instant: Instant | undefined, at: Instant): boolean => instant !== undefined && instant <= at

const timesOutAt = (state: Execution): Instant | undefined =>
  state.timeoutMs === undefined || state.startedAt === undefined ? undefined : plusMs(state.startedAt, state.timeoutMs)

export const nextDue = (state: ExecutionState): Instant | undefined => {
  if (state.status === 'absent' || state.status === 'finished') return undefined
  const dues = state.tasks.flatMap((task) => liveAttempt(task)?.timesOutAt ?? [])
  return [...dues, timesOutAt(state)].filter((due) => due !== undefined).sort()[0]
}

export const decider: Decider<ExecutionState, ExecutionCommand, ExecutionEvent> = { initial, decide, evolve, nextDue }
