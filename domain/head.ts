import { parseEvent } from './contract.ts'
import { type Commit, lastVersion, type StoredEvent } from './event.ts'
import { holeInHistory } from './faults.ts'
import { type Instant, partsOf, type StreamKind, type StreamName } from './ids.ts'
import type { LatestState } from './ports.ts'
import { listed, noneRecent, type Recent, type RecentCommand, recentOf, withCommand } from './recent.ts'
import { kindOf } from './registry.ts'

/**
 * What is known of a stream by folding it: its state, and what the write path needs beside the state. Never changed in
 * place: each commit gives a new one.
 */
export interface Head {
  /** 0: the stream does not exist. */
  version: number
  hash: string | null
  state: unknown
  /** The commands last addressed to the stream. */
  recent: Recent
  /** Of the stream's first event: a Tick's correlation id. */
  correlationId: string | undefined
  /** Of the newest commit; empty for no stream. */
  at: Instant
  /** Commits, and about their bytes, since the state last rode on one. */
  commitsSinceRide: number
  bytesSinceRide: number
}

/** What rides on a commit: a head without what the commit itself tells. */
interface RidingState {
  state: unknown
  recent: readonly RecentCommand[]
  correlationId: string | undefined
  at: Instant
}

/** Short digest of a command id; given by the shell. */
export type Digest = (text: string) => string

export const noStream = (stream: StreamName): Head => ({
  version: 0,
  hash: null,
  state: kindOf(partsOf(stream).kind).decider.initial,
  recent: noneRecent,
  correlationId: undefined,
  at: '',
  commitsSinceRide: 0,
  bytesSinceRide: 0,
})

type Foldable = Omit<Commit, 'hash'> & { hash: string | null }

/** The head after one more commit, which must follow it without a hole. */
export const advance = (head: Head, commit: Foldable, digest: Digest): Head => {
  if (commit.version !== head.version + 1) throw holeInHistory(commit.stream, head.version + 1, commit.version)
  const { kind } = partsOf(commit.stream)
  const last = lastVersion(commit)
  const recent = kindOf(kind).memberEvents.has(commit.events[0]?.type ?? '')
    ? head.recent
    : withCommand(head.recent, digest(commit.commandId), commit.version)
  return {
    version: last,
    hash: commit.hash,
    state: foldEvents(kind, head.state, commit),
    recent,
    correlationId: head.correlationId ?? commit.correlationId,
    at: commit.at,
    commitsSinceRide: head.commitsSinceRide + 1,
    bytesSinceRide: head.bytesSinceRide + sizeOf(commit.events),
  }
}

/** Events are read as today's code writes them: what a later version wrote is refused, since no decision may rest on half of it. */
const foldEvents = (kind: StreamKind, state: unknown, { events, version, at }: Foldable): unknown => {
  const { decider } = kindOf(kind)
  let folded = state
  for (let index = 0; index < events.length; index++) {
    const { type, data } = parseEvent(kind, events[index] as StoredEvent)
    folded = decider.evolve(folded, { type, data, version: version + index, at })
  }
  return folded
}

/** What a commit holds beside its events' data: names, time, ids and two hashes, about. */
const envelopeBytes = 350

const sizeOf = (events: readonly StoredEvent[]): number => {
  let bytes = envelopeBytes
  for (const { data } of events) bytes += JSON.stringify(data).length
  return bytes
}

export const fold = (
  stream: StreamName,
  commits: readonly Commit[],
  digest: Digest,
  from: Head = noStream(stream),
): Head => commits.reduce((head, commit) => advance(head, commit, digest), from)

/** The head of a stream as its store told it: the newest ride and what came after. */
export const headFrom = (stream: StreamName, { base, commits }: LatestState, digest: Digest): Head => {
  if (base === undefined) return fold(stream, commits, digest)
  const riding = base.state as RidingState
  const recent = recentOf(riding.recent)
  const head = { ...riding, recent, version: base.version, hash: base.hash, commitsSinceRide: 0, bytesSinceRide: 0 }
  return fold(stream, commits, digest, head)
}

/** A state rides when so many commits have passed, it is small enough, and its own size of events has passed. */
export const rideAfterCommits = 32
export const rideBytesMax = 32 * 1024

/** A state that was too large before is weighed again ever more rarely: weighing costs as much as writing it. */
const isTimeForRide = (commitCount: number): boolean =>
  commitCount >= rideAfterCommits &&
  commitCount % rideAfterCommits === 0 &&
  (commitCount <= 4 * rideAfterCommits || Number.isInteger(Math.log2(commitCount)))

/** A head as it rides. */
export const ridingOf = ({ state, recent, correlationId, at }: Head): RidingState => ({
  state,
  recent: listed(recent),
  correlationId,
  at,
})

/** What is to ride on the commit that led to this head; undefined for mostly nothing. */
export const rideOf = (
  stream: StreamName,
  head: Head,
): { reducerVersion: number; state: RidingState; bytes: number } | undefined => {
  if (!isTimeForRide(head.commitsSinceRide)) return undefined
  const riding = ridingOf(head)
  const bytes = JSON.stringify(riding).length
  if (bytes > rideBytesMax || bytes > head.bytesSinceRide) return undefined
  return { reducerVersion: kindOf(partsOf(stream).kind).reducerVersion, state: riding, bytes }
}
