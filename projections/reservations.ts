import type { Happened } from '../domain/decider.ts'
import type { IndexEntry } from '../domain/ports.ts'
import { decider } from '../domain/reservation/decide.ts'
import type { ReservationEvent } from '../domain/reservation/events.ts'
import { isOver, type Reservation, type ReservationState } from '../domain/reservation/state.ts'
import type { View } from './view.ts'

/**
 * Who has which benches when, and who waits?
 *
 * All but the queue are sorted by the window's start. `bench_live_idx` holds what is not over; `queued_idx` has one
 * partition, `queued`, in the order of the queue.
 */
export const reservations: View<ReservationState> = {
  name: 'reservations',
  kind: 'reservation',
  project: (body, recorded) =>
    decider.evolve(body ?? decider.initial, recorded as unknown as Happened<ReservationEvent>),
  entries: (id, state) => {
    if (state.status === 'absent') return []
    const { holder, status, start, benchIds } = state
    const found = (index: string, partition: string): IndexEntry => ({ index, partition, sort: start })
    return [
      found('all_idx', 'reservations'),
      found('holder_idx', holder),
      found('status_idx', status),
      ...benchIds.map((benchId) => found('bench_reservations_idx', benchId)),
      ...(isOver(state) ? [] : benchIds.map((benchId) => found('bench_live_idx', benchId))),
      ...(status === 'queued' ? [{ index: 'queued_idx', partition: 'queued', sort: queueOrder(id, state) }] : []),
    ]
  },
  nextDue: (state) => decider.nextDue(state),
}

/** By priority, the highest first, then by waiting time. */
const queueOrder = (id: string, { priority, requestedAt }: Reservation): string =>
  `${String(1_000 - priority).padStart(4, '0')}/${requestedAt}/${id}`
