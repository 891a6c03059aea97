import { type Policy, tenantAndId } from './policy.ts'

/** A bench that is retired by force takes its reservations with it. */
export const evictFromRetired: Policy = {
  name: 'evictFromRetired',
  on: ['BenchRetired'],
  then: (event) => {
    const benchId = tenantAndId(event).id
    const { reservationIds } = event.data as { reservationIds: readonly string[] }
    return reservationIds.map((id) => ({ kind: 'reservation', id, type: 'EvictReservation', data: { benchId } }))
  },
}
