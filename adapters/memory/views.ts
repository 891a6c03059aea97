import type { Instant } from '../../domain/ids.ts'
import type { DueRow, IndexEntry, RowChange, RowPage, ViewQuestion, ViewRow, ViewStore } from '../../domain/ports.ts'
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
import { countBefore, insert, remove, type Sorted } from './sorted.ts'

interface Kept {
  row: ViewRow
  places: readonly { partition: string; place: Place }[]
}

interface Medium {
  rows: Map<string, Kept>
  partitions: Map<string, Sorted>
  /** By nextDue, then by the row's key. */
  due: Sorted
  counts: Map<string, number>
}

/**
 * The views in this process's memory. Bodies are kept as they are given and given as they are kept: nobody changes them.
 */
export const openViews = () => {
  const medium: Medium = { rows: new Map(), partitions: new Map(), due: [], counts: new Map() }
  const checkpoints = new Map<string, string>()
  return {
    read: async (view, tenant, ids) => ids.flatMap((id) => medium.rows.get(rowKey(view, tenant, id))?.row ?? []),
    write: async (changes, checkpoint?) => {
      const failed = changes.filter((change) => !replaced(medium, change)).map(({ view, row }) => `${view}/${row.id}`)
      if (checkpoint !== undefined && failed.length === 0) checkpoints.set(checkpoint.consumer, checkpoint.cursor)
      return failed
    },
    query: async (question) => query(medium, question),
    due: async (until, limit) => due(medium, until, limit),
    checkpoint: async (consumer) => checkpoints.get(consumer),
    saveCheckpoint: async (consumer, cursor) => {
      checkpoints.set(consumer, cursor)
    },
    close: async () => {},
    /** How many rows a view has. */
    rowCount: async (view: string) => medium.counts.get(view) ?? 0,
    /** Every row of these views, or of all, in pages. */
    scan: (views?: readonly string[]) => scan(medium, views),
  } satisfies ViewStore & { rowCount: unknown; scan: unknown }
}

/** Whether the row is now as the change wants it, or newer where that is as good; else it was not what the change replaces. */
const replaced = (medium: Medium, { view, tenant, row, previousVersion, entries }: RowChange): boolean => {
  const key = rowKey(view, tenant, row.id)
  const before = medium.rows.get(key)
  const version = before?.row.version ?? 0
  if (previousVersion === 'older' && version >= row.version) return true
  if (previousVersion !== 'older' && version !== previousVersion) return false
  for (const { partition, place } of before?.places ?? []) remove(partitionOf(medium, partition), place)
  if (before?.row.nextDue !== undefined) remove(medium.due, { sort: before.row.nextDue, id: key })
  const places = entries.map((entry) => placed(view, tenant, row.id, entry))
  for (const { partition, place } of places) insert(partitionOf(medium, partition), place)
  if (row.nextDue !== undefined) insert(medium.due, { sort: row.nextDue, id: key })
  medium.rows.set(key, { row, places })
  if (before === undefined) medium.counts.set(view, (medium.counts.get(view) ?? 0) + 1)
  return true
}

const placed = (view: string, tenant: string, id: string, { index, partition, sort }: IndexEntry) => ({
  partition: partitionKey(view, tenant, index, partition),
  place: { sort, id },
})

const partitionOf = (medium: Medium, key: string): Sorted => {
  const known = medium.partitions.get(key) ?? []
  medium.partitions.set(key, known)
  return known
}

const query = (medium: Medium, question: ViewQuestion): RowPage => {
  demandLimit(question)
  const { view, tenant, index, partition, from, to, descending = false, limit, cursor } = question
  const sorted = medium.partitions.get(partitionKey(view, tenant, index, partition)) ?? []
  const after = cursor === undefined ? undefined : placeAt(cursor)
  let first = from === undefined ? 0 : countBefore(sorted, { sort: from, id: '' })
  let end = to === undefined ? sorted.length : countBefore(sorted, { sort: `${to}\u0000`, id: '' })
  if (after !== undefined && descending) end = Math.min(end, countBefore(sorted, after))
  if (after !== undefined && !descending)
    first = Math.max(first, countBefore(sorted, { ...after, id: `${after.id}\u0000` }))
  const found = descending
    ? sorted.slice(Math.max(first, end - limit), Math.max(first, end)).reverse()
    : sorted.slice(first, Math.max(first, Math.min(end, first + limit)))
  const last = found.at(-1)
  const isLast = found.length < limit || end - first <= limit
  const rows = found.flatMap(({ id }) => medium.rows.get(rowKey(view, tenant, id))?.row ?? [])
  return last === undefined || isLast ? { rows } : { rows, nextCursor: cursorOf(last) }
}

async function* scan({ rows }: Medium, views?: readonly string[]): AsyncGenerator<readonly ScannedRow[]> {
  const all = [...rows].map(([key, { row }]) => ({ ...rowPartsOf(key), row }))
  const page = views === undefined ? all : all.filter(({ view }) => views.includes(view))
  if (page.length > 0) yield page
}

const due = ({ due, rows }: Medium, until: Instant | undefined, limit: number): readonly DueRow[] => {
  const end = until === undefined ? due.length : countBefore(due, { sort: `${until}\u0000`, id: '' })
  return due.slice(0, Math.min(end, limit)).map(({ sort, id: key }) => {
    return { ...rowPartsOf(key), version: rows.get(key)?.row.version ?? 0, nextDue: sort }
  })
}
