import { type Policy, tenantAndId } from './policy.ts'

/** A reservation that waits for a bench to be vacated, to begin or, in its grace, to end, goes on at that moment. */
export const activateAfterVacancy: Policy = {
  name: 'activateAfterVacancy',
  on: ['BenchVacated'],
  ask: (event) => {
    const { tenant, id } = tenantAndId(event)
    return { ask: 'reservations-of-bench', tenant, benchId: id }
  },
  then: (event, { reservations = [] }) =>
    reservations
      .filter(({ status, start, end }) => (status === 'active' ? end : start) <= event.at)
      .map(({ reservationId }) => ({ kind: 'reservation', id: reservationId, type: 'Tick', data: {} })),
}
