import { type Policy, tenantAndId } from './policy.ts'

/** A reservation that waits for a predecessor to leave its bench goes on the moment it is vacated. */
export const activateAfterVacancy: Policy = {
  name: 'activateAfterVacancy',
  on: ['BenchVacated'],
  ask: (event) => {
    const { tenant, id } = tenantAndId(event)
    return { ask: 'reservations-of-bench', tenant, benchId: id }
  },
  then: (event, { reservations = [] }) =>
    reservations
      .filter(({ status, start }) => (status === 'confirmed' || status === 'queued') && start <= event.at)
      .map(({ reservationId }) => ({ kind: 'reservation', id: reservationId, type: 'Tick', data: {} })),
}
