/**
 * What the domain needs of the world, as types. Every adapter `satisfies` one of these and passes the contract suite in
 * `test/contract/`; nothing here says which engine is behind it.
 */
import type { Commit } from './event.ts'
import type { Instant, StreamName } from './ids.ts'

/**
 * The folded state that rides on a commit, now and then, so that a cold load of an old stream stays one short read.
 * A cache: not hashed, ignored when `reducerVersion` differs from the reader's, refolded and compared by verify.
 */
export interface Ride {
  reducerVersion: number
  /** JSON value; the stream folded up to and including the commit it rides on. */
  state: unknown
}

/**
 * A commit that is to be appended. `version` must be the stream's head + 1 (1 for a new stream) and `previousHash` the
 * head's hash: both come from a contiguous fold. The store seals it: `siblings` and `hash` are the store's to add.
 */
export interface NewCommit extends Omit<Commit, 'hash' | 'siblings'> {
  ride?: Ride
}

/** Demands that the stream is still at `version` (0: that it does not exist), and writes nothing. */
export interface Check {
  stream: StreamName
  version: number
}

export type AppendResult =
  | { kind: 'appended'; commits: readonly Commit[] }
  /** Nothing was written. `winners` are the commits found where ours were to go, as far as the store's own answer named them. */
  | { kind: 'conflict'; winners: readonly Commit[] }

export interface LatestState {
  /** The newest usable ride, with the version and hash of the commit that carries it; absent: fold from the start. */
  base?: { version: number; hash: string; state: unknown }
  /** The commits after the base (all of them without one), in version order. */
  commits: readonly Commit[]
}

/** One page of the feed. `cursor` is always there: pass it as `after` to go on. */
export interface FeedPage {
  commits: readonly FeedCommit[]
  cursor: string
}

export interface FeedCommit {
  /** Where the feed goes on after this commit. */
  cursor: string
  commit: Commit
}

/** A commit as an auditor meets it: what is stored, and what its stored bytes hash to. */
export interface ScannedCommit {
  /** The key it lies under, which a forged body may contradict. */
  stream: StreamName
  version: number
  /** Absent when the stored bytes are no commit at all. */
  commit?: Commit
  /** SHA-256 of the stored bytes (canonical form), lower-case hex. */
  computedHash: string
  storedHash: string
  ride?: Ride
}

/**
 * The history: append-only, the system of record.
 *
 * - `append`: 1..100 commits and checks over distinct streams, all or nothing, durable when it resolves. Optimistic:
 *   a position that is taken is a `conflict`, never a throw. Throws `TooLarge` (faults.ts) before any write when a commit passes
 *   `commitBytesMax`; throws for an outage (disk full, store gone), in which case the effect is unknown until re-read.
 * - `load`: strongly consistent, in version order, every page; `from`/`to` are versions, inclusive, and a commit is
 *   included when any of its events is. Empty for a stream that never was. Throws `HoleInHistory` (faults.ts) on a gap.
 * - `loadLatest`: like `load`, from the newest ride with this `reducerVersion` on.
 * - `feed`: every commit of every stream at least once, at most `limit` (1..1 000) a page, from after the cursor
 *   (undefined: from the beginning). Consumers must not rely on order.
 * - `onAppend`: called after appends became visible in the feed, by this process or (late) by another.
 * - `scan`: all commits, or one stream's, ordered by stream and version, in pages; reads what is there without judging it.
 */
export interface EventStore {
  append(commits: readonly NewCommit[], checks?: readonly Check[]): Promise<AppendResult>
  load(stream: StreamName, range?: { from?: number; to?: number }): Promise<readonly Commit[]>
  loadLatest(stream: StreamName, reducerVersion: number): Promise<LatestState>
  feed(after: string | undefined, limit: number): Promise<FeedPage>
  /** The cursor after the newest commit: where a consumer starts that wants only what comes. */
  feedEnd(): Promise<string>
  onAppend(listener: () => void): () => void
  scan(stream?: StreamName): AsyncIterable<readonly ScannedCommit[]>
  close(): Promise<void>
}

