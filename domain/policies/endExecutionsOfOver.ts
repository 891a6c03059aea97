import { type Policy, tenantAndId } from './policy.ts'

/** Once a reservation is over, its executions that have not finished do, timed-out. */
export const endExecutionsOfOver: Policy = {
  name: 'endExecutionsOfOver',
  on: ['ReservationReleased', 'ReservationExpired', 'ReservationNoShow', 'ReservationCancelled'],
  ask: (event) => {
    const { tenant, id } = tenantAndId(event)
    return { ask: 'executions-of-reservation', tenant, reservationId: id }
  },
  then: (_, { executions = [] }) =>
    executions
      .filter(({ status }) => status !== 'finished')
      .map(({ executionId }) => ({
        kind: 'execution',
        id: executionId,
        type: 'EndExecution',
        data: { reason: 'the reservation is over' },
      })),
}
