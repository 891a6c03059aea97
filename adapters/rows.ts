/** How rows and their places in an index are named: the same in every view store, so that cursors and orders agree. */
import type { ViewQuestion, ViewRow } from '../domain/ports.ts'

/** `{view}/{tenant}/{id}`: views and tenants hold no slash. */
export const rowKey = (view: string, tenant: string, id: string): string => `${view}/${tenant}/${id}`

export const rowPartsOf = (key: string): { view: string; tenant: string; id: string } => {
  const [view = '', tenant = ''] = key.split('/', 2)
  return { view, tenant, id: key.slice(view.length + tenant.length + 2) }
}

/** A row as one meets it who goes through all of them. */
export interface ScannedRow {
  view: string
  tenant: string
  row: ViewRow
}

/** `{view}/{tenant}/{index}/{partition}`: the partition is the last, and may hold anything. */
export const partitionKey = (view: string, tenant: string, index: string, partition: string): string =>
  `${view}/${tenant}/${index}/${partition}`

/** Where a row stands in a partition: by `sort`, then by id, both compared as bytes (what is sorted by is ASCII). */
export interface Place {
  sort: string
  id: string
}

/** Ids hold none, so the last one in a cursor is the one that divides it. */
const divider = '\u0000'

export const cursorOf = ({ sort, id }: Place): string => Buffer.from(`${sort}${divider}${id}`).toString('base64url')

/** The place a cursor names. One that is made up names some place or other: it is never an error. */
export const placeAt = (cursor: string): Place => {
  const text = Buffer.from(cursor, 'base64url').toString()
  const at = text.lastIndexOf(divider)
  return at < 0 ? { sort: text, id: '' } : { sort: text.slice(0, at), id: text.slice(at + 1) }
}

/** Rows asked for at once. */
const limitMax = 500

export const demandLimit = ({ limit }: Pick<ViewQuestion, 'limit'>): void => {
  if (!Number.isInteger(limit) || limit < 1 || limit > limitMax)
    throw new RangeError(`a page has 1..${limitMax} rows, not ${limit}`)
}
