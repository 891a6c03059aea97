/**
 * The deployment's parts as AWS runs them, each a process of its own with a client and a cache of its own, on one set of
 * tables: the API, and the functions behind the stream, the bus and the clocks. Each part's calls are counted apart, and
 * nothing happens that is not asked for: streams, the bus and the clocks are turned by hand.
 */
import type { DynamoDBClient, PutItemCommandInput, TransactWriteItemsCommandInput } from '@aws-sdk/client-dynamodb'
import { openFeed } from '../../adapters/dynamodb/feed.ts'
import { openGenerations } from '../../adapters/dynamodb/generations.ts'
import { openHistory } from '../../adapters/dynamodb/history.ts'
import { tableName } from '../../adapters/dynamodb/layout.ts'
import { openLeases } from '../../adapters/dynamodb/leases.ts'
import { openViews } from '../../adapters/dynamodb/views.ts'
import { openPublisher } from '../../adapters/eventbridge/publisher.ts'
import { createApp } from '../../adapters/http/app.ts'
import { openArtifacts } from '../../adapters/memory/artifacts.ts'
import { openLogs } from '../../adapters/memory/logs.ts'
import type { Arm } from '../../adapters/stepfunctions/clock.ts'
import type { EventStore } from '../../domain/ports.ts'
import { openArming } from '../../infra/consumers/arming.ts'
import { openProjectConsumer } from '../../infra/consumers/project.ts'
import { openPublishConsumer } from '../../infra/consumers/publish.ts'
import { openReactConsumer } from '../../infra/consumers/react.ts'
import { openTick } from '../../infra/consumers/tick.ts'
import { openCounters } from '../../infra/counters.ts'
import { openHeadCache } from '../../infra/headCache.ts'
import { openLiveAttempts } from '../../infra/liveness/liveAttempts.ts'
import { openLiveness } from '../../infra/liveness/liveness.ts'
import { noLog } from '../../infra/log.ts'
import { openWriting, servicesOf } from '../../infra/services.ts'
import type { StreamRecord } from '../../projections/handler.ts'
import type { Views } from '../../projections/services.ts'
import { countSpent } from '../adapters/dynamodbCapacity.ts'
import { openBus, openMachine } from './services.ts'
import type { Tables, Time } from './writing.ts'

export interface Engine {
  client: () => DynamoDBClient
  tablePrefix: string
}

const settings = { leaseMs: 40_000, heartbeatEveryMs: 10_000 }
const letters = { keep: async () => {} }

const found = async () => ({ benchIds: [], excluded: {} })

/** A part's own client, counted, and the stores on it. */
const openPart = ({ client: connect, tablePrefix }: Engine, time: Time) => {
  const client = connect()
  const tables: Tables = { client, tablePrefix }
  const spent = countSpent(client)
  const history = openHistory(tables)
  const views = openViews({ ...tables, generation: 1 })
  const counters = openCounters()
  const cache = openHeadCache()
  return {
    client,
    tables,
    spent,
    history,
    views,
    counters,
    cache,
    ports: { letters, log: noLog, counters, now: time.now },
  }
}

/** What the engine's stream would tell of the history's table, until it is taken. */
const recordsOf = (client: DynamoDBClient, tablePrefix: string): (() => StreamRecord[]) => {
  const table = tableName('history', tablePrefix)
  let records: StreamRecord[] = []
  client.middlewareStack.add(
    (next) => async (args) => {
      const answer = await next(args)
      const { TransactItems = [], ...alone } = args.input as TransactWriteItemsCommandInput & PutItemCommandInput
      const puts = [alone, ...TransactItems.flatMap(({ Put }) => Put ?? [])]
      for (const { TableName, Item } of puts)
        if (TableName === table && Item !== undefined) records.push(recordOf(Item, records.length))
      return answer
    },
    { step: 'initialize', name: 'recordsOf' },
  )
  return () => {
    const taken = records
    records = []
    return taken
  }
}

const recordOf = (item: Record<string, unknown>, at: number): StreamRecord => {
  const image = Object.fromEntries(
    Object.entries(item as Record<string, { B?: Uint8Array }>).map(([name, value]) => [
      name,
      value.B === undefined ? value : { B: Buffer.from(value.B).toString('base64') },
    ]),
  ) as NonNullable<StreamRecord['dynamodb']>['NewImage'] & {}
  return { eventName: 'INSERT', dynamodb: { Keys: image, NewImage: image, SequenceNumber: String(at + 1) } }
}

