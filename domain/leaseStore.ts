/**
 * Leases: the liveness of workers' sessions, as a port. Not history: a lease that is gone is opened anew from what history
 * says of its session, and nothing is decided on a lease alone.
 */
import type { Instant } from './ids.ts'

export interface AttemptName {
  executionId: string
  taskName: string
  attempt: number
}

/** What a worker is told with its beats until it has done it. */
export type LeaseFlag = ({ kind: 'cancel-attempt'; graceMs: number } & AttemptName) | { kind: 'drain' }

export interface LeasedSession {
  tenant: string
  workerId: string
  epoch: number
  benchIds: readonly string[]
}

/**
 * The one lease of a worker: its newest session's. `beatAt`, `beatBeforeAt` and `expiresAt` are on the lease clock, which
 * stands still while the server is away and knows no wall clock's jumps: they compare with each other only.
 */
export interface Lease extends LeasedSession {
  /** On the wall clock: when the worker was last heard of. Shown, and told to history when it is lost. */
  lastSeenAt: Instant
  /** When the newest beat came, and the one before it; absent before them. */
  beatAt?: Instant
  beatBeforeAt?: Instant
  expiresAt: Instant
  /** What the newest beat listed, and the one before it. */
  attempts: readonly AttemptName[]
  attemptsBefore: readonly AttemptName[]
  /** At most `flagCountMax`, no two the same. */
  flags: readonly LeaseFlag[]
  /** The worker's benches are suspected, or about to be. */
  suspectedAt?: Instant
  /** The session is fenced, its expiry about to be history: it can't be renewed. */
  markedAt?: Instant
}

/** More flags of one lease than this are not kept. */
export const flagCountMax = 256

export interface Beat {
  tenant: string
  workerId: string
  epoch: number
  /** On the wall clock. */
  seenAt: Instant
  /** On the lease clock: now, and until when the lease is to live. */
  at: Instant
  expiresAt: Instant
  attempts: readonly AttemptName[]
}

export type Renewal =
  | { kind: 'renewed'; lease: Lease }
  /** The lease is of a newer session, or marked. `epoch`: of the session that has it. */
  | { kind: 'stale'; epoch: number }
  /** There is none of this session or a later one: history knows whether there should be. */
  | { kind: 'unknown' }

/**
 * Where leases are kept. Each call is one conditional change of one row, so whatever races, exactly one wins; nothing here
 * reads a clock. Throws for an outage only.
 *
 * - `open`: `superseded` (nothing changed) by a newer session's; `known` (nothing changed) when this session has one.
 * - `renew`: a beat; keeps flags and suspicion. Refused when marked or of another session.
 * - `get`: the worker's lease, whichever session's it is. `close`: removes it, if it is this session's.
 * - `flag`: false when this session has no lease; a flag that is there already, or one too many, changes nothing.
 * - `suspect`, `mark`: only if it was not renewed since it was `seen` (its `expiresAt` is the same), and not marked. `mark`
 *   is true too for a lease that is marked already: whoever finds one finishes its expiry.
 * - `recover`: the suspicion is over.
 * - `scan`: every lease, in pages, as it is when its page is read; one that is opened meanwhile may be missed.
 */
export interface LeaseStore {
  open(lease: Lease): Promise<'opened' | 'known' | 'superseded'>
  renew(beat: Beat): Promise<Renewal>
  get(tenant: string, workerId: string): Promise<Lease | undefined>
  close(tenant: string, workerId: string, epoch: number): Promise<void>
  flag(tenant: string, workerId: string, epoch: number, flag: LeaseFlag): Promise<boolean>
  suspect(seen: Lease, at: Instant): Promise<boolean>
  recover(tenant: string, workerId: string, epoch: number): Promise<void>
  mark(seen: Lease, at: Instant): Promise<boolean>
  scan(): AsyncIterable<readonly Lease[]>
}
