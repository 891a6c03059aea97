import { QueryCommand, type QueryCommandInput } from '@aws-sdk/client-dynamodb'
import type { Instant } from '../../domain/ids.ts'
import type { DueRow, RowPage, ViewQuestion, ViewRow } from '../../domain/ports.ts'
import { cursorOf, demandLimit, type Place, placeAt, rowKey, rowPartsOf } from '../rows.ts'
import { type Attributes, type Engine, text } from './engine.ts'
import { layout } from './layout.ts'
import { bodyIn, type RowState, rowOf, stateIn } from './viewItems.ts'
import { dueShards, last, placeOf, placeText, shardsOf } from './viewKeys.ts'
import type { Rows } from './viewRows.ts'

interface Asking {
  engine: Engine
  rows: Rows
  generation: number
}

/** What is asked of the shards of one partition, in the order of places. Bounds are inclusive, and are places' texts. */
interface Range {
  shards: readonly string[]
  from: string
  to: string
  isDescending: boolean
}

interface Found {
  place: Place
  text: string
  item: Attributes
}

/** A place that was made up may be longer than any key. */
const boundBytesMax = 1_000
const bounded = (bound: string): string =>
  Buffer.byteLength(bound) <= boundBytesMax
    ? bound
    : Buffer.from(bound).subarray(0, boundBytesMax).toString().replaceAll('\u{fffd}', '')

const isBefore = (a: string, b: string): boolean => Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0

/** The page of a question. */
export const askRows = async (asking: Asking, question: ViewQuestion): Promise<RowPage> => {
  demandLimit(question)
  const { view, tenant, index, partition, from = '', to = last, descending = false, limit, cursor } = question
  const range = {
    shards: shardsOf(asking.generation, { view, tenant, index, partition }),
    from: bounded(placeText({ sort: from, id: '' })),
    to: bounded(placeText({ sort: to, id: last })),
    isDescending: descending,
  }
  const isThere = (state: RowState, { sort }: Place): boolean =>
    state.places.some(
      ([ownIndex, ownPartition, ownSort]) => ownIndex === index && ownPartition === partition && ownSort === sort,
    )
  const rows: ViewRow[] = []
  let after = cursor === undefined ? undefined : bounded(placeText(placeAt(cursor)))
  for (;;) {
    const wanted = limit - rows.length
    const found = await nextIn(asking, range, after, wanted + 1)
    const page = found.slice(0, wanted)
    rows.push(...(await rowsAt(asking, { view, tenant }, page, isThere)))
    const end = page.at(-1)
    if (end === undefined || found.length <= wanted) return { rows }
    if (rows.length === limit) return { rows, nextCursor: cursorOf(end.place) }
    after = end.text
  }
}

/** The next places after one, in order, from all shards. */
const nextIn = async (
  { engine }: Pick<Asking, 'engine'>,
  { shards, from, to, isDescending }: Range,
  after: string | undefined,
  limit: number,
): Promise<readonly Found[]> => {
  // A bound is inclusive: what comes right after a text is the text and a NUL.
  const start = after === undefined || isDescending ? from : larger(from, `${after}\u0000`)
  const end = after === undefined || !isDescending ? to : smaller(to, after)
  if (isBefore(end, start)) return []
  const isPassed = (found: Found): boolean => isDescending && found.text === after
  const asked = { start, end, isDescending, limit: isDescending ? limit + 1 : limit }
  const all = await Promise.all(shards.map(async (shard) => placesIn(engine, shard, asked)))
  const sorted = all.flat().filter((found) => !isPassed(found))
  if (shards.length > 1) sorted.sort((a, b) => (isBefore(a.text, b.text) !== isDescending ? -1 : 1))
  return sorted.slice(0, limit)
}

const larger = (a: string, b: string): string => (isBefore(a, b) ? b : a)
const smaller = (a: string, b: string): string => (isBefore(a, b) ? a : b)

interface Asked {
  start: string
  end: string
  isDescending: boolean
  limit: number
}

/** A page of the engine ends at 1 MB by itself. */
const placesIn = async (
  { ask, table }: Engine,
  shard: string,
  { start, end, isDescending, limit }: Asked,
): Promise<readonly Found[]> => {
  const { hashKey, rangeKey } = layout.tables.views
  const request: QueryCommandInput = {
    TableName: table,
    KeyConditionExpression: '#partition = :partition AND #place BETWEEN :start AND :end',
    ExpressionAttributeNames: { '#partition': hashKey.name, '#place': rangeKey.name },
    ExpressionAttributeValues: { ':partition': text(shard), ':start': text(start), ':end': text(end) },
    ScanIndexForward: !isDescending,
    ConsistentRead: true,
  }
  const found: Found[] = []
  let next: Attributes | undefined
  do {
    const Limit = limit - found.length
    const page = { ...request, Limit, ...(next === undefined ? {} : { ExclusiveStartKey: next }) }
    const { Items = [], LastEvaluatedKey } = await ask(async (client) => client.send(new QueryCommand(page)))
    for (const item of Items) {
      const place = item[rangeKey.name]?.S ?? ''
      found.push({ place: placeOf(place), text: place, item })
    }
    next = LastEvaluatedKey
  } while (next !== undefined && found.length < limit)
  return found
}

/** The rows that stand at these places: carried by their entries, or read and asked whether they do. */
const rowsAt = async (
  { rows }: Asking,
  { view, tenant }: Pick<ViewQuestion, 'view' | 'tenant'>,
  found: readonly Found[],
  isThere: (state: RowState, place: Place) => boolean,
): Promise<readonly ViewRow[]> => {
  const keyAt = ({ id }: Place): string => rowKey(view, tenant, id)
  const carried = found.map(({ item }) => bodyIn(item))
  const items = await rows.find(found.filter((_, at) => carried[at] === undefined).map(({ place }) => keyAt(place)))
  const answered = await Promise.all(
    found.map(async ({ place, item }, at) => {
      const own = carried[at]
      if (own !== undefined) return rowOf(place.id, item, own.body)
      const row = items.get(keyAt(place))
      return row === undefined || !isThere(stateIn(row), place) ? undefined : rows.whole(place.id, keyAt(place), row)
    }),
  )
  return answered.filter((row) => row !== undefined)
}

const duePageCountMax = 500

/** What is due, the earliest first, as the rows themselves have it. */
export const askDue = async (asking: Asking, until: Instant | undefined, limit: number): Promise<readonly DueRow[]> => {
  const range = {
    shards: dueShards(asking.generation),
    from: placeText({ sort: '', id: '' }),
    to: bounded(placeText({ sort: until ?? last, id: last })),
    isDescending: false,
  }
  const due: DueRow[] = []
  for (let after: string | undefined; due.length < limit; ) {
    const wanted = Math.min(limit - due.length, duePageCountMax)
    const found = await nextIn(asking, range, after, wanted)
    const items = await asking.rows.find(found.map(({ place }) => place.id))
    for (const { place } of found) {
      const item = items.get(place.id)
      const state = item === undefined ? undefined : stateIn(item)
      if (state?.nextDue !== place.sort) continue
      due.push({ ...rowPartsOf(place.id), version: state.version, nextDue: place.sort })
    }
    if (found.length < wanted) break
    after = found.at(-1)?.text
  }
  return due
}
