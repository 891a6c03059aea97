import { createHash } from 'node:crypto'
import canonicalize from 'canonicalize'
import type { Commit, StoredEvent } from '../../domain/event.ts'
import { lastVersion } from '../../domain/event.ts'
import type { StreamName } from '../../domain/ids.ts'
import type { AppendResult, EventStore, FeedCommit, NewCommit } from '../../domain/ports.ts'

/** What the contract needs of an adapter's test beside the store itself. */
export interface Opened {
  store: EventStore
  /** Closes the store and opens another on what it left. */
  reopen(): Promise<EventStore>
  /** Closes the store, changes a stored commit behind everybody's back, and opens another store on that. */
  tamper(stream: StreamName, version: number, damage: Damage): Promise<EventStore>
  /**
   * A medium of many machines: appends of one breath take effect in any order, and a scan meets the streams in any. Absent:
   * in the order they were asked for, and in that of their names.
   */
  isUnordered?: true
  /** Once the feed has what was appended; absent: it has at once. */
  settled?(): Promise<void>
}

export type Damage =
  | { kind: 'removed' }
  | { kind: 'body'; change: (body: string) => string }
  | { kind: 'hash'; hash: string }
  | { kind: 'state'; state: string }

export type Disorder = (page: readonly FeedCommit[]) => readonly FeedCommit[]
export type Open = (options?: { disorder?: Disorder }) => Promise<Opened>

export const hold = (data: unknown = { start: '2026-11-21T08:00:00.000Z' }): StoredEvent => ({
  type: 'IntervalHeld',
  schemaVersion: 1,
  data,
})

/** A commit for a stream, after `previous` or the first. */
export const after = (
  stream: StreamName,
  previous?: Commit,
  { events = [hold()], ...more }: Partial<NewCommit> = {},
): NewCommit => ({
  stream,
  version: previous === undefined ? 1 : lastVersion(previous) + 1,
  events,
  at: '2026-11-21T08:00:00.000Z',
  actor: { kind: 'user', id: 'local' },
  commandId: '01KAGZ3QX1',
  commandHash: '0'.repeat(64),
  correlationId: '01KAGZ3QX1',
  previousHash: previous?.hash ?? null,
  ...more,
})

/** The commits of an append that must have succeeded. */
export const appended = (result: AppendResult): readonly Commit[] => {
  if (result.kind === 'conflict') throw new Error(`a conflict with ${JSON.stringify(result.winners)}`)
  return result.commits
}

/** Appends commits to one stream one by one, each with as many events as told. */
export const grow = async (
  store: EventStore,
  stream: StreamName,
  eventCounts: readonly number[],
  rides: Readonly<Record<number, NewCommit['ride']>> = {},
): Promise<readonly Commit[]> => {
  const commits: Commit[] = []
  for (const [index, count] of eventCounts.entries()) {
    const events = Array.from({ length: count }, (_, step) => hold({ index, step }))
    const ride = rides[index]
    const next = after(stream, commits.at(-1), ride === undefined ? { events } : { events, ride })
    commits.push(...appended(await store.append([next])))
  }
  return commits
}

/** All pages of the feed, from a cursor. */
export const drain = async (store: EventStore, from?: string, limit = 100): Promise<readonly FeedCommit[]> => {
  const found: FeedCommit[] = []
  for (let cursor = from; ; ) {
    const page = await store.feed(cursor, limit)
    found.push(...page.commits)
    if (page.cursor === cursor || page.commits.length === 0) return found
    cursor = page.cursor
  }
}

export const named = ({ stream, version }: { stream: StreamName; version: number }): string => `${stream}@${version}`

/** The hash of a commit as an auditor computes it who has the export and another implementation of RFC 8785. */
export const independentHash = (commit: Commit): string => {
  const { hash: _, stream, ...rest } = commit
  const [tenant, ...path] = stream.split('/')
  const text = canonicalize({ ...rest, tenant, stream: path.join('/') })
  return createHash('sha256')
    .update(text ?? '', 'utf8')
    .digest('hex')
}
