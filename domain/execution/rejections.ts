/** Why an execution refuses: each a fact with the members that explain it. */
import type { Rejection } from '../decider.ts'
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
