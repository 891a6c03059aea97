import { SubmitExecution } from '../../domain/execution/commands.ts'
import { decider, type ExecutionCommand } from '../../domain/execution/decide.ts'
import type { ExecutionEvent } from '../../domain/execution/events.ts'
import type { Execution } from '../../domain/execution/state.ts'
import { plusMs } from '../../domain/ids.ts'
import { given } from '../given.ts'

export const t0 = '2026-03-01T09:00:00.000Z'
export const at = (ms: number) => plusMs(t0, ms)
export const session = { workerId: 'w1', epoch: 1 }
export type Plan = Record<string, unknown> & { name: string }
export const submit = (
  tasks: readonly Plan[],
  rest: Record<string, unknown> = {},
  benchIds = ['b1'],
): ExecutionCommand => ({
  type: 'SubmitExecution',
  data: SubmitExecution.parse({ reservationId: 'r1', ...rest, tasks: tasks.map((task) => ({ run: {}, ...task })) }),
  id: 'e1',
  at: t0,
  benchIds,
})
export const claim = (taskName: string, ms = 0, benchId = 'b1'): ExecutionCommand => ({
  type: 'ClaimTask',
  data: { taskName, benchId, ...session },
  id: 'e1',
  at: at(ms),
  windowEnd: at(86_400_000),
})
export const complete = (taskName: string, attempt = 1, ms = 1, by = session): ExecutionCommand => ({
  type: 'CompleteAttempt',
  isFenced: false,
  data: { taskName, attempt, ...by, artifacts: [] },
  id: 'e1',
  at: at(ms),
})
export const fail = (taskName: string, attempt = 1, ms = 1, infrastructure = false): ExecutionCommand => ({
  type: 'FailAttempt',
  isFenced: false,
  data: { taskName, attempt, ...session, reason: 'exit 1', infrastructure },
  id: 'e1',
  at: at(ms),
})
export const cancel = (ms = 1): ExecutionCommand => ({
  type: 'CancelExecution',
  data: {},
  id: 'e1',
  at: at(ms),
  graceMs: 60_000,
})
export const tick = (ms: number, isExtended = false): ExecutionCommand => ({
  type: 'Tick',
  data: {},
  id: 'e1',
  at: at(ms),
  isExtended,
})

/** Everything that the commands lead to, each of them taken. */
export const after = (...commands: readonly ExecutionCommand[]): (ExecutionEvent & { at: string })[] => {
  const history: (ExecutionEvent & { at: string })[] = []
  for (const command of commands) {
    const { answer } = given(decider, history).when(command)
    if ('rejection' in answer) throw new Error(`${command.type}: ${answer.detail}`)
    history.push(...answer.map((event) => ({ ...event, at: command.at })))
  }
  return history
}
export const stateAfter = (...commands: readonly ExecutionCommand[]) =>
  given(decider, after(...commands)).state as Execution
export const statuses = (state: Execution) => Object.fromEntries(state.tasks.map((task) => [task.name, task.status]))
