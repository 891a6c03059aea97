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
      return { ...state, start: event.data.start, end: event.data.end, earliestStart: event.data.start }
    case 'ReservationTransferred':
      return { ...state, holder: event.data.holder }
    case 'ReservationCheckedIn':
      return { ...state, checkedInAt: event.at }
    case 'ReservationActivated':
      return { ...state, status: 'active', activatedAt: event.at }
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

const asked = (status: LiveStatus, { decision: _, ...data }: ReservationAsked, requestedAt: Instant): Reservation => ({
  status,
  ...data,
  requestedAt,
})

/** Whether a bench is still the reservation's to use, or will be. */
export const isLive = (state: ReservationState): state is Reservation => state.status !== 'absent' && !isOver(state)
