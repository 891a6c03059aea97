/**
 * The house as its driving side sees it: what HTTP (and any other way in) is given by the composition root, whichever
 * stores are behind it.
 */

import type { Actor } from '../domain/event.ts'
import type { Handle } from '../domain/handle.ts'
import type { Head } from '../domain/head.ts'
import type { Instant } from '../domain/ids.ts'
import type { AttemptName, Beat, Lease, LeasedSession, LeaseFlag, Renewal } from '../domain/leaseStore.ts'
import type { EventStore, RowPage, ViewQuestion, ViewRow } from '../domain/ports.ts'

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
  lossFreeze: { status(): LossFreeze | Promise<LossFreeze>; lift(): LossFreeze | Promise<LossFreeze> }
  /** The stream's head folded from history itself: `consistent=true`. Version 0: there is no such stream. */
  headOf(tenant: string, kind: Request['kind'], id: string): Promise<Head>
  /** The head as this process remembers it, which others may have left behind; asks no store. Undefined: not remembered. */
  knownHead(tenant: string, kind: Request['kind'], id: string): Head | undefined
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

/**
 * Whether workers' sessions live: not history. Who holds a lease may beat; what a session may do is decided by history
 * (see domain/leaseStore.ts for what each answer means).
 */
export interface Leases {
  /** A session has been opened: it has a whole lease from now on. */
  open(session: LeasedSession): Promise<void>
  /** The same for one that history says is open, with what runs under it. */
  reopen(session: LeasedSession): Promise<void>
  renew(beat: Pick<Beat, 'tenant' | 'workerId' | 'epoch' | 'attempts'>): Promise<Renewal>
  get(tenant: string, workerId: string): Promise<Lease | undefined>
  close(tenant: string, workerId: string, epoch: number): Promise<void>
  flag(tenant: string, workerId: string, epoch: number, flag: LeaseFlag): Promise<boolean>
  /**
   * To be called before anything that a session asks for is decided: if its lease is marked, its expiry is made history
   * first, so that history refuses the rest, and keeps the evidence. Else it costs a look at the lease.
   */
  fence(tenant: string, workerId: string, epoch: number): Promise<void>
  /** Whether history must be asked about an attempt that a beat lists; else it runs on, undisturbed. */
  isDoubtful(session: Pick<LeasedSession, 'tenant' | 'workerId' | 'epoch'>, attempt: AttemptName): boolean
  /** An attempt of the session on one of the benches that its worker can't know of, though it has beaten since; given anew. */
  giveAgain(lease: Lease, benchIds: readonly string[]): AttemptName | undefined
  /** The answer that gives an attempt to its session is about to be sent. */
  given(tenant: string, attempt: AttemptName): void
  /** Rings with each beat that makes `giveAgain` worth another look. Answers how to stop. */
  onUnheard(session: Pick<LeasedSession, 'tenant' | 'workerId' | 'epoch'>, ring: () => void): () => void
}

/** While most workers are silent at once, nobody is declared lost. */
export interface LossFreeze {
  frozen: boolean
  since?: Instant
  /** When it ends by itself. */
  until?: Instant
  /** Suspected, or lost within the last lease. */
  silentCount: number
  workerCount: number
}
