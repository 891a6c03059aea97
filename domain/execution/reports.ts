/** What workers report of their attempts, and what is said of attempts whose worker can't. */
import type { DataOf, Rejection } from '../decider.ts'
import type { Instant } from '../ids.ts'
import type * as commands from './commands.ts'
import type { ExecutionEvent } from './events.ts'
import { taskNamed } from './readiness.ts'
import { artifactMissing, cancelNotRequested, stale } from './rejections.ts'
import { liveAttempt, settled } from './settle.ts'
import type { Attempt, Execution } from './state.ts'

type Data<Type extends keyof typeof commands> = DataOf<typeof commands, Type>

/** A report, and whether its session is still its worker's. */
export type Reporting<Type extends keyof typeof commands> = { data: Data<Type>; isFenced: boolean }

/** A refusal may leave evidence: events that change nothing but are kept. */
export type Refusal = Rejection & { evidence?: readonly ExecutionEvent[] }
export type Answer = readonly ExecutionEvent[] | Refusal

/** More rejected reports than this are counted by the server, but no longer kept in history. */
export const rejectedReportCountMax = 100

/** `isFenced`: the session it comes from is not its worker's any more. */
export interface Report {
  isFenced: boolean
  taskName: string
  attempt: number
  workerId: string
  epoch: number
}

/** The attempt that a report names, and whether it was its session's. */
export const attemptOf = (state: Execution, report: Report): { attempt: Attempt | undefined; own: boolean } => {
  const attempt = taskNamed(state, report.taskName)?.attempts.find((one) => one.attempt === report.attempt)
  return { attempt, own: attempt?.workerId === report.workerId && attempt.epoch === report.epoch }
}

/** The SHA-256 of what the attempt has left there. */
export const artifactAt = ({ artifacts = {} }: Attempt, path: string): string | undefined =>
  Object.hasOwn(artifacts, path) ? artifacts[path] : undefined

/** The live attempt that a report is about; 'done' when this very report was taken before; else a refusal, with evidence. */
export const reported = (
  state: Execution,
  report: Report,
  kind: string,
  done: Attempt['status'],
): Attempt | 'done' | Refusal => {
  const { attempt, own } = attemptOf(state, report)
  if (attempt !== undefined && own && done !== 'started' && attempt.status === done) return 'done'
  if (attempt !== undefined && own && attempt.status === 'started' && !report.isFenced) return attempt
  const refusal = stale(report.isFenced || (attempt !== undefined && !own) ? 'StaleEpoch' : 'StaleAttempt', report)
  const { taskName, attempt: number, workerId, epoch } = report
  const evidence: ExecutionEvent = {
    type: 'AttemptReportRejected',
    data: { taskName, attempt: number, workerId, epoch, report: kind, rejection: refusal.rejection },
  }
  return state.rejectedReportCount < rejectedReportCountMax ? { ...refusal, evidence: [evidence] } : refusal
}

export const completeAttempt = (
  state: Execution,
  { data, isFenced }: Reporting<'CompleteAttempt'>,
  at: Instant,
): Answer => {
  const attempt = reported(state, { ...data, isFenced }, 'complete', 'passed')
  if (attempt === 'done') return []
  if ('rejection' in attempt) return attempt
  const { taskName, result, artifacts } = data
  const missing = artifacts.filter((path) => artifactAt(attempt, path) === undefined)
  if (missing.length > 0) return artifactMissing(missing)
  const passed = { taskName, attempt: data.attempt, ...(result === undefined ? {} : { result }), artifacts }
  return settled(state, [{ type: 'AttemptPassed', data: passed }], at)
}

/** Its worker is gone, or never knew of it. With the last attempt that ran the execution is interrupted. */
export const loseAttempt = (state: Execution, data: Data<'LoseAttempt'>, at: Instant): Answer => {
  const { taskName, workerId, epoch, reason } = data
  const live = liveAttempt(taskNamed(state, taskName))
  if (live?.attempt !== data.attempt || live.workerId !== workerId || live.epoch !== epoch) return []
  const others = state.tasks.some((task) => task.name !== taskName && liveAttempt(task) !== undefined)
  const interrupted: readonly ExecutionEvent[] =
    others || state.status !== 'running' ? [] : [{ type: 'ExecutionInterrupted', data: { workerId, epoch } }]
  return settled(
    state,
    [{ type: 'AttemptLost', data: { taskName, attempt: data.attempt, reason } }, ...interrupted],
    at,
  )
}

export const failAttempt = (state: Execution, { data, isFenced }: Reporting<'FailAttempt'>, at: Instant): Answer => {
  const attempt = reported(state, { ...data, isFenced }, 'fail', 'failed')
  if (attempt === 'done') return []
  if ('rejection' in attempt) return attempt
  const { taskName, reason, infrastructure, result } = data
  const { benchId } = attempt
  const failed = {
    taskName,
    attempt: data.attempt,
    benchId,
    reason,
    infrastructure,
    ...(result === undefined ? {} : { result }),
  }
  return settled(state, [{ type: 'AttemptFailed', data: failed }], at, taskName)
}

export const acknowledgeCancel = (
  state: Execution,
  { data, isFenced }: Reporting<'AcknowledgeCancel'>,
  at: Instant,
): Answer => {
  const attempt = reported(state, { ...data, isFenced }, 'cancelled', 'cancelled')
  if (attempt === 'done') return []
  if ('rejection' in attempt) return attempt
  if (state.cancel === undefined) return cancelNotRequested(data.taskName)
  return settled(state, [{ type: 'AttemptCancelled', data: { taskName: data.taskName, attempt: data.attempt } }], at)
}
