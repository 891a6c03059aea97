import type { DomainEvent } from '../event.ts'
import type { Instant } from '../ids.ts'

/** Storage formats: frozen for ever once released. */

export interface BenchDescription {
  type: string
  name?: string
  capabilities: readonly string[]
  location?: string
  setupMs: number
  teardownMs: number
  labels: Readonly<Record<string, string>>
}

/** A window of a bench, with its buffers: `[heldFrom, heldUntil)`. */
export interface HeldWindow {
  reservationId: string
  start: Instant
  end: Instant
  heldFrom: Instant
  heldUntil: Instant
}

interface Session {
  workerId: string
  epoch: number
}

export type BenchEvent =
  | DomainEvent<'BenchRegistered', { benchId: string } & BenchDescription>
  | DomainEvent<'BenchDescribed', BenchDescription>
  | DomainEvent<'BenchMaintenanceStarted', { reason: string }>
  | DomainEvent<'BenchMaintenanceEnded', Record<string, never>>
  | DomainEvent<'BenchQuarantined', { reason: string; evidence: readonly string[] }>
  | DomainEvent<'BenchReturnedToService', Record<string, never>>
  | DomainEvent<'BenchRetired', { forced: boolean; reservationIds: readonly string[] }>
  | DomainEvent<'IntervalHeld', HeldWindow & { holder: string }>
  | DomainEvent<'IntervalMoved', HeldWindow & { from: { start: Instant; end: Instant } }>
  | DomainEvent<'IntervalTransferred', { reservationId: string; holder: string }>
  /** `teardownUntil`: the bench stays held until then, for its teardown; absent when nothing stays. */
  | DomainEvent<'IntervalFreed', HeldWindow & { teardownUntil?: Instant }>
  | DomainEvent<'BenchOccupied', { executionId: string; reservationId: string }>
  | DomainEvent<'BenchVacated', { executionId: string; reservationId: string }>
  | DomainEvent<'BenchOnline', Session>
  | DomainEvent<'BenchSuspected', Session>
  | DomainEvent<'BenchRecovered', Session>
  | DomainEvent<'BenchOffline', Session>
  | DomainEvent<'BenchLost', Session & { lastSeenAt: Instant }>

/** Every type of event that may lie in the history of this kind, with the version its data is written in. */
export const schemaVersions: Readonly<Record<BenchEvent['type'], number>> = {
  BenchRegistered: 1,
  BenchDescribed: 1,
  BenchMaintenanceStarted: 1,
  BenchMaintenanceEnded: 1,
  BenchQuarantined: 1,
  BenchReturnedToService: 1,
  BenchRetired: 1,
  IntervalHeld: 1,
  IntervalMoved: 1,
  IntervalTransferred: 1,
  IntervalFreed: 1,
  BenchOccupied: 1,
  BenchVacated: 1,
  BenchOnline: 1,
  BenchSuspected: 1,
  BenchRecovered: 1,
  BenchOffline: 1,
  BenchLost: 1,
}

/** Events that others' decisions put on a bench; all else was addressed to the bench itself. */
export const memberEvents: ReadonlySet<string> = new Set<BenchEvent['type']>([
  'IntervalHeld',
  'IntervalMoved',
  'IntervalTransferred',
  'IntervalFreed',
  'BenchOccupied',
  'BenchVacated',
  'BenchOnline',
  'BenchSuspected',
  'BenchRecovered',
  'BenchOffline',
  'BenchLost',
])
