import { randomUUID } from 'node:crypto'
import {
  BatchGetItemCommand,
  PutItemCommand,
  type TransactWriteItem,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb'
import { fault } from '../../domain/faults.ts'
import type { ViewRow } from '../../domain/ports.ts'
import { type Attributes, type Engine, identityIn, number, type Params } from './engine.ts'
import { layout } from './layout.ts'
import { pause } from './outages.ts'
import { entryEntity, rowEntity } from './viewEntities.ts'
import { keyAttributes, openEntries } from './viewEntries.ts'
import { bodyIn, rowOf, stateIn } from './viewItems.ts'
import { type PlaceKey, rowPartition, rowSort } from './viewKeys.ts'
import { openParts, type RowsOptions } from './viewParts.ts'

/** The engine's limit of one BatchGetItem. */
const batchCountMax = 100
const batchAttemptCountMax = 10

/** The rows and entries of one generation, item by item. What is read is what was acknowledged before. */
export const openRows = (options: RowsOptions) => {
  const { engine, generation } = options
  const parts = openParts(options)
  const find = openFinding(engine, generation)
  const row = rowEntity(options).put({ key: 'key', version: 1, places: '[]' }).params<Params>()
  const entry = entryEntity(options).put({ partition: 'partition', place: '#', version: 1 }).params<Params>()
  const identities = { row: identityIn(row.Item), entry: identityIn(entry.Item) }

  /** Undefined: it has changed while it was read, so that its parts are gone. */
  const bodyOf = async (item: Attributes): Promise<{ body: unknown } | undefined> => {
    const { parts: name } = stateIn(item)
    return name === undefined ? bodyIn(item) : parts.read(item[keyField]?.S ?? '', name)
  }

  return {
    find,
    parts,
    /** The whole of a row that was found. One that changes all the time is an error after some attempts. */
    whole: async (id: string, key: string, found: Attributes): Promise<ViewRow | undefined> => {
      let item: Attributes | undefined = found
      for (let attempt = 1; item !== undefined; attempt++) {
        const content = await bodyOf(item)
        if (content !== undefined) return rowOf(id, item, content.body)
        if (attempt === batchAttemptCountMax) throw fault('storage-unusable', `the parts of ${key} are missing`)
        await pause(attempt)
        item = (await find([key])).get(key)
      }
      return undefined
    },
    put: openPut(engine, generation, identities),
    ...openEntries(engine, identities.entry),
  }
}
export type Rows = ReturnType<typeof openRows>

const keyField = layout.items.row.attributes.key

/** The items of rows, by their keys; those that are not there left out. */
const openFinding =
  (engine: Engine, generation: number) =>
  async (keys: readonly string[]): Promise<ReadonlyMap<string, Attributes>> => {
    const batches: Attributes[][] = []
    const wanted = [...new Set(keys)].map((key) => keyAttributes(rowPartition(generation, key), rowSort))
    for (let at = 0; at < wanted.length; at += batchCountMax) batches.push(wanted.slice(at, at + batchCountMax))
    const items = await Promise.all(batches.map(async (batch) => batchOf(engine, batch)))
    const start = rowPartition(generation, '').length
    return new Map(items.flat().map((item) => [(item[keyField]?.S ?? '').slice(start), item]))
  }

/**
 * Only what is at this version is replaced; 0: only nothing. What its carrying entries are to be comes about with the row,
 * or not at all.
 */
const openPut =
  (engine: Engine, generation: number, identities: Readonly<Record<'row' | 'entry', Attributes>>) =>
  async (key: string, attributes: Attributes, previousVersion: number, carrying: readonly CarryingChange[]) => {
    const TableName = engine.table
    const Item = { ...keyAttributes(rowPartition(generation, key), rowSort), ...identities.row, ...attributes }
    const put = { TableName, Item, ...isAt(previousVersion), ReturnValuesOnConditionCheckFailure: allOld }
    if (carrying.length === 0) return engine.attempt(async (client) => client.send(new PutItemCommand(put)))
    const members = carrying.map((change): TransactWriteItem => {
      const place = keyAttributes(change.partition, change.place)
      return 'item' in change
        ? { Put: { TableName, Item: { ...place, ...identities.entry, ...change.item } } }
        : { Delete: { TableName, Key: place } }
    })
    const request = { TransactItems: [{ Put: put }, ...members], ClientRequestToken: randomUUID() }
    return engine.attempt(async (client) => client.send(new TransactWriteItemsCommand(request)))
  }

/** A place of an index that carries rows: what is to be there, or nothing. */
export type CarryingChange = PlaceKey & ({ item: Attributes } | { isLeft: true })

const allOld = 'ALL_OLD' as const

const isAt = (version: number) => ({
  ConditionExpression: version === 0 ? 'attribute_not_exists(#guard)' : '#guard = :previous',
  ExpressionAttributeNames: { '#guard': layout.items.row.attributes.version },
  ...(version === 0 ? {} : { ExpressionAttributeValues: { ':previous': number(version) } }),
})

const batchOf = async ({ ask, table }: Engine, keys: Attributes[]): Promise<readonly Attributes[]> => {
  const found: Attributes[] = []
  for (let attempt = 1, wanted = keys; wanted.length > 0; attempt++) {
    const request = { RequestItems: { [table]: { Keys: wanted, ConsistentRead: true } } }
    const { Responses, UnprocessedKeys } = await ask(async (client) => client.send(new BatchGetItemCommand(request)))
    found.push(...(Responses?.[table] ?? []))
    wanted = UnprocessedKeys?.[table]?.Keys ?? []
    if (wanted.length === 0) break
    // The engine answers 16 MB at most: what it has made way with is no failure.
    if ((Responses?.[table] ?? []).length > 0) attempt = 0
    if (attempt === batchAttemptCountMax) throw fault('storage-unusable', `throttled: ${wanted.length} rows unread`)
    if (attempt > 0) await pause(attempt)
  }
  return found
}
