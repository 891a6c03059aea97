import { DeleteTableCommand } from '@aws-sdk/client-dynamodb'
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { tableName } from '../../../adapters/dynamodb/layout.ts'
import { eventsOf } from '../../../domain/event.ts'
import { openProjectConsumer } from '../../../infra/consumers/project.ts'
import { openReactConsumer } from '../../../infra/consumers/react.ts'
import { openSurroundings } from '../../../infra/functions/counted.ts'
import { openTables, openWritePath } from '../../../infra/functions/tables.ts'
import { openHouse } from '../../../infra/local.ts'
import { noLog } from '../../../infra/log.ts'
import { cloudEvent } from '../../../projections/publish.ts'
import { anybody, localEngine } from '../../adapters/dynamodbLocal.ts'
import { recordsOf } from '../consumers/records.ts'
import { type Voiced, voiced } from '../house.ts'

const engine = localEngine()
const within = { timeout: 20_000, interval: 20 }

beforeEach(() => {
  vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', engine.endpoint())
  vi.stubEnv('AWS_REGION', anybody.region)
  vi.stubEnv('AWS_ACCESS_KEY_ID', anybody.credentials.accessKeyId)
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', anybody.credentials.secretAccessKey)
  return () => void vi.unstubAllEnvs()
})

const opened = async (tablePrefix: string) => {
  const tables = await openTables(tablePrefix, { log: noLog })
  onTestFinished(tables.close)
  return tables
}

const openServer = async (tablePrefix: string): Promise<Voiced> => {
  const house = await openHouse({ store: 'dynamodb', tablePrefix })
  onTestFinished(() => house.close())
  return voiced(house)
}

test('functions open their tables without a look at the leases, which most of them have no right to', async () => {
  const tablePrefix = await engine.tables()
  await engine.client().send(new DeleteTableCommand({ TableName: tableName('leases', tablePrefix) }))
  const tables = await opened(tablePrefix)
  expect(await (await tables.wholeViews()).rowCount('benches')).toBe(0)
  await expect(openServer(tablePrefix)).rejects.toThrow(/-leases is not there/)
})

test('policies wait for rows that are whole: what they would not find there may well be', {
  timeout: 60_000,
}, async () => {
  const tablePrefix = await engine.tables()
  const before = await openServer(tablePrefix)
  await before.bench('b1', { capabilities: ['can-fd'] })
  await before.book('r1', 'b1')
  await vi.waitFor(async () => expect(await before.status('r1')).toBe('active'), within)
  await before.book('r2', 'b1', { queue: true })
  expect(await before.house.settled()).toBe(true)
  await before.house.close()

  const first = await opened(tablePrefix)
  await first.generations.change((seen) => seen?.serving && { ...seen, serving: { ...seen.serving, shape: 'older' } })
  const surroundings = { ...openSurroundings('test'), log: noLog }
  const tables = await opened(tablePrefix)
  const { writing } = openWritePath(tables, surroundings)
  const sent = { tenant: 'default', data: {}, actor: { kind: 'user', id: 'ada' }, correlationId: 'c' } as const
  await writing.submit({ ...sent, kind: 'reservation', id: 'r1', type: 'ReleaseReservation' })
  const history = await tables.history.load('default/bench/b1')
  const project = openProjectConsumer({ ...surroundings, ...tables, letters: { keep: async () => {} } })
  expect(await project({ Records: recordsOf(history.slice(-1)) })).toEqual({ batchItemFailures: [] })
  const react = openReactConsumer({ ...surroundings, ...tables, send: writing.send })
  const detail = cloudEvent(history.slice(-1).flatMap(eventsOf).at(-1)!)
  const Records = [{ messageId: 'm1', body: JSON.stringify({ detail }) }]
  await expect(react({ Records })).rejects.toThrow('the views are being built from history')
  const byQuery = { holder: 'ada', benches: [{ query: ['can-fd'] }], durationMs: 60_000, queue: true }
  const booking = { ...sent, kind: 'reservation', id: 'r3', type: 'RequestReservation', data: byQuery } as const
  await expect(writing.submit(booking)).rejects.toThrow('the views are being built from history')

  const after = await openServer(tablePrefix)
  await vi.waitFor(() => expect(after.services.unready()).toBeUndefined(), within)
  expect(await react({ Records })).toEqual({ batchItemFailures: [] })
  const events = (await tables.history.load('default/reservation/r2')).flatMap(eventsOf)
  expect(events.map(({ type }) => type)).toContain('ReservationPulledForward')
  expect(surroundings.counters.reactions).toBe(1)
})
