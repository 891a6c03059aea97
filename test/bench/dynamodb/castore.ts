import { CreateTableCommand, type DynamoDBClient, TransactionCanceledException } from '@aws-sdk/client-dynamodb'
import { EventStore, EventType, type GroupedEvent, isEventAlreadyExistsError } from '@castore/core'
import { DynamoDBSingleTableEventStorageAdapter } from '@castore/event-storage-adapter-dynamodb'
import { type Bench, type Command, type Description, decide, evolve, type Metadata, metadataOf } from './commands.ts'
import { followed, keyed, type Peer } from './peer.ts'

const table = 'castore'

type Kept = Omit<Metadata, 'at'> & { schemaVersion: number }
type Data = Description & { benchId?: string }
interface Aggregate extends Bench {
  aggregateId: string
  version: number
}
interface Happened {
  aggregateId: string
  version: number
  type: 'BenchRegistered' | 'BenchDescribed'
  timestamp: string
  payload: Data
  metadata: Kept
}

/**
 * castore's single-table adapter, its newer one: an item an event. It has neither a cache nor snapshots ("not implemented
 * yet", says its documentation), but optimistic concurrency that allows for a cache: so its user is taken to keep the
 * aggregates that `pushEvent` answers, and to fetch after a conflict only what has come since. Several events of one command
 * are an event group, as its documentation has it: a transaction.
 */
export const castore: Peer = {
  name: 'castore',
  createTables: async (client) => {
    const [own, initial] = [keyed('aggregateId', 'version:N'), keyed('eventStoreId', 'timestamp')]
    await client.send(
      new CreateTableCommand({
        TableName: table,
        BillingMode: 'PAY_PER_REQUEST',
        ...followed,
        KeySchema: own.schema,
        AttributeDefinitions: [...own.attributes, ...initial.attributes],
        GlobalSecondaryIndexes: [
          { IndexName: 'initialEvents', KeySchema: initial.schema, Projection: { ProjectionType: 'KEYS_ONLY' } },
        ],
      }),
    )
  },
  open: (client) => {
    const store = openStore(client)
    let known = new Map<string, Aggregate>()
    return {
      handle: async (command) => {
        const id = command.benchId
        let bench =
          known.get(id) ?? (command.type === 'RegisterBench' ? undefined : await refreshed(store, id, undefined))
        for (;;) {
          try {
            const next = await append(store, bench, command)
            if (next !== undefined) known.set(id, next)
            return
          } catch (error) {
            if (!isLost(error)) throw error
            bench = await refreshed(store, id, bench)
          }
        }
      },
      forget: () => {
        known = new Map()
      },
    }
  },
}

const openStore = (client: DynamoDBClient) =>
  new EventStore({
    eventStoreId: 'BENCHES',
    eventTypes: [
      new EventType<'BenchRegistered', Data, Kept>({ type: 'BenchRegistered' }),
      new EventType<'BenchDescribed', Data, Kept>({ type: 'BenchDescribed' }),
    ],
    reducer: (bench: Aggregate | undefined, { aggregateId, version, payload }: Happened): Aggregate => ({
      aggregateId,
      version,
      ...evolve(bench, { data: payload }),
    }),
    eventStorageAdapter: new DynamoDBSingleTableEventStorageAdapter({ tableName: table, dynamoDBClient: client }),
  })
type Store = ReturnType<typeof openStore>

const refreshed = async (store: Store, id: string, before: Aggregate | undefined): Promise<Aggregate | undefined> => {
  if (before === undefined) return (await store.getAggregate(id)).aggregate
  const { events } = await store.getEvents(id, { minVersion: before.version + 1 })
  return store.buildAggregate(events, before)
}

const append = async (store: Store, bench: Aggregate | undefined, command: Command): Promise<Aggregate | undefined> => {
  const events = happenedIn(bench, command)
  const [first, ...rest] = events
  if (first === undefined) return bench
  if (rest.length === 0)
    return (await store.pushEvent(first, bench === undefined ? {} : { prevAggregate: bench })).nextAggregate
  const grouped: [GroupedEvent, ...GroupedEvent[]] = [
    store.groupEvent(first),
    ...rest.map((event) => store.groupEvent(event)),
  ]
  await EventStore.pushEventGroup({}, ...grouped)
  return store.buildAggregate([...events], bench)
}

const happenedIn = (bench: Aggregate | undefined, command: Command): readonly Happened[] => {
  const { at, ...metadata } = metadataOf(command)
  return decide(bench, command).map(({ type, schemaVersion, data }, index) => ({
    aggregateId: command.benchId,
    version: (bench?.version ?? 0) + 1 + index,
    type,
    timestamp: at,
    payload: data,
    metadata: { ...metadata, schemaVersion },
  }))
}

const isLost = (error: unknown): boolean =>
  error instanceof TransactionCanceledException || (error instanceof Error && isEventAlreadyExistsError(error))
