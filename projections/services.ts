/**
 * The house as its driving side sees it: what HTTP (and any other way in) is given by the composition root, whichever
 * stores are behind it.
 */

import type { Actor } from '../domain/event.ts'
import type { Handle } from '../domain/handle.ts'
import type { Head } from '../domain/head.ts'
import type { Instant } from '../domain/ids.ts'
import type { EventStore, Lease, RowPage, ViewQuestion, ViewRow } from '../domain/ports.ts'

/** A command as a way in hands it over: parsed data; the house adds time, hash and, where absent, ids. */
export interface Request {
  tenant: string
  kind: 'bench' | 'reservation' | 'execution' | 'worker' | 'message'
  id: string
  type: string
  /** As its schema in domain/contract.ts parsed it. */
  data: unknown
  actor: Actor
  /** The client's idempotency key; absent: never retried. */
  idempotencyKey?: string
  correlationId: string
  causationId?: string
  traceparent?: string
  ifMatch?: number
}

export interface Services {
  /** Decides and appends; what it answers is durable. */
  submit(request: Request): ReturnType<Handle>
  /** The history: load, feed, scan. Nothing on this side appends but `submit`. */
  history: Pick<EventStore, 'load' | 'feed' | 'feedEnd' | 'onAppend' | 'scan'>
  views: Views
  leases: Leases
  /** The stream's head folded from history itself: `consistent=true`. Version 0: there is no such stream. */
  headOf(tenant: string, kind: Request['kind'], id: string): Promise<Head>
  /** The stream's head as of a version or an instant (the newest commit at or before it); undefined when there is none. */
  headAsOf(
    tenant: string,
    kind: Request['kind'],
    id: string,
    asOf: { version: number } | { at: Instant },
  ): Promise<Head | undefined>
  /** Chain, siblings, rides and known heads of one stream or of all; bounded memory, off the serving thread. */
  verify(stream: string | undefined): Promise<Verification>
  now(): Instant
  newId(): string
  /** Lower-case hex SHA-256 of the canonical JSON of a value. */
  hash(value: unknown): string
  /** Bytes of the canonical JSON of a value. */
  canonicalBytes(value: unknown): number
  /** Why the house can't serve now (views far behind, store unusable), or undefined. */
  unready(): string | undefined
}

export interface Verification {
  ok: boolean
  streamCount: number
  commitCount: number
  failures: readonly { stream: string; version: number; problem: string }[]
}

/** Reading the views, with the freshness that is asked for. */
export interface Views {
  /** The row, once it has folded `minVersion`; 'behind' when it has not within 5 s. */
  row(view: string, tenant: string, id: string, minVersion?: number): Promise<ViewRow | undefined | 'behind'>
  query(question: ViewQuestion): Promise<RowPage>
  /** Waits until everything appended before the call is in the views; false when it is not within 5 s. */
  caughtUp(): Promise<boolean>
}

/** Liveness of sessions: not history. A renewal with an epoch that is not the session's is refused. */
export interface Leases {
  open(lease: Lease): void
  renew(tenant: string, workerId: string, epoch: number, at: Instant): Lease | 'stale-epoch'
  close(tenant: string, workerId: string, epoch: number): void
  get(tenant: string, workerId: string): Lease | undefined
}
