import { CreateTableCommand, type DynamoDB, TransactionCanceledException } from '@aws-sdk/client-dynamodb'
import { CachingStrategy, Codec, Decider, LoadOption, MemoryCache, StreamId } from '@equinox-js/core'
import {
  AccessStrategy,
  DynamoStoreCategory,
  DynamoStoreClient,
  DynamoStoreContext,
  QueryOptions,
  TipOptions,
} from '@equinox-js/dynamo-store'
import { type Bench, type Command, type Description, decide, evolve, metadataOf } from './commands.ts'
import { followed, keyed, type Peer } from './peer.ts'

type Happened =
  | { type: 'BenchRegistered' | 'BenchDescribed'; data: Description & { benchId?: string } }
  | { type: 'Snapshotted'; data: Bench }

const fold = (bench: Bench | undefined, events: Happened[]): Bench | undefined =>
  events.reduce<Bench | undefined>((state, e) => (e.type === 'Snapshotted' ? e.data : evolve(state, e)), bench)

/** Metadata with each event; none with a snapshot, which is rewritten with every append. */
const codec = Codec.compress(
  Codec.json<Happened, Command>(({ type }, command) =>
    type === 'Snapshotted' ? {} : { meta: { ...metadataOf(command), schemaVersion: 1 } },
  ),
)

const attemptCountMax = 1_000

/**
 * equinox-js with all that its own tests turn on: the snapshot as an unfold in the tip, the memory cache, any cached value
 * taken (the sync's condition proves it), bodies compressed. A stream's tip is one item that each append rewrites, and is
 * charged for whole; so how many events it may gather before they are moved out is what an append costs.
 */
const equinoxOf = (name: string, table: string, tip: Parameters<typeof TipOptions.create>[0]): Peer => ({
  name,
  createTables: async (client) => {
    const { schema, attributes } = keyed('p', 'i:N')
    await client.send(
      new CreateTableCommand({
        TableName: table,
        BillingMode: 'PAY_PER_REQUEST',
        ...followed,
        KeySchema: schema,
        AttributeDefinitions: attributes,
      }),
    )
  },
  open: (client) => {
    const context = new DynamoStoreContext({
      client: new DynamoStoreClient(client as DynamoDB),
      tableName: table,
      tip: TipOptions.create(tip),
      query: QueryOptions.create({}),
    })
    let category = openCategory(context)
    return {
      handle: async (command) => {
        const decider = Decider.forStream(category, StreamId.create(command.benchId), command)
        let load = command.type === 'RegisterBench' ? LoadOption.AssumeEmpty : LoadOption.AnyCachedValue
        while (!(await transacted(decider, command, load))) load = LoadOption.RequireLeader
      },
      forget: () => {
        category = openCategory(context)
      },
    }
  },
})

const openCategory = (context: DynamoStoreContext) =>
  DynamoStoreCategory.create<Happened, Bench | undefined, Command>(
    context,
    'Bench',
    codec,
    fold,
    undefined,
    CachingStrategy.Cache(new MemoryCache(10_000)),
    AccessStrategy.Snapshot<Happened, Bench | undefined>(
      ({ type }) => type === 'Snapshotted',
      (data) => ({ type: 'Snapshotted', data: data as Bench }),
    ),
  )

/** False: a race was lost while events were moved out of the tip, which it does not try again by itself. */
const transacted = async (
  decider: Decider<Happened, Bench | undefined>,
  command: Command,
  load: LoadOption,
): Promise<boolean> => {
  const interpret = (bench: Bench | undefined): Happened[] =>
    decide(bench, command).map(({ type, data }) => ({ type, data }))
  try {
    await decider.transact(interpret, load, attemptCountMax)
    return true
  } catch (error) {
    if (!(error instanceof TransactionCanceledException)) throw error
    return false
  }
}

export const equinox = equinoxOf('equinox-js, as it comes', 'equinox', {})
const tipEventCountMax = Number(process.env['TIP_EVENTS'] ?? 3)
/** Of 1 to 12 events these cost the least for this payload, to two per cent, without moving events out with every append. */
export const equinoxSmall = equinoxOf(`equinox-js, ${tipEventCountMax} events in the tip`, 'equinox-small', {
  maxEvents: tipEventCountMax,
})
