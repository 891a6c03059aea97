import type { DatabaseSync, SQLInputValue, SQLOutputValue } from 'node:sqlite'
import { type Commit, lastVersion } from '../../domain/event.ts'
import type { StreamName } from '../../domain/ids.ts'
import type { FeedPage, LatestState, ScannedCommit } from '../../domain/ports.ts'
import { commitFromBody } from '../chain.ts'
import { feedPosition, scannedFrom, withoutHoles } from '../commits.ts'

/** `body, hash` in hex, then what else the statement asks for. */
type Row = readonly SQLOutputValue[]
type Select = (...values: SQLInputValue[]) => Iterable<Row>

/** Rows as arrays and one by one: the engine's cheapest way, and the reader stops when it has enough. */
const selectOf = (database: DatabaseSync, sql: string): Select => {
  const statement = database.prepare(sql)
  statement.setReturnArrays(true)
  return (...values) => statement.iterate(...values) as unknown as Iterable<Row>
}

const columns = 'body, lower(hex(hash))'
const scanned = `SELECT ${columns}, stream, version, reducerVersion, state FROM commits`

const selectsOf = (database: DatabaseSync) => ({
  /** Begins with the last commit at or before `from`, which may reach beyond it. */
  range: selectOf(
    database,
    `SELECT ${columns} FROM commits WHERE stream = ?1 AND version <= ?3 AND version >= coalesce(
      (SELECT max(version) FROM commits WHERE stream = ?1 AND version <= ?2), 1) ORDER BY version`,
  ),
  newestFirst: selectOf(
    database,
    `SELECT ${columns}, CASE WHEN reducerVersion = ?2 THEN state END FROM commits
      WHERE stream = ?1 ORDER BY version DESC`,
  ),
  feed: selectOf(database, `SELECT ${columns}, position FROM commits WHERE position > ? ORDER BY position LIMIT ?`),
  end: selectOf(database, 'SELECT coalesce(max(position), 0) FROM commits'),
  scanAll: selectOf(database, `${scanned} WHERE (stream, version) > (?, ?) ORDER BY stream, version`),
  scanOne: selectOf(database, `${scanned} WHERE stream = ? AND version > ? ORDER BY version`),
})
type Selects = ReturnType<typeof selectsOf>

const commitOf = ([body, hash]: Row): Commit => commitFromBody(String(body), String(hash))

/** The reading half of the store: synchronous, and each call sees one state of the file. The engine's errors pass. */
export const openReads = (database: DatabaseSync) => {
  const selects = selectsOf(database)
  return {
    load: (stream: StreamName, from = 1, to = Number.MAX_SAFE_INTEGER): readonly Commit[] =>
      withoutHoles(stream, Array.from(selects.range(stream, from, to), commitOf), from),
    loadLatest: (stream: StreamName, reducerVersion: number) => loadLatest(selects, stream, reducerVersion),
    feed: (after: string | undefined, limit: number): FeedPage => {
      const start = feedPosition(after)
      const commits = Array.from(selects.feed(start, limit), (row) => ({
        cursor: String(row[2]),
        commit: commitOf(row),
      }))
      return { commits, cursor: commits.at(-1)?.cursor ?? String(start) }
    },
    feedEnd: (): string => String(Array.from(selects.end())[0]?.[0]),
    scanPage: (stream: StreamName | undefined, after: Position) =>
      pageOf(stream === undefined ? selects.scanAll(...after) : selects.scanOne(stream, after[1])),
  }
}

/** Reads backwards and stops at a usable state: mostly a few dozen commits, whatever the age of the stream. */
const loadLatest = (selects: Selects, stream: StreamName, reducerVersion: number): LatestState => {
  const commits: Commit[] = []
  let base: LatestState['base']
  for (const row of selects.newestFirst(stream, reducerVersion)) {
    const commit = commitOf(row)
    const state = row[2]
    if (typeof state === 'string') base = { version: lastVersion(commit), hash: commit.hash, state: JSON.parse(state) }
    else commits.push(commit)
    if (base !== undefined) break
  }
  const after = withoutHoles(stream, commits.reverse(), (base?.version ?? 0) + 1)
  return base === undefined ? { commits: after } : { base, commits: after }
}

/** A stream and a version: where a scan has come to. */
export type Position = readonly [StreamName, number]
export const scanStart: Position = ['', Number.MIN_SAFE_INTEGER]

/** A page ends at so many commits or at so much text, so that it neither blocks for long nor takes much memory. */
const pageCountMax = 500
const pageLengthMax = 4_000_000

const pageOf = (rows: Iterable<Row>): readonly ScannedCommit[] => {
  const page: ScannedCommit[] = []
  let length = 0
  for (const row of rows) {
    page.push(scannedOf(row))
    length += String(row[0]).length
    if (page.length >= pageCountMax || length >= pageLengthMax) break
  }
  return page
}

const scannedOf = ([body, hash, stream, version, reducerVersion, state]: Row): ScannedCommit =>
  scannedFrom(
    { stream: String(stream), version: Number(version) },
    {
      body: String(body),
      hash: String(hash),
      state: typeof state === 'string' ? state : null,
      reducerVersion: Number(reducerVersion),
    },
  )
