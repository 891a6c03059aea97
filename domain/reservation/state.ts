import type { Happened } from '../decider.ts'
import type { Instant } from '../ids.ts'
import type { ReservationAsked, ReservationEvent, WantedBench } from './events.ts'

export type LiveStatus = 'confirmed' | 'queued' | 'active'
export type OverStatus = 'released' | 'expired' | 'no-show' | 'cancelled'

export interface Reservation {
  status: LiveStatus | OverStatus
  holder: string
  benches: readonly WantedBench[]
  benchIds: readonly string[]
  start: Instant
  end: Instant
  purpose?: string
  priority: number
  queue: boolean
  latestStart?: Instant
  checkInWithinMs: number
  graceMs: number
  requestedAt: Instant
  /** As asked: nothing is pulled forward to before it. */
  earliestStart: Instant
  activatedAt?: Instant
  /** Its end was announced to what runs. */
  isEnding?: true
  /** Its benches stay held until then, while something runs. */
  graceUntil?: Instant
  isInGrace?: true
  /** When somebody checked in, or an execution had occupied a bench. */
  checkedInAt?: Instant
}

export type ReservationState = { status: 'absent' } | Reservation

export const initial: ReservationState = { status: 'absent' }

export const isOver = (state: ReservationState): boolean =>
  state.status === 'released' ||
  state.status === 'expired' ||
  state.status === 'no-show' ||
  state.status === 'cancelled'

export const evolve = (state: ReservationState, event: Happened<ReservationEvent>): ReservationState => {
  if (event.type === 'ReservationConfirmed') return asked('confirmed', event.data, event.at)
  if (event.type === 'ReservationQueued') return asked('queued', event.data, event.at)
  if (state.status === 'absent') return state
  switch (event.type) {
    case 'ReservationPulledForward':
      return { ...state, start: event.data.start, end: event.data.end, benchIds: event.data.benchIds }
    case 'ReservationAmended':
      return amended(state, event.data)
    case 'ReservationTransferred':
      return { ...state, holder: event.data.holder }
    case 'ReservationCheckedIn':
      return { ...state, checkedInAt: event.at }
    case 'ReservationActivated':
      return { ...state, status: 'active', activatedAt: event.at }
    case 'ReservationEnding':
      return { ...state, isEnding: true }
    case 'ReservationGraceExtended':
      return { ...state, graceUntil: event.data.until }
    case 'ReservationGraceEntered':
      return { ...state, isInGrace: true }
    case 'ReservationReleased':
      return { ...state, status: 'released' }
    case 'ReservationExpired':
      return { ...state, status: 'expired' }
    case 'ReservationNoShow':
      return { ...state, status: 'no-show' }
    case 'ReservationCancelled':
      return { ...state, status: 'cancelled' }
  }
}

/** With another end, nothing of the old one holds. */
const amended = (
  { isEnding: _, graceUntil: __, isInGrace: ___, ...state }: Reservation,
  { start, end, from }: { start: Instant; end: Instant; from: { start: Instant } },
): Reservation => ({
  ...state,
  start,
  end,
  earliestStart: start === from.start ? state.earliestStart : start,
})

const asked = (status: LiveStatus, { decision: _, ...data }: ReservationAsked, requestedAt: Instant): Reservation => ({
  status,
  ...data,
  requestedAt,
})

/** Whether a bench is still the reservation's to use, or will be. */
export const isLive = (state: ReservationState): state is Reservation => state.status !== 'absent' && !isOver(state)
