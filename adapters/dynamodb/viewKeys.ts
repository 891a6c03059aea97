import type { RowChange } from '../../domain/ports.ts'
import { type Place, partitionKey, rowKey } from '../rows.ts'
import { layout } from './layout.ts'

/** Between what is sorted by and the id: before every character, so that the longer of two sorts comes later. */
const divider = '\u0000'
/** After every text that is sorted by. */
export const last = '\u{10ffff}'

/** Where a row stands in an index, as its row tells. */
export type NamedPlace = readonly [index: string, partition: string, sort: string]

/** An entry's key, and what kind of entry is there. */
export interface PlaceKey {
  partition: string
  place: string
  isCarrying: boolean
}

/** Of which row: its view, tenant and id. */
export interface RowName {
  view: string
  tenant: string
  id: string
}

export const rowPartition = (generation: number, key: string): string => `${generation}/row/${key}`
/** The row's own, in its partition. */
export const rowKeyIn = (partition: string): string => partition.slice(partition.indexOf('/row/') + '/row/'.length)
export const rowSort = 'row'
export const checkpointPartition = (generation: number, consumer: string): string =>
  `${generation}/checkpoint/${consumer}`
export const countPartition = (generation: number, view: string): string => `${generation}/count/${view}`

/** The same id always stands in the same shard (FNV-1a). */
const shardOf = (id: string, shardCount: number): number => {
  let hash = 0x811c9dc5
  for (let at = 0; at < id.length; at++) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193) >>> 0
  return hash % shardCount
}

const shardCountOf = (index: string): number =>
  (layout.indexes.shardCounts as Readonly<Record<string, number>>)[index] ?? 1

const carrying: ReadonlySet<string> = new Set(layout.indexes.carrying)
export const isCarrying = (index: string): boolean => carrying.has(index)

const entryPartition = (generation: number, key: string, shard: number): string => `${generation}/entry/${key}/${shard}`
const duePartition = (generation: number, shard: number): string => `${generation}/due/${shard}`

const counted = (count: number): readonly number[] => Array.from({ length: count }, (_, shard) => shard)

/** All shards of a partition of an index. */
export const shardsOf = (
  generation: number,
  { view, tenant, index, partition }: { view: string; tenant: string; index: string; partition: string },
): readonly string[] =>
  counted(shardCountOf(index)).map((shard) =>
    entryPartition(generation, partitionKey(view, tenant, index, partition), shard),
  )

export const dueShards = (generation: number): readonly string[] =>
  counted(layout.indexes.dueShardCount).map((shard) => duePartition(generation, shard))

/** A key is never empty, whatever is sorted by. */
const mark = '#'

export const placeText = ({ sort, id }: Place): string => `${mark}${sort}${divider}${id}`

/** Ids hold no NUL: the last one divides. */
export const placeOf = (place: string): Place => {
  const at = place.lastIndexOf(divider)
  return { sort: place.slice(mark.length, at), id: place.slice(at + 1) }
}

/** What a row's places are, an entry named twice being one. */
export const namedPlaces = ({ entries }: Pick<RowChange, 'entries'>): readonly NamedPlace[] => [
  ...new Map(
    entries.map(({ index, partition, sort }) => [
      JSON.stringify([index, partition, sort]),
      [index, partition, sort] as const,
    ]),
  ).values(),
]

export const placeName = ({ partition, place }: PlaceKey): string => `${partition}\n${place}`

/** The keys of all entries of a row, of what is due among them; by their text. */
export const placeKeys = (
  generation: number,
  { view, tenant, id }: RowName,
  { places, nextDue }: { places: readonly NamedPlace[]; nextDue?: string | undefined },
): ReadonlyMap<string, PlaceKey> => {
  const keys = places.map(([index, partition, sort]): PlaceKey => {
    const shard = shardOf(id, shardCountOf(index))
    const key = entryPartition(generation, partitionKey(view, tenant, index, partition), shard)
    return { partition: key, place: placeText({ sort, id }), isCarrying: isCarrying(index) }
  })
  if (nextDue !== undefined) {
    const key = rowKey(view, tenant, id)
    const shard = shardOf(key, layout.indexes.dueShardCount)
    const place = placeText({ sort: nextDue, id: key })
    keys.push({ partition: duePartition(generation, shard), place, isCarrying: false })
  }
  return new Map(keys.map((key) => [placeName(key), key]))
}
