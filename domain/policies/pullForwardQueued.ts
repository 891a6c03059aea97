import type { RegisteredBench } from '../bench/state.ts'
import { firstFailing, parseQuery } from '../capabilities.ts'
import type { Reservation } from '../reservation/state.ts'
import { type Policy, tenantAndId } from './policy.ts'

/** Whenever a bench has become freer or more capable, the queued reservations that it could help are tried, in the order of the queue. */
export const pullForwardQueued: Policy = {
  name: 'pullForwardQueued',
  on: [
    'IntervalFreed',
    'IntervalMoved',
    'BenchVacated',
    'BenchRegistered',
    'BenchDescribed',
    'BenchReturnedToService',
    'BenchMaintenanceEnded',
    'BenchOnline',
  ],
  ask: (event) => {
    const { tenant, id } = tenantAndId(event)
    return { ask: 'queue', tenant, benchId: id }
  },
  then: (event, { bench, reservations = [] }) => {
    if (bench?.status !== 'registered' || bench.serviceability !== 'in-service') return []
    const freedBy = (event.data as { reservationId?: string }).reservationId
    return reservations
      .filter(
        (reservation) =>
          reservation.reservationId !== freedBy &&
          couldUse(reservation, bench) &&
          couldStartEarlier(reservation, event.at),
      )
      .map(({ reservationId }) => ({ kind: 'reservation', id: reservationId, type: 'PullForward', data: {} }))
  },
}

const couldStartEarlier = (reservation: Reservation, at: string): boolean =>
  reservation.status === 'queued' && reservation.start > reservation.earliestStart && reservation.start > at

/** Whether the reservation names the bench, or asks for something that it is. */
export const couldUse = (reservation: Reservation, { benchId, description }: RegisteredBench): boolean =>
  reservation.benches.some((wanted) => {
    if ('benchId' in wanted) return wanted.benchId === benchId
    const parsed = parseQuery(wanted.query)
    return (
      parsed.ok &&
      (wanted.type === undefined || wanted.type === description.type) &&
      firstFailing(parsed.query, description.capabilities) === undefined
    )
  })
