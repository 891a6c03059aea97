import { createHash } from 'node:crypto'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import { fault } from '../../domain/faults.ts'
import type { RowChange, ViewRow } from '../../domain/ports.ts'
import { type Attributes, number, text } from './engine.ts'
import { layout } from './layout.ts'
import { type NamedPlace, namedPlaces } from './viewKeys.ts'

const names = layout.items.row.attributes

/** Up to here a write costs one unit anyhow, and who looks at the table can read it. */
const plainBytesMax = 700
/** The engine takes 400 KB an item; the difference is for places and names. */
export const partBytes = 300 * 1024

/** A row as it lies in the table, without its key. */
export interface RowState {
  version: number
  nextDue?: string
  places: readonly NamedPlace[]
  /** Which parts the body lies in; absent when it lies in the row. */
  parts?: string
}

/** Where the body is: in these attributes, or in parts beside the row. */
export interface Content {
  attributes: Attributes
  parts?: { name: string; pieces: readonly Uint8Array[] }
}

/** Parts are named after their version and content: those of two writers never mix. */
export const contentOf = (version: number, body: unknown): Content => {
  const json = JSON.stringify(body)
  if (Buffer.byteLength(json) <= plainBytesMax) return { attributes: { [names.body]: text(json) } }
  const packed = deflateRawSync(json)
  if (packed.length <= partBytes) return { attributes: { [names.packed]: { B: packed } } }
  const pieces: Uint8Array[] = []
  for (let start = 0; start < packed.length; start += partBytes) pieces.push(packed.subarray(start, start + partBytes))
  const hash = createHash('sha256').update(packed).digest('hex').slice(0, 16)
  const name = `${version}.${hash}.${pieces.length}`
  return { attributes: { [names.parts]: text(name) }, parts: { name, pieces } }
}

export const partCount = (name: string): number => Number(name.slice(name.lastIndexOf('.') + 1))

export const unpacked = (packed: Uint8Array): unknown => JSON.parse(inflateRawSync(packed).toString()) as unknown

/** Undefined: the body lies elsewhere. */
export const bodyIn = (item: Attributes): { body: unknown } | undefined => {
  const plain = item[names.body]?.S
  if (plain !== undefined) return { body: JSON.parse(plain) as unknown }
  const packed = item[names.packed]?.B
  return packed === undefined ? undefined : { body: unpacked(packed) }
}

export const versionIn = (item: Attributes): number => Number(item[names.version]?.N)

export const nextDueIn = (item: Attributes): { nextDue?: string } => {
  const nextDue = item[names.nextDue]?.S
  return nextDue === undefined ? {} : { nextDue }
}

export const stateIn = (item: Attributes): RowState => {
  const parts = item[names.parts]?.S
  const places = item[names.places]?.S
  if (places === undefined) throw fault('storage-unusable', `no row of a view: ${item[names.key]?.S}`)
  return {
    version: versionIn(item),
    ...nextDueIn(item),
    places: JSON.parse(places) as NamedPlace[],
    ...(parts === undefined ? {} : { parts }),
  }
}

export const rowOf = (id: string, item: Attributes, body: unknown): ViewRow => ({
  id,
  version: versionIn(item),
  body,
  ...nextDueIn(item),
})

const dueAttributes = ({ nextDue }: { nextDue?: string | undefined }): Attributes =>
  nextDue === undefined ? {} : { [names.nextDue]: text(nextDue) }

/** What a change makes of a row, and of the entries that carry it. */
export const stateOf = (change: RowChange, { parts }: Content): RowState => ({
  version: change.row.version,
  ...(change.row.nextDue === undefined ? {} : { nextDue: change.row.nextDue }),
  places: namedPlaces(change),
  ...(parts === undefined ? {} : { parts: parts.name }),
})

export const versionAttribute = ({ version }: Pick<RowState, 'version'>): Attributes => ({
  [names.version]: number(version),
})

export const rowAttributes = ({ version, places, nextDue }: RowState, { attributes }: Content): Attributes => ({
  ...versionAttribute({ version }),
  [names.places]: text(JSON.stringify(places)),
  ...dueAttributes({ nextDue }),
  ...attributes,
})

/** An entry that carries a larger row would be read and written too dearly: such a row is read from where it lies. */
const carriedBytesMax = 4 * 1024

const sizeOf = ({ S, B }: AttributeValue): number => (S === undefined ? (B?.length ?? 0) : Buffer.byteLength(S))

export const carriedAttributes = ({ nextDue }: RowState, { attributes, parts }: Content): Attributes => {
  const bytes = Object.values(attributes).reduce((sum, value) => sum + sizeOf(value), 0)
  return parts === undefined && bytes <= carriedBytesMax ? { ...attributes, ...dueAttributes({ nextDue }) } : {}
}

/** Whether a row that was found is what we have asked to be written. */
export const isSameItem = (found: Attributes, written: Attributes): boolean =>
  Object.entries(written).every(([name, { S, N, B }]) => {
    const other = found[name]
    return other?.S === S && other?.N === N && Buffer.compare(other?.B ?? noBytes, B ?? noBytes) === 0
  })
const noBytes = new Uint8Array()
