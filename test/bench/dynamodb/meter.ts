/**
 * What a client has asked of the engine: its calls, and the capacity units AWS would charge for them. By AWS's published
 * rules from the items themselves, since the local engine reports transactions too low and indexes not at all.
 */
import type { AttributeValue, DynamoDBClient, KeySchemaElement } from '@aws-sdk/client-dynamodb'
import { DescribeTableCommand, GetItemCommand } from '@aws-sdk/client-dynamodb'

export interface Spent {
  calls: number
  writeUnits: number
  readUnits: number
  /** Of the write units, those that states cost which ride on a commit now and then. */
  rideUnits: number
}

type Item = Record<string, AttributeValue>

const numberBytes = (digits: string): number => Math.ceil(digits.replace(/[-.]/g, '').length / 2) + 1

/** Names and values; three bytes for a list or map and one for each member; an attribute without a value one. */
const bytesOf = (value: AttributeValue | string | number | Uint8Array): number => {
  // ElectroDB's client has taken the tags off by then.
  if (typeof value === 'string') return Buffer.byteLength(value)
  if (typeof value === 'number') return numberBytes(String(value))
  if (value instanceof Uint8Array) return value.length
  if (value.S !== undefined) return Buffer.byteLength(value.S)
  if (value.N !== undefined) return numberBytes(value.N)
  if (value.B !== undefined) return value.B.length
  if (value.L !== undefined) return value.L.reduce((sum, member) => sum + 1 + bytesOf(member), 3)
  if (value.M !== undefined) return Object.keys(value.M).length + 3 + itemBytes(value.M)
  if (value.BOOL !== undefined || value.NULL !== undefined) return 1
  throw new Error(`what does ${JSON.stringify(value)} cost?`)
}
const itemBytes = (item: Item): number =>
  Object.entries(item).reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + bytesOf(value), 0)

const units = (bytes: number, unitBytes: number): number => Math.max(1, Math.ceil(bytes / unitBytes))
const writeUnits = (item: Item | undefined): number => units(itemBytes(item ?? {}), 1_024)

interface Target {
  TableName: string
  Key: Item
}
interface Member {
  Put?: { TableName: string; Item: Item }
  Update?: Target
}
interface Request {
  TableName: string
  Item?: Item
  Key?: Item
  IndexName?: string
  ConsistentRead?: boolean
  TransactItems?: Member[]
}
interface Response {
  Item?: Item
  Items?: Item[]
}

interface Index {
  keys: readonly string[]
  isKeysOnly: boolean
}
interface Table {
  keys: readonly string[]
  indexes: readonly Index[]
}

const namesIn = (schema: readonly KeySchemaElement[] = []): readonly string[] =>
  schema.map(({ AttributeName = '' }) => AttributeName)

const pick = (item: Item, names: readonly string[]): Item =>
  Object.fromEntries(names.flatMap((name) => (item[name] === undefined ? [] : [[name, item[name]]])))

/** As it stands in an index; undefined where it does not. */
const projected = (item: Item | undefined, { keys }: Table, index: Index): Item | undefined => {
  if (item === undefined || index.keys.some((name) => item[name] === undefined)) return undefined
  return index.isKeysOnly ? pick(item, [...keys, ...index.keys]) : item
}

/** An index is written when what it holds of the item changes: once, also in a transaction. */
const indexUnits = (table: Table, before: Item | undefined, after: Item | undefined): number =>
  table.indexes.reduce((sum, index) => {
    const [was, is] = [projected(before, table, index), projected(after, table, index)]
    return JSON.stringify(was) === JSON.stringify(is) ? sum : sum + Math.max(writeUnits(was), writeUnits(is))
  }, 0)

const targetsOf = (name: string, request: Request, tables: ReadonlyMap<string, Table>): readonly Target[] => {
  const ofPut = (TableName: string, item: Item): Target => ({
    TableName,
    Key: pick(item, tables.get(TableName)?.keys ?? []),
  })
  if (name === 'PutItem' && request.Item !== undefined) return [ofPut(request.TableName, request.Item)]
  if (name === 'UpdateItem' && request.Key !== undefined) return [{ TableName: request.TableName, Key: request.Key }]
  return (request.TransactItems ?? []).flatMap(({ Put, Update }) => {
    if (Put !== undefined) return [ofPut(Put.TableName, Put.Item)]
    return Update === undefined ? [] : [Update]
  })
}

const readUnitsOf = ({ ConsistentRead = false, IndexName }: Request, { Item, Items }: Response): number =>
  (ConsistentRead && IndexName === undefined ? 1 : 0.5) *
  units(Items === undefined ? itemBytes(Item ?? {}) : Items.reduce((sum, item) => sum + itemBytes(item), 0), 4_096)

/** What a commit costs more for the state that rides on it. */
const rideUnitsOf = ({ Item: item }: Request): number => {
  if (item?.state === undefined) return 0
  const { state: _, reducerVersion: __, ...rest } = item
  return writeUnits(item) - writeUnits(rest)
}

/**
 * Counts what goes through `client` from now on. What a written item was before and is after, `beside` looks up: an update is
 * charged for the larger of the two, a refused write for what it found. Answers what was spent since the last call.
 */
export const meter = async (client: DynamoDBClient, beside: DynamoDBClient, tableNames: readonly string[]) => {
  const tables = new Map<string, Table>()
  for (const name of tableNames) tables.set(name, await describe(beside, name))
  let spent: Spent = { calls: 0, writeUnits: 0, readUnits: 0, rideUnits: 0 }
  const lookUp = (targets: readonly Target[]): Promise<readonly (Item | undefined)[]> =>
    Promise.all(
      targets.map(
        async (target) => (await beside.send(new GetItemCommand({ ...pickTarget(target), ConsistentRead: true }))).Item,
      ),
    )
  const charge = (
    targets: readonly Target[],
    before: readonly (Item | undefined)[],
    after: readonly (Item | undefined)[],
  ) => {
    const factor = targets.length > 1 ? 2 : 1
    for (const [at, { TableName }] of targets.entries()) {
      const table = tables.get(TableName)
      spent.writeUnits += factor * Math.max(writeUnits(before[at]), writeUnits(after[at]))
      if (table !== undefined) spent.writeUnits += indexUnits(table, before[at], after[at])
    }
  }
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const name = String(context.commandName).replace('Command', '')
      const request = args.input as unknown as Request
      const targets = targetsOf(name, request, tables)
      const before = await lookUp(targets)
      spent.calls++
      try {
        const answer = await next(args)
        if (targets.length === 0) spent.readUnits += readUnitsOf(request, answer.output as Response)
        else charge(targets, before, await lookUp(targets))
        spent.rideUnits += rideUnitsOf(request)
        return answer
      } catch (error) {
        const found = await lookUp(targets)
        charge(targets, found, found)
        throw error
      }
    },
    { step: 'serialize', priority: 'high', name: 'meter' },
  )
  return (): Spent => {
    const before = spent
    spent = { calls: 0, writeUnits: 0, readUnits: 0, rideUnits: 0 }
    return before
  }
}

const pickTarget = ({ TableName, Key }: Target): Target => ({ TableName, Key })

const describe = async (client: DynamoDBClient, TableName: string): Promise<Table> => {
  const { Table: table } = await client.send(new DescribeTableCommand({ TableName }))
  return {
    keys: namesIn(table?.KeySchema),
    indexes: (table?.GlobalSecondaryIndexes ?? []).map(({ KeySchema, Projection }) => ({
      keys: namesIn(KeySchema),
      isKeysOnly: Projection?.ProjectionType === 'KEYS_ONLY',
    })),
  }
}
