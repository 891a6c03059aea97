import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Commit, lastVersion } from '../../domain/event.ts'
import { fault } from '../../domain/faults.ts'
import type { StreamName } from '../../domain/ids.ts'
import type { AppendResult, Check, EventStore, FeedCommit, LatestState, ScannedCommit } from '../../domain/ports.ts'
import { commitFromBody, type SealedCommit } from '../chain.ts'
import { feedPosition, type StoredBytes, scannedFrom, sealAppend, withoutHoles } from '../commits.ts'

export interface HistoryOptions {
  /** The medium: rows in the order they were appended. Given to another store afterwards, it is a restart. */
  rows?: Array<StoredBytes & { stream: StreamName; version: number }>
  /** Tests deliver the feed duplicated and in any order. */
  disorder?: (page: readonly FeedCommit[]) => readonly FeedCommit[]
}
type Row = NonNullable<HistoryOptions['rows']>[number]

/**
 * The history in this process's memory, for tests and try-outs. It keeps canonical text, so that nothing is shared with
 * who appended it, and what an audit could find in a durable store's bytes it finds here. The feed's cursor is a count
 * of rows, as a decimal.
 */
export const openHistory = ({ rows = [], disorder = asTheyCame }: HistoryOptions = {}): EventStore => {
  const streams = new Map<StreamName, Map<number, Row>>()
  for (const row of rows) keep(streams, row)
  const listeners = new Set<() => void>()
  let isOpen = true

  const append = (sealed: readonly SealedCommit[], checks: readonly Check[]): AppendResult => {
    if (!isOpen) throw fault('storage-unusable', 'this history is closed')
    const commits = sealed.map(({ commit }) => commit)
    const wanted = [...commits, ...checks.map(({ stream, version }) => ({ stream, version: version + 1 }))]
    const taken = wanted.flatMap(({ stream, version }) => streams.get(stream)?.get(version) ?? [])
    if (taken.length > 0) return { kind: 'conflict', winners: taken.map(commitOf) }
    for (const row of sealed.map(rowOf)) {
      rows.push(row)
      keep(streams, row)
    }
    if (sealed.length > 0) setImmediate(() => listeners.forEach(call))
    return { kind: 'appended', commits }
  }

  return {
    append: async (commits, checks = []) => append(sealAppend(commits, checks), checks),
    load: async (stream, { from = 1, to = Number.MAX_SAFE_INTEGER } = {}) => {
      const upTo = inOrder(streams, stream).filter(({ version }) => version <= to)
      const first = upTo.findLastIndex(({ version }) => version <= from)
      return withoutHoles(stream, upTo.slice(Math.max(first, 0)).map(commitOf), from)
    },
    loadLatest: async (stream, reducerVersion) => latest(stream, inOrder(streams, stream), reducerVersion),
    feed: async (after, limit) => {
      const start = feedPosition(after)
      const page = rows.slice(start, start + limit)
      const commits = page.map((row, index) => ({ cursor: `${start + index + 1}`, commit: commitOf(row) }))
      return { commits: disorder(commits), cursor: `${start + commits.length}` }
    },
    feedEnd: async () => `${rows.length}`,
    onAppend: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    scan: (stream) => scan(streams, stream === undefined ? [...streams.keys()].sort() : [stream]),
    close: async () => {
      isOpen = false
    },
  } satisfies EventStore
}

const asTheyCame = (page: readonly FeedCommit[]): readonly FeedCommit[] => page

const keep = (streams: Map<StreamName, Map<number, Row>>, row: Row): void => {
  const stream = streams.get(row.stream) ?? new Map<number, Row>()
  streams.set(row.stream, stream.set(row.version, row))
}

const inOrder = (streams: ReadonlyMap<StreamName, ReadonlyMap<number, Row>>, stream: StreamName): readonly Row[] =>
  [...(streams.get(stream)?.values() ?? [])].sort((a, b) => a.version - b.version)

const rowOf = ({ commit, body, ride }: SealedCommit): Row => ({
  stream: commit.stream,
  version: commit.version,
  body,
  hash: commit.hash,
  state: ride === undefined ? null : JSON.stringify(ride.state),
  reducerVersion: ride?.reducerVersion ?? null,
})

const commitOf = ({ body, hash }: Row): Commit => commitFromBody(body, hash)

const latest = (stream: StreamName, rows: readonly Row[], reducerVersion: number): LatestState => {
  const riding = rows.findLastIndex((row) => row.state !== null && row.reducerVersion === reducerVersion)
  const base = baseOf(rows[riding])
  const commits = withoutHoles(stream, rows.slice(riding + 1).map(commitOf), (base?.version ?? 0) + 1)
  return base === undefined ? { commits } : { base, commits }
}

const baseOf = (row: Row | undefined): LatestState['base'] => {
  if (row === undefined) return undefined
  return { version: lastVersion(commitOf(row)), hash: row.hash, state: JSON.parse(row.state ?? 'null') }
}

/** A listener's failure is the listener's: it must not reach who appended, nor the other listeners. */
const call = (listener: () => void): void => {
  try {
    listener()
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : String(error))
  }
}

async function* scan(
  streams: ReadonlyMap<StreamName, ReadonlyMap<number, Row>>,
  names: readonly StreamName[],
): AsyncGenerator<readonly ScannedCommit[]> {
  for (const name of names) {
    const page = inOrder(streams, name).map((row) => scannedFrom(row, row))
    if (page.length > 0) yield page
    await nextTurn()
  }
}
