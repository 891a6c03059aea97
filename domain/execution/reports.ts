/** What workers report of their attempts, and what is said of attempts whose worker can't. */
import type { DataOf, Rejection } from '../decider.ts'
import type { Instant } from '../ids.ts'
import * as commands from './commands.ts'
import type { ExecutionEvent } from './events.ts'
import { artifactDiffers, artifactMissing, stale, tooManyArtifacts } from './rejections.ts'
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
interface Report {
  isFenced: boolean
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
  const missing = artifacts.filter((path) => attempt.artifacts?.[path] === undefined)
  if (missing.length > 0) return artifactMissing(missing)
  const passed = { taskName, attempt: data.attempt, ...(result === undefined ? {} : { result }), artifacts }
  return settled(state, [{ type: 'AttemptPassed', data: passed }], at)
}

/** An artifact is uploaded once; the same bytes again change nothing. */
export const recordArtifact = (state: Execution, { data, isFenced }: Reporting<'RecordArtifact'>): Answer => {
  const attempt = reported(state, { ...data, isFenced }, 'artifact', 'started')
  if (attempt === 'done') return []
  if ('rejection' in attempt) return attempt
  const { taskName, path, bytes, sha256 } = data
  const known = attempt.artifacts?.[path]
  if (known !== undefined) return known === sha256 ? [] : artifactDiffers(path)
  if (Object.keys(attempt.artifacts ?? {}).length >= commands.artifactCountMax) return tooManyArtifacts
  return [{ type: 'ArtifactRecorded', data: { taskName, attempt: data.attempt, path, bytes, sha256 } }]
}

/** Its worker is gone, or never knew of it. With the last attempt that ran the execution is interrupted. */
export const loseAttempt = (state: Execution, data: Data<'LoseAttempt'>, at: Instant): Answer => {
  const { taskName, workerId, epoch, reason } = data
  const live = liveAttempt(state.tasks.find(({ name }) => name === taskName))
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
  const { taskName, reason, infrastructure } = data
  const failed = { taskName, attempt: data.attempt, benchId: attempt.benchId, reason, infrastructure }
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
  return settled(state, [{ type: 'AttemptCancelled', data: { taskName: data.taskName, attempt: data.attempt } }], at)
}