/** Largest stored size of a commit in bytes, UTF-8, its ride not counted. DynamoDB's item limit is 400 KB. */
export const commitBytesMax = 256 * 1024
/** Members of one append: DynamoDB's transaction limit. */
export const appendMembersMax = 100

/** A view's row: what its stream folds to, with the version it has folded. */
export interface ViewRow {
  id: string
  version: number
  /** JSON value. */
  body: unknown
  /** When the stream next needs a Tick. */
  nextDue?: Instant
}

/** Where a row is found: one entry per index and partition, sorted within it. A row may have several in one index. */
export interface IndexEntry {
  index: string
  partition: string
  sort: string
}

/**
 * What the projector asks to be written for one row. A stream's head row is guarded by `previousVersion`, what the projector
 * saw: another means somebody was faster. A row derived from the stream beside it replaces whatever is `older`: its content
 * is a function of the stream at its version, so where that version or a newer one is, there is nothing to write.
 */
export interface RowChange {
  view: string
  tenant: string
  row: ViewRow
  previousVersion: number | 'older'
  entries: readonly IndexEntry[]
}

export interface RowPage {
  rows: readonly ViewRow[]
  /** Opaque; absent on the last page. */
  nextCursor?: string
}

/**
 * The read models: disposable, rebuilt from history at will.
 *
 * - `write`: all changes and the consumer's checkpoint in one transaction where the engine has them, else in the order they
 *   are given: derived rows come before their head, so that one who sees a head finds all its rows, and what a crash leaves
 *   half done is done by whoever comes to the same commits next. Answers the keys (`view/id`) of the head rows whose guard
 *   failed, which the projector reads and folds again; a derived row that is not older is left alone, and no failure.
 * - `query`: the rows of one partition of one index in the order of `sort` (descending on demand), from/to inclusive
 *   bounds on `sort`, `limit` 1..500.
 * - `due`: the rows whose `nextDue` is at or before `until`, earliest first.
 */
export interface ViewStore {
  read(view: string, tenant: string, ids: readonly string[]): Promise<readonly ViewRow[]>
  write(changes: readonly RowChange[], checkpoint?: { consumer: string; cursor: string }): Promise<readonly string[]>
  query(question: ViewQuestion): Promise<RowPage>
  due(until: Instant | undefined, limit: number): Promise<readonly DueRow[]>
  checkpoint(consumer: string): Promise<string | undefined>
  saveCheckpoint(consumer: string, cursor: string): Promise<void>
  close(): Promise<void>
}

export interface ViewQuestion {
  view: string
  tenant: string
  index: string
  partition: string
  from?: string
  to?: string
  descending?: boolean
  limit: number
  cursor?: string
}

export interface DueRow {
  view: string
  tenant: string
  id: string
  version: number
  nextDue: Instant
}

export interface LogKey {
  tenant: string
  executionId: string
  taskName: string
  attempt: number
}

/** Largest log of one attempt, in bytes. */
export const logBytesMax = 64 * 1024 * 1024

/**
 * The logs of attempts: bytes of UTF-8, append-only, not history.
 *
 * - `append`: at a byte offset. What is there already is skipped, so that a retry changes nothing; `gap`: nothing was
 *   written, since only `expected` bytes are there; `full`: the log would pass `logBytesMax`.
 * - `read`: at most `limit` bytes from `offset`; empty at the end, and for a log that never was.
 * - `follow`: calls back after the log grew through this process; answers how to stop.
 */
export interface LogStore {
  append(key: LogKey, offset: number, bytes: Uint8Array): Promise<LogAppended>
  read(key: LogKey, offset: number, limit: number): Promise<Uint8Array>
  follow(key: LogKey, onGrown: () => void): () => void
}

export type LogAppended =
  | { kind: 'appended'; size: number }
  | { kind: 'gap'; expected: number }
  | { kind: 'full'; size: number }
