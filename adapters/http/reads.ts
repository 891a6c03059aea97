/** Reading one resource or a page of them from the views, as fresh as was asked for. */
import type { RowPage, ViewQuestion, ViewRow } from '../../domain/ports.ts'
import type { House } from './house.ts'
import { invalid, problem } from './problems.ts'
import { json, type Reply } from './replies.ts'

export const viewBehind = (): Reply => problem('view-behind', 'the view has not seen yet what was asked for: try again')

export interface Freshness {
  consistent: boolean
  minVersion?: number | undefined
}

export interface Found {
  version: number
  body: unknown
}

/**
 * The row of a view. One that is asked for consistently, or that the view does not have (yet), is folded from history:
 * what was just created is never missing.
 */
export const find = async (
  house: House,
  where: { view: string; tenant: string; id: string },
  { consistent, minVersion }: Freshness,
  truth: () => Promise<Found | undefined>,
): Promise<Found | ViewRow | undefined | 'behind'> => {
  if (consistent) return truth()
  const row = await house.views.row(where.view, where.tenant, where.id, minVersion)
  if (row !== undefined && row !== 'behind') return row
  const found = await truth()
  return found === undefined || row === undefined ? found : 'behind'
}

type Question = Omit<ViewQuestion, 'limit' | 'cursor'>

/** A list's parameters: paging, and filters of its own. */
export interface Listing {
  consistent: boolean
  limit: number
  cursor?: string | undefined
  [filter: string]: unknown
}

/** Rows looked at for one page: filters that match little end it early, with a cursor to go on. */
const scannedRowsMax = 5_000
/** Rows asked for at once. */
const chunkCountMax = 100
/** A page ends early rather than being larger than this; in UTF-16 code units of JSON. */
const pageLengthMax = 4_000_000

/** A page of a list: the rows of one index that pass the filter, each as its resource. */
export const list = async (
  house: House,
  question: Question,
  listing: Listing,
  shown: (row: ViewRow) => unknown,
): Promise<Reply> => {
  const { limit, cursor, consistent, ...filters } = listing
  const name = house.hash([question.view, filters]).slice(0, 12)
  const start = innerCursor(cursor, name)
  if (start.isMalformed) return invalid([{ path: 'cursor', message: 'not a cursor of this list' }])
  if (consistent && !(await house.views.caughtUp())) return viewBehind()
  const { items, next } = await collect(house, question, limit, start.cursor, shown)
  const nextCursor = next === undefined ? '' : `,"nextCursor":"${outerCursor(next, name)}"`
  return { ...json(null), body: `{"items":[${items.join(',')}]${nextCursor}}` }
}

const collect = async (
  house: House,
  question: Question,
  limit: number,
  start: string | undefined,
  shown: (row: ViewRow) => unknown,
): Promise<{ items: readonly string[]; next: string | undefined }> => {
  const items: string[] = []
  let next = start
  let length = 0
  for (let scanned = 0; scanned < scannedRowsMax; ) {
    const page = await query(house, question, Math.min(chunkCountMax, limit), next)
    for (const [index, row] of page.rows.entries()) {
      const item = await shown(row)
      if (item === undefined) continue
      const text = JSON.stringify(item)
      length += text.length
      items.push(text)
      const isLast = index === page.rows.length - 1
      if (items.length < limit && length < pageLengthMax) continue
      if (isLast) return { items, next: page.nextCursor }
      return { items, next: (await query(house, question, index + 1, next)).nextCursor }
    }
    next = page.nextCursor
    scanned += page.rows.length
    if (next === undefined) break
  }
  return { items, next }
}

const query = (house: House, question: Question, limit: number, cursor: string | undefined): Promise<RowPage> =>
  house.views.query({ ...question, limit, ...(cursor === undefined ? {} : { cursor }) })

/** A cursor holds for the list it came from: `name` tells them apart. */
const outerCursor = (inner: string, name: string): string => Buffer.from(`${name}:${inner}`).toString('base64url')

const innerCursor = (cursor: string | undefined, name: string): { cursor?: string; isMalformed: boolean } => {
  if (cursor === undefined) return { isMalformed: false }
  const text = /^[A-Za-z0-9_-]+$/.test(cursor) ? Buffer.from(cursor, 'base64url').toString() : ''
  return text.startsWith(`${name}:`)
    ? { cursor: text.slice(name.length + 1), isMalformed: false }
    : { isMalformed: true }
}
