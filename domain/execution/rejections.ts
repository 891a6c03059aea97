/** Why an execution refuses: each a fact with the members that explain it. */
import type { Rejection } from '../decider.ts'
import { artifactCountMax } from './commands.ts'
import type { Execution } from './state.ts'

export const idTaken = (executionId: string): Rejection => ({
  rejection: 'ExecutionIdTaken',
  detail: `execution ${executionId} exists, and was not submitted by this command`,
  executionId,
})
export const executionUnknown = (executionId: string): Rejection => ({
  rejection: 'ExecutionUnknown',
  detail: `there is no execution ${executionId}`,
  executionId,
})
export const planInvalid = (errors: readonly { path: string; message: string }[]): Rejection => ({
  rejection: 'PlanInvalid',
  detail: 'the tasks are no plan',
  errors,
})
export const over = (state: Execution): Rejection => ({
  rejection: 'ExecutionOver',
  detail: `the execution has finished: ${state.verdict}`,
  verdict: state.verdict,
})
export const taskNotReady = (taskName: string): Rejection => ({
  rejection: 'TaskNotReady',
  detail: `task ${taskName} can't be claimed now`,
  taskName,
})
export const stale = (
  rejection: 'StaleEpoch' | 'StaleAttempt',
  { taskName, attempt }: { taskName: string; attempt: number },
): Rejection => ({
  rejection,
  detail:
    rejection === 'StaleEpoch'
      ? `attempt ${attempt} of ${taskName} belongs to another session`
      : `attempt ${attempt} of ${taskName} is not running`,
  taskName,
  attempt,
})
/** An attempt that stops of itself has failed; only what was asked to stop is cancelled. */
export const cancelNotRequested = (taskName: string): Rejection => ({
  rejection: 'CancelNotRequested',
  detail: `nobody has asked ${taskName} to stop: report it as failed`,
  taskName,
})
export const artifactMissing = (paths: readonly string[]): Rejection => ({
  rejection: 'ArtifactMissing',
  detail: `${paths.length} artifact(s) were never uploaded: ${paths.slice(0, 5).join(', ')}`,
  paths: paths.slice(0, 50),
})
export const artifactDiffers = (path: string): Rejection => ({
  rejection: 'ArtifactDiffers',
  detail: `${path} was uploaded with other bytes`,
  path,
})
export const tooManyArtifacts: Rejection = {
  rejection: 'TooManyArtifacts',
  detail: `an attempt leaves at most ${artifactCountMax} artifacts`,
  artifactCountMax,
}
export const notFinished = (state: Execution): Rejection => ({
  rejection: 'ExecutionNotFinished',
  detail: `the execution is ${state.status}: only a finished one is driven again`,
  status: state.status,
})
export const nothingToRedrive: Rejection = {
  rejection: 'NothingToRedrive',
  detail: 'everything has passed',
}
