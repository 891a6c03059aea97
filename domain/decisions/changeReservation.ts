import type { BenchState } from '../bench/state.ts'
import { isRejection, type Rejection } from '../decider.ts'
import { type Instant, plusMs, streamName } from '../ids.ts'
import { decide, queueHorizonMs, type ReservationCommand } from '../reservation/decide.ts'
import type { BenchesSeen } from '../reservation/due.ts'
import type { ReservationEvent } from '../reservation/events.ts'
import { offersFor } from '../reservation/placement.ts'
import { reservationUnknown } from '../reservation/rejections.ts'
import { evolve, type Reservation } from '../reservation/state.ts'
import { askBenches, type BenchAsk, benchAsksOf } from './consequences.ts'
import { calendarOf } from './places.ts'
import { type AddressedCommand, nothing, type Program, read, readAll } from './program.ts'

/** Every command on a reservation that exists: what its benches show goes in, what it decides goes to its benches. */
export function* changeReservation(command: AddressedCommand): Program {
  const { tenant, id, at, type, data } = command
  const state = yield* read(tenant, 'reservation', id)
  if (state.status === 'absent') return reservationUnknown(id)
  const states = yield* readAll(tenant, 'bench', state.benchIds)
  const benches = new Map(state.benchIds.map((benchId, index) => [benchId, states[index] as BenchState]))
  const seen = seenOn(states, id)
  const events = decide(state, { type, data, id, at, seen } as ReservationCommand)
  if (isRejection(events)) return events
  const asked = askBenches(tenant, benches, asksOf(id, state, events, at), at)
  if (isRejection(asked)) return withOffers(asked, state, events, benches, id)
  return events.length === 0
    ? nothing
    : { changes: [{ stream: streamName(tenant, 'reservation', id), events }, ...asked] }
}

const seenOn = (benches: readonly BenchState[], reservationId: string): BenchesSeen => {
  const registered = benches.filter((bench) => bench.status === 'registered')
  const own = registered.flatMap((bench) => bench.intervals.filter((held) => held.reservationId === reservationId))
  return {
    occupied: registered.some((bench) => bench.occupant?.reservationId === reservationId),
    occupiedByOther: registered.some(
      (bench) => bench.occupant !== null && bench.occupant.reservationId !== reservationId,
    ),
    everOccupied: own.some((held) => held.occupiedAt !== undefined),
  }
}

/** Several events can follow one command (what was due comes first): each asks of the benches as things then stand. */
const asksOf = (
  id: string,
  state: Reservation,
  events: readonly ReservationEvent[],
  at: Instant,
): readonly BenchAsk[] => {
  let before: Reservation = state
  return events.flatMap((event) => {
    const asks = benchAsksOf(id, before, event)
    const after = evolve(before, { ...event, version: 0, at })
    if (after.status !== 'absent') before = after
    return asks
  })
}

/** An amendment that meets other windows is told where it could go instead, on the same benches. */
const withOffers = (
  refusal: Rejection,
  state: Reservation,
  events: readonly ReservationEvent[],
  benches: ReadonlyMap<string, BenchState>,
  id: string,
): Rejection => {
  const amended = events.find((event) => event.type === 'ReservationAmended')
  if (refusal.rejection !== 'IntervalConflict' || amended === undefined) return refusal
  const { start, end } = amended.data
  const calendars = new Map(
    [...benches].flatMap(([benchId, bench]) => (bench.status === 'registered' ? [[benchId, calendarOf(bench)]] : [])),
  )
  const slots = state.benchIds.map((benchId) => [benchId])
  const latestStart = state.status === 'active' ? state.start : (state.latestStart ?? plusMs(start, queueHorizonMs))
  return {
    ...refusal,
    offers: offersFor({ slots, alternatives: slots, calendars, start, end, latestStart, ignoring: id }),
  }
}
