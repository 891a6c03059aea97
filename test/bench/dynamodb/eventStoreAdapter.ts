import { CreateTableCommand, type DynamoDBClient, TransactionCanceledException } from '@aws-sdk/client-dynamodb'
import {
  type Aggregate,
  type AggregateId,
  type Event,
  EventStoreFactory,
  OptimisticLockError,
} from 'event-store-adapter-js'
import { type Bench, type Command, decide, evolve, type Fact, metadataOf } from './commands.ts'
import { followed, keyed, type Peer } from './peer.ts'

const [journal, snapshots] = ['journal', 'snapshots']
const [journalIndex, snapshotIndex] = ['journal-aid-index', 'snapshots-aid-index']

interface BenchId extends AggregateId {
  typeName: 'bench'
}
const idOf = (value: string): BenchId => ({ typeName: 'bench', value, asString: () => `bench-${value}` })

interface Kept extends Aggregate<Kept, BenchId> {
  bench: Bench
}
const keptOf = (id: BenchId, bench: Bench, sequenceNumber: number, version: number): Kept => ({
  typeName: 'bench',
  id,
  bench,
  sequenceNumber,
  version,
  withVersion: (changed) => keptOf(id, bench, sequenceNumber, changed),
  updateVersion: (change) => keptOf(id, bench, sequenceNumber, change(version)),
})

interface Happened extends Event<BenchId> {
  fact: Fact
  metadata: object
}

/** What its serialiser has written, read back: `{type, data}`. */
const dataIn = <Data>(json: unknown): Data => (json as { data: Data }).data
const eventIn = (json: unknown): Happened => {
  const event = dataIn<Happened>(json)
  return { ...event, aggregateId: idOf(event.aggregateId.value), occurredAt: new Date(event.occurredAt) }
}
const keptIn = (json: unknown): Kept => {
  const { id, bench, sequenceNumber, version } = dataIn<Kept>(json)
  return keptOf(idOf(id.value), bench, sequenceNumber, version)
}

/**
 * event-store-adapter-js with its own example's tables, indexes and 32 shards. Each event is a transaction of the journal's
 * item and the snapshot's, whose version it guards; as that item is charged whole, the snapshot itself goes along for nothing,
 * so it is written every time, and a cold load finds no event after it. Only the newest is kept, as by default. It has no
 * cache: its example goes on with the aggregate at hand, and so does this. Of several events each is persisted by itself,
 * there is no other way: a command can stop halfway.
 */
export const eventStoreAdapter: Peer = {
  name: 'event-store-adapter-js',
  createTables: async (client) => {
    await createTable(client, journal, journalIndex)
    await createTable(client, snapshots, snapshotIndex)
  },
  open: (client) => {
    const store = openStore(client)
    let known = new Map<string, Kept>()
    return {
      handle: async (command) => {
        const { benchId, type } = command
        let kept = known.get(benchId) ?? (type === 'RegisterBench' ? undefined : await find(store, idOf(benchId)))
        for (const [index, fact] of decide(kept?.bench, command).entries()) {
          kept = await persisted(store, kept, fact, command, index)
          known.set(benchId, kept)
        }
      },
      forget: () => {
        known = new Map()
      },
    }
  },
}

const shardCount = 32

const openStore = (client: DynamoDBClient) =>
  EventStoreFactory.ofDynamoDB<BenchId, Kept, Happened>(
    client,
    journal,
    snapshots,
    journalIndex,
    snapshotIndex,
    shardCount,
    eventIn,
    keptIn,
  )
type Store = ReturnType<typeof openStore>

const find = async (store: Store, id: BenchId): Promise<Kept | undefined> => {
  const snapshot = await store.getLatestSnapshotById(id)
  if (snapshot === undefined) return undefined
  const events = await store.getEventsByIdSinceSequenceNumber(id, snapshot.sequenceNumber + 1)
  return events.reduce(
    (kept, { fact, sequenceNumber }) => keptOf(id, evolve(kept.bench, fact), sequenceNumber, kept.version),
    snapshot,
  )
}

/** The aggregate after the event; after a lost race it is read again, and the event tried again. */
const persisted = async (
  store: Store,
  first: Kept | undefined,
  fact: Fact,
  command: Command,
  index: number,
): Promise<Kept> => {
  for (let before = first; ; before = await find(store, idOf(command.benchId))) {
    try {
      return await persist(store, before, fact, command, index)
    } catch (error) {
      if (!(error instanceof OptimisticLockError || error instanceof TransactionCanceledException)) throw error
    }
  }
}

const persist = async (
  store: Store,
  before: Kept | undefined,
  fact: Fact,
  command: Command,
  index: number,
): Promise<Kept> => {
  const id = idOf(command.benchId)
  const sequenceNumber = (before?.sequenceNumber ?? 0) + 1
  const after = keptOf(id, evolve(before?.bench, fact), sequenceNumber, before?.version ?? 1)
  const event: Happened = {
    typeName: fact.type,
    id: `${command.commandId}-${index}`,
    aggregateId: id,
    sequenceNumber,
    occurredAt: new Date(command.at),
    isCreated: before === undefined,
    fact,
    metadata: metadataOf(command),
  }
  await store.persistEventAndSnapshot(event, after)
  return before === undefined ? after : after.updateVersion((version) => version + 1)
}

const createTable = async (client: DynamoDBClient, name: string, index: string): Promise<void> => {
  const [own, byAggregate] = [keyed('pkey', 'skey'), keyed('aid', 'seq_nr:N')]
  await client.send(
    new CreateTableCommand({
      TableName: name,
      BillingMode: 'PAY_PER_REQUEST',
      ...(name === journal ? followed : {}),
      KeySchema: own.schema,
      AttributeDefinitions: [...own.attributes, ...byAggregate.attributes],
      GlobalSecondaryIndexes: [
        { IndexName: index, KeySchema: byAggregate.schema, Projection: { ProjectionType: 'ALL' } },
      ],
    }),
  )
}
