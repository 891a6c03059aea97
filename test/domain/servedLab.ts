import { bench, inHours, lab, window } from './lab.ts'

export const session = { workerId: 'w1', epoch: 1 }
export const bothBenches = [{ benchId: 'b1' }, { benchId: 'b2' }]

/** Two benches that a worker serves, under an active reservation of two hours, and how its worker speaks. */
export const servedLab = () => {
  const all = lab(bench('b1', { capabilities: ['can'] }), bench('b2', { capabilities: ['can'] }))
  const { send, book, tick } = all
  send('worker', 'w1', 'EnrolWorker', {})
  send('worker', 'w1', 'OpenSession', { benches: ['b1', 'b2'], agentVersion: '1' })
  book('r1', { benches: bothBenches, ...window(0, 2) })
  tick('r1', inHours(0))
  const report =
    (type: string) =>
    (taskName: string, attempt = 1, more: Record<string, unknown> = {}, at = inHours(0)) =>
      send('execution', 'e1', type, { taskName, attempt, ...session, ...more }, at)
  return {
    ...all,
    submit: (tasks: readonly Record<string, unknown>[], more: Record<string, unknown> = {}) =>
      send('execution', 'e1', 'SubmitExecution', {
        reservationId: 'r1',
        tasks: tasks.map((task) => ({ run: {}, ...task })),
        ...more,
      }),
    claim: (taskName: string, benchId = 'b1', at = inHours(0), id = 'e1') =>
      send('execution', id, 'ClaimTask', { taskName, benchId, ...session }, at),
    complete: report('CompleteAttempt'),
    fail: (taskName: string, attempt = 1, more: Record<string, unknown> = {}, at = inHours(0)) =>
      report('FailAttempt')(taskName, attempt, { reason: 'exit 1', ...more }, at),
    cancelled: report('AcknowledgeCancel'),
    lose: (taskName: string, attempt = 1) => report('LoseAttempt')(taskName, attempt, { reason: 'gone' }),
    cancel: (at = inHours(0)) => send('execution', 'e1', 'CancelExecution', {}, at),
    redrive: (at = inHours(0)) => send('execution', 'e1', 'RedriveExecution', {}, at),
    time: (at: string) => send('execution', 'e1', 'Tick', {}, at),
    tasks: () => Object.fromEntries(all.execution('e1').tasks.map(({ name, status }) => [name, status])),
    verdict: () => all.execution('e1').verdict,
    occupants: () => ['b1', 'b2'].map((benchId) => all.bench(benchId).occupant?.executionId),
  }
}
export type ServedLab = ReturnType<typeof servedLab>
