import type { Callback } from '../../domain/execution/events.ts'

/** The token of the state machine that waits for an execution; undefined: none does. */
export const taskTokenOf = (callback: Callback | undefined): string | undefined =>
  callback !== undefined && 'taskToken' in callback ? callback.taskToken : undefined
