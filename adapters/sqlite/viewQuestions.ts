import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import type { Instant } from '../../domain/ids.ts'
import type { DueRow, RowPage, ViewQuestion, ViewRow } from '../../domain/ports.ts'
import {
  cursorOf,
  demandLimit,
  type Place,
  partitionKey,
  placeAt,
  rowKey,
  rowPartsOf,
  type ScannedRow,
} from '../rows.ts'
import type { CachedRow, RowCache } from './rowCache.ts'

/** Bounds inclusive, `after` exclusive; both of the place after which the page begins. */
const pageSql = (order: 'ASC' | 'DESC'): string => `
  SELECT sort, id FROM index_entries
  WHERE partition = ? AND sort >= ? AND sort <= ? AND (sort, id) ${order === 'ASC' ? '>' : '<'} (?, ?)
  ORDER BY sort ${order}, id ${order} LIMIT ?`

/** After every text that is sorted by: those are ASCII. */
const last = '\u{10ffff}'

const dueSql =
  'SELECT key, version, nextDue FROM rows WHERE nextDue IS NOT NULL AND nextDue <= ? ORDER BY nextDue, key LIMIT ?'
const scanSql = 'SELECT key, version, nextDue, body FROM rows WHERE key > ? ORDER BY key LIMIT 500'

/** What is asked of one partition. `after`: the place before the first that is wanted. */
interface Range {
  partition: string
  from: string
  to: string
  after: Place
  limit: number
}

/** The reading half of the views: synchronous, and each call sees one state of the file. */
export const openQuestions = (database: DatabaseSync, cache: RowCache) => {
  const cached = openCached(database, cache)
  const ascending = arrays(database.prepare(pageSql('ASC')))
  const descending = arrays(database.prepare(pageSql('DESC')))
  const due = arrays(database.prepare(dueSql))
  const scanned = arrays(database.prepare(scanSql))
  return {
    /** None or one. */
    row: (key: string, id: string): ViewRow[] => {
      const found = cached(key)
      if (found === undefined) return []
      const { version, body, nextDue } = found
      return [nextDue === null ? { id, version, body } : { id, version, body, nextDue }]
    },
    places: ({ partition, from, to, after, limit }: Range, isDescending: boolean): Place[] => {
      const page = isDescending ? descending : ascending
      const places = page(partition, from, to, after.sort, after.id, limit)
      return places.map(([sort, id]) => ({ sort: String(sort), id: String(id) }))
    },
    due: (until: string, limit: number) => due(until, limit),
    /** The rows after a key, past the cache. */
    page: (after: string): readonly ScannedRow[] => scanned(after).map(scannedRow),
  }
}
type Questions = ReturnType<typeof openQuestions>

/** A row by its key, parsed once. */
const openCached = (database: DatabaseSync, cache: RowCache) => {
  const stored = database.prepare('SELECT version, nextDue, body, entries FROM rows WHERE key = ?')
  return (key: string): CachedRow | undefined => {
    const known = cache.get(key)
    if (known !== undefined) return known
    const found = stored.get(key)
    if (found === undefined) return undefined
    const text = String(found['body'])
    const nextDue = found['nextDue']
    const row: CachedRow = {
      version: Number(found['version']),
      nextDue: typeof nextDue === 'string' ? nextDue : null,
      body: JSON.parse(text),
      entries: String(found['entries']),
      weight: text.length + String(found['entries']).length,
    }
    cache.set(key, row)
    return row
  }
}

const scannedRow = ([key, version, nextDue, body]: readonly unknown[]): ScannedRow => {
  const { view, tenant, id } = rowPartsOf(String(key))
  const row = { id, version: Number(version), body: JSON.parse(String(body)) as unknown }
  return { view, tenant, row: typeof nextDue === 'string' ? { ...row, nextDue } : row }
}

/** Rows as arrays: half the work of objects. */
const arrays = (statement: StatementSync) => {
  statement.setReturnArrays(true)
  return (...values: SQLInputValue[]): readonly unknown[][] => statement.all(...values) as unknown as unknown[][]
}

export const askRows = (questions: Questions, question: ViewQuestion): RowPage => {
  demandLimit(question)
  const { view, tenant, index, partition, from = '', to = last, descending = false, limit, cursor } = question
  const start = descending ? { sort: last, id: '' } : { sort: '', id: '' }
  const after = cursor === undefined ? start : placeAt(cursor)
  const range = { partition: partitionKey(view, tenant, index, partition), from, to, after, limit: limit + 1 }
  const places = questions.places(range, descending)
  const found = places.slice(0, limit)
  const rows = found.flatMap(({ id }) => questions.row(rowKey(view, tenant, id), id))
  const end = found.at(-1)
  return end === undefined || places.length <= limit ? { rows } : { rows, nextCursor: cursorOf(end) }
}

export const askDue = (questions: Questions, until: Instant | undefined, limit: number): readonly DueRow[] =>
  questions.due(until ?? last, limit).map(([key, version, nextDue]) => ({
    ...rowPartsOf(String(key)),
    version: Number(version),
    nextDue: String(nextDue),
  }))
