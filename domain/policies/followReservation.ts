import { type Policy, tenantAndId } from './policy.ts'

/** A reservation that is pulled forward to other benches takes along the executions that wait for it to open. */
export const followReservation: Policy = {
  name: 'followReservation',
  on: ['ReservationPulledForward'],
  ask: (event) => {
    const { tenant, id } = tenantAndId(event)
    const { benchIds, from } = event.data as { benchIds: readonly string[]; from: { benchIds: readonly string[] } }
    const isElsewhere = benchIds.join() !== from.benchIds.join()
    return isElsewhere ? { ask: 'executions-of-reservation', tenant, reservationId: id } : undefined
  },
  then: (_, { executions = [] }) =>
    executions
      .filter(({ status }) => status !== 'finished')
      .map(({ executionId }) => ({ kind: 'execution', id: executionId, type: 'FollowReservation', data: {} })),
}
