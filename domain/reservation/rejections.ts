/** Why a reservation refuses: each a fact with the members that explain it. */
import type { Rejection } from '../decider.ts'
import { type Instant, plusMs } from '../ids.ts'
import type { Reservation } from './state.ts'

/** A window starts at most so far ahead: 270 days. */
export const horizonMs = 270 * 86_400_000

export const idTaken = (reservationId: string): Rejection => ({
  rejection: 'ReservationIdTaken',
  detail: `reservation ${reservationId} exists, and was not asked for by this command`,
  reservationId,
})
export const reservationUnknown = (reservationId: string): Rejection => ({
  rejection: 'ReservationUnknown',
  detail: `there is no reservation ${reservationId}`,
  reservationId,
})
export const over = (state: Reservation): Rejection => ({
  rejection: 'ReservationOver',
  detail: `the reservation is over: it was ${state.status}`,
  reservationStatus: state.status,
})
export const notActive = (state: Reservation): Rejection => ({
  rejection: 'ReservationNotActive',
  detail: `the reservation is ${state.status}: it becomes active at ${state.start}`,
  reservationStatus: state.status,
  start: state.start,
})
export const alreadyActive = (state: Reservation, detail: string): Rejection => ({
  rejection: 'ReservationAlreadyActive',
  detail,
  reservationStatus: state.status,
})
export const executionRunning: Rejection = {
  rejection: 'ExecutionRunning',
  detail: 'an execution occupies a bench of the reservation: cancel it, or wait until it has finished',
}
export const inThePast = (instant: Instant, at: Instant): Rejection => ({
  rejection: 'WindowInThePast',
  detail: `${instant} is before now, ${at}`,
  at,
})
export const tooFar = (start: Instant, at: Instant): Rejection => ({
  rejection: 'WindowTooFar',
  detail: `${start} is more than 270 days ahead`,
  latestStart: plusMs(at, horizonMs),
})
export const badLength = (start: Instant, end: Instant): Rejection => ({
  rejection: 'WindowLengthInvalid',
  detail: `a window is 1 second to 90 days long: ${start} to ${end} is not`,
  start,
  end,
})