/** Rows are read as they are: who waits for them costs another look. */
const readingOf = (views: ReturnType<typeof openViews>): Views => ({
  row: async (view, tenant, id) => (await views.read(view, tenant, [id]))[0],
  query: (question) => views.query(question),
  caughtUp: async () => true,
})

const openApi = (engine: Engine, time: Time) => {
  const part = openPart(engine, time)
  const records = recordsOf(part.client, engine.tablePrefix)
  const clock = { read: () => Date.parse(time.now()) }
  const attempts = openLiveAttempts(clock.read, 2_000)
  const append: EventStore['append'] = async (commits, checks) => {
    const result = await part.history.append(commits, checks)
    if (result.kind === 'appended') attempts.learn(result.commits)
    return result
  }
  const { counters, cache } = part
  const views = readingOf(part.views)
  const writing = openWriting({ store: { ...part.history, append }, cache, counters, now: time.now, candidates: found })
  const liveness = openLiveness({
    ...writing,
    store: openLeases(part.tables),
    attempts,
    clock,
    settings: { ...settings, suspectAfterMs: 30_000, lossFreezeMsMax: 600_000 },
    log: noLog,
    counters,
    tenant: 'default',
    views,
    now: time.now,
    ready: Promise.resolve(true),
  })
  const verify = async () => ({ ok: true, streamCount: 0, commitCount: 0, failures: [] })
  const services = servicesOf(writing, { ...liveness, views, verify, unready: () => undefined, now: time.now })
  const status = async () => ({ items: [], rebuilding: false })
  const app = createApp({
    ...services,
    logs: openLogs(),
    artifacts: openArtifacts(),
    viewsAdmin: { status, rebuild: status },
    counters: () => [],
    log: noLog,
    limits: { artifactBytesMax: 1_000_000 },
    settings,
  })
  return { ...part, records, app, leases: liveness.store }
}

/** The register of the rows that serve is read before each batch, as the deployment's function does. */
const openProject = (engine: Engine, time: Time, arm: Arm) => {
  const part = openPart(engine, time)
  const register = openGenerations(part.tables)
  const views = async () => {
    await register.read()
    return part.views
  }
  const ports = { views, feed: openFeed({ ...part.tables, endKnownMs: 0 }), history: part.history, ...part.ports }
  const handle = openProjectConsumer({ ...ports, onWritten: openArming({ arm, ...part.ports }) })
  return { spent: part.spent, handle }
}

/** A function that sends commands of its own: what it appends is in the same stream. */
const openSender = (engine: Engine, time: Time) => {
  const part = openPart(engine, time)
  const { history: store, cache, counters } = part
  const writing = openWriting({ store, cache, counters, now: time.now, candidates: found })
  return { ...part, records: recordsOf(part.client, engine.tablePrefix), writing }
}

const openReact = (engine: Engine, time: Time) => {
  const part = openSender(engine, time)
  const { history, writing, views, ports, spent, records } = part
  const handle = openReactConsumer({ ...ports, history, wholeViews: async () => views, send: writing.send })
  return { spent, records, handle }
}

const openClock = (engine: Engine, time: Time, arm: Arm) => {
  const { writing, ports, spent, records } = openSender(engine, time)
  return { spent, records, handle: openTick({ ...ports, writing, arm, wait: async () => {} }) }
}

export const openCloud = (engine: Engine, time: Time) => {
  const bus = openBus()
  const machine = openMachine()
  const publisher = openPublisher({ client: bus.client, busName: 'benchplane', payloads })
  const ports = { letters, log: noLog, counters: openCounters(), now: time.now }
  return {
    api: openApi(engine, time),
    project: openProject(engine, time, machine.arm),
    publish: openPublishConsumer({ publisher, ...ports }),
    react: openReact(engine, time),
    tick: openClock(engine, time, machine.arm),
    bus,
    machine,
  }
}
export type Cloud = ReturnType<typeof openCloud>

/** Nothing here is too large for the bus. */
const payloads = {
  put: async (key: string) => {
    throw new Error(`too large for the bus: ${key}`)
  },
}
