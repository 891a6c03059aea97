/** What time alone brings a reservation: activation, a no-show, its end and the grace around it. */
import { earlier, type Instant, later, plusMs } from '../ids.ts'
import type { ReservationEvent } from './events.ts'
import { isOver, type Reservation, type ReservationState } from './state.ts'

/** What the reservation's benches show, as far as its own decisions depend on it. */
export interface BenchesSeen {
  /** An execution of another reservation is still on one of them. */
  occupiedByOther: boolean
  /** An execution of this reservation is on one of them. */
  occupied: boolean
  /** An execution of this reservation was ever on one of them. */
  everOccupied: boolean
}

/** When nobody has checked in by then, the reservation is a no-show. */
const checkInDueAt = (state: Reservation): Instant | undefined =>
  state.status !== 'active' || state.checkInWithinMs === 0 || state.checkedInAt !== undefined
    ? undefined
    : plusMs(later(state.start, state.activatedAt ?? state.start), state.checkInWithinMs)

/** When its end is announced to what runs; a grace of nothing announces nothing. */
const endingDueAt = (state: Reservation): Instant | undefined =>
  state.status !== 'active' || state.isEnding === true || state.graceMs === 0
    ? undefined
    : plusMs(state.end, -state.graceMs)

/** In the order in which it was due, as far as the benches let it happen. */
export const whatIsDue = (state: Reservation, at: Instant, seen: BenchesSeen): readonly ReservationEvent[] => {
  const ended = state.end <= at
  if (state.status !== 'active')
    return ended ? [expired] : state.start <= at && !seen.occupiedByOther ? [activated] : []
  const checkInDue = checkInDueAt(state)
  const missed = checkInDue !== undefined && checkInDue <= at && checkInDue < state.end
  if (missed && !seen.everOccupied) return [{ type: 'ReservationNoShow', data: {} }]
  const checkedIn: readonly ReservationEvent[] = missed
    ? [{ type: 'ReservationCheckedIn', data: { by: 'occupation' } }]
    : []
  return [...checkedIn, ...(ended ? atTheEnd(state, at, seen) : beforeTheEnd(state, at))]
}

const expired: ReservationEvent = { type: 'ReservationExpired', data: {} }
const activated: ReservationEvent = { type: 'ReservationActivated', data: {} }

const beforeTheEnd = (state: Reservation, at: Instant): readonly ReservationEvent[] => {
  const due = endingDueAt(state)
  return due !== undefined && due <= at ? [{ type: 'ReservationEnding', data: { end: state.end } }] : []
}

/** While something still runs and its grace lasts, it stays active. */
const atTheEnd = (state: Reservation, at: Instant, seen: BenchesSeen): readonly ReservationEvent[] => {
  if (!seen.occupied || state.graceUntil === undefined || state.graceUntil <= at) return [expired]
  return state.isInGrace === true ? [] : [{ type: 'ReservationGraceEntered', data: {} }]
}

export const nextDue = (state: ReservationState): Instant | undefined => {
  if (state.status === 'absent' || isOver(state)) return undefined
  if (state.status !== 'active') return state.start
  if (state.isInGrace === true) return state.graceUntil
  return [checkInDueAt(state), endingDueAt(state), state.end].filter((due) => due !== undefined).reduce(earlier)
}
