import type { Instant, StreamName } from './ids.ts'

export interface Actor {
  kind: 'user' | 'service' | 'worker' | 'system'
  id: string
  onBehalfOf?: string
}

/** What a decider answers: a fact, in the past tense. */
export interface DomainEvent<Type extends string = string, Data = unknown> {
  type: Type
  data: Data
}

/** An event as it lies in its commit. */
export interface StoredEvent extends DomainEvent {
  schemaVersion: number
}

/**
 * What one command appended to one stream: 1..n events, versions `version … version + events.length - 1`.
 * `siblings` are the `{kind}/{id}@{version}` of the commits appended together with it.
 */
export interface Commit {
  stream: StreamName
  version: number
  events: readonly StoredEvent[]
  at: Instant
  actor: Actor
  commandId: string
  /** SHA-256 of the command's canonical JSON, lower-case hex: tells a retry from a reuse of its key. */
  commandHash: string
  correlationId: string
  causationId?: string
  traceparent?: string
  siblings?: readonly string[]
  /** Hash of the stream's commit before this one, null in the first: the chain that makes tampering evident. */
  previousHash: string | null
  /** SHA-256 over the canonical JSON of the commit as exported, without this field; lower-case hex. */
  hash: string
}

/** One event with everything that is known of it: what views, policies and the outside are given. */
export interface RecordedEvent extends StoredEvent {
  stream: StreamName
  version: number
  at: Instant
  actor: Actor
  commandId: string
  correlationId: string
  causationId?: string
  traceparent?: string
}

/** The events of a commit, each at its own version. */
export const eventsOf = (commit: Commit): RecordedEvent[] =>
  commit.events.map((event, index) => ({
    ...event,
    stream: commit.stream,
    version: commit.version + index,
    at: commit.at,
    actor: commit.actor,
    commandId: commit.commandId,
    correlationId: commit.correlationId,
    ...(commit.causationId === undefined ? {} : { causationId: commit.causationId }),
    ...(commit.traceparent === undefined ? {} : { traceparent: commit.traceparent }),
  }))

/**
 * As an event is shown to those who did not ask for it by its id, exported, and hashed: the content of a message is named
 * by its own hash, so that a line of the export can be verified by who may not read what it says.
 */
export const withoutContent = <Event extends DomainEvent>(event: Event): Event =>
  event.type === 'MessageAccepted' ? { ...event, data: { sha256: (event.data as { sha256: string }).sha256 } } : event

/** The version a stream has once this commit is its last. */
export const lastVersion = (commit: { version: number; events: readonly unknown[] }): number =>
  commit.version + commit.events.length - 1
