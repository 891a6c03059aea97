import type { DomainEvent } from '../event.ts'
import type { Instant } from '../ids.ts'

/** Storage formats: frozen for ever once released. */

export type WantedBench = { benchId: string } | { query: readonly string[]; type?: string | undefined }

/** Why these benches: kept with the decision, at most 50 named, the rest counted. */
export interface Explanation {
  rule: 'by-id' | 'by-query' | 'earliest-window' | 'pulled-forward'
  candidates: readonly string[]
  candidateCount: number
  exclusions: readonly { benchId: string; reason: string }[]
  exclusionCounts: Readonly<Record<string, number>>
}

export interface ReservationAsked {
  holder: string
  benches: readonly WantedBench[]
  benchIds: readonly string[]
  start: Instant
  end: Instant
  earliestStart: Instant
  purpose?: string
  priority: number
  queue: boolean
  latestStart?: Instant
  checkInWithinMs: number
  graceMs: number
  decision: Explanation
}

interface Window {
  start: Instant
  end: Instant
}

export type ReservationEvent =
  | DomainEvent<'ReservationConfirmed', ReservationAsked>
  | DomainEvent<'ReservationQueued', ReservationAsked>
  | DomainEvent<
      'ReservationPulledForward',
      Window & { benchIds: readonly string[]; from: Window & { benchIds: readonly string[] }; decision: Explanation }
    >
  | DomainEvent<'ReservationAmended', Window & { from: Window }>
  | DomainEvent<'ReservationTransferred', { holder: string; from: string }>
  /** `by`: a person or a program checked in, or an execution had occupied a bench. */
  | DomainEvent<'ReservationCheckedIn', { by: 'request' | 'occupation' }>
  | DomainEvent<'ReservationActivated', Record<string, never>>
  /** It ends within its grace: who still runs something is to be warned. */
  | DomainEvent<'ReservationEnding', { end: Instant }>
  /** Its benches stay held beyond its end, for what still runs. */
  | DomainEvent<'ReservationGraceExtended', { until: Instant }>
  /** Its end has passed, and something still runs. */
  | DomainEvent<'ReservationGraceEntered', Record<string, never>>
  | DomainEvent<'ReservationReleased', Record<string, never>>
  | DomainEvent<'ReservationExpired', Record<string, never>>
  | DomainEvent<'ReservationNoShow', Record<string, never>>
  | DomainEvent<'ReservationCancelled', { retiredBenchId?: string }>

/** Every type of event that may lie in the history of this kind, with the version its data is written in. */
export const schemaVersions: Readonly<Record<ReservationEvent['type'], number>> = {
  ReservationConfirmed: 1,
  ReservationQueued: 1,
  ReservationPulledForward: 1,
  ReservationAmended: 1,
  ReservationTransferred: 1,
  ReservationCheckedIn: 1,
  ReservationActivated: 1,
  ReservationEnding: 1,
  ReservationGraceExtended: 1,
  ReservationGraceEntered: 1,
  ReservationReleased: 1,
  ReservationExpired: 1,
  ReservationNoShow: 1,
  ReservationCancelled: 1,
}
