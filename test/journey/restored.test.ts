/** What docs/recovery.md says, done: a history that was restored beside the tables that it comes from. */
import {
  type AttributeValue,
  BatchWriteItemCommand,
  CreateTableCommand,
  paginateScan,
  UpdateTableCommand,
} from '@aws-sdk/client-dynamodb'
import { describe, expect, test } from 'vitest'
import { connect } from '../../adapters/dynamodb/client.ts'
import { layout, tableName } from '../../adapters/dynamodb/layout.ts'
import { anybody } from '../adapters/dynamodbLocal.ts'
import { begin, bench, executionId, expectWhole, type Life, session, steps } from './life.ts'
import { benchplane, call, inHours, type Place, startServer } from './server.ts'
import { dynamodb } from './stores.ts'

const { place, endpoint } = dynamodb()
const history = layout.tables.history
type Item = Record<string, AttributeValue>
const nameOf = (item: Item): string => `${item[history.hashKey.name]?.S}@${item[history.rangeKey.name]?.N}`
const prefixOf = ({ env }: Place): string => env['BENCHPLANE_TABLE_PREFIX'] ?? ''
const { body } = layout.items.commit.attributes
const without =
  (name: string) =>
  (item: Item): Item | undefined =>
    nameOf(item) === name ? undefined : item
const gang = { holder: 'ann', benches: [{ benchId: 'rig-1' }, { benchId: 'rig-2' }] }

/** A whole life, a gang that is booked for later, and a task that runs; the server is gone. */
const lived = async (): Promise<{ from: Place; life: Life }> => {
  const from = place()
  const { url, kill } = await startServer(from)
  for (const benchId of ['rig-1', 'rig-2']) await call(url, 'POST', '/v1/benches', { ...bench, benchId })
  await call(url, 'PUT', '/v1/workers/w-1')
  await call(url, 'POST', '/v1/workers/w-1/sessions', { benches: ['rig-1'], agentVersion: '1' })
  const life = await begin(url, 'before')
  for (const step of steps) await step.send(url, life)
  const later = { reservationId: 'later', ...gang, start: inHours(5), end: inHours(6) }
  expect((await call(url, 'POST', '/v1/reservations', later)).status).toBe(201)
  await kill()
  return { from, life }
}

/** As a restore to a point in time makes it: its items under another name, without a stream, or some of them. */
const restored = async (from: Place, change: (item: Item) => Item | undefined = (item) => item): Promise<Place> => {
  const client = connect({ endpoint: endpoint(), ...anybody })
  const to = { ...from, env: { ...from.env, BENCHPLANE_TABLE_PREFIX: `restored-${prefixOf(from)}` } }
  const TableName = tableName('history', prefixOf(to))
  const { hashKey, rangeKey } = history
  await client.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [
        { AttributeName: hashKey.name, KeyType: 'HASH' },
        { AttributeName: rangeKey.name, KeyType: 'RANGE' },
      ],
      AttributeDefinitions: [hashKey, rangeKey].map(({ name, type }) => ({ AttributeName: name, AttributeType: type })),
    }),
  )
  const source = { TableName: tableName('history', prefixOf(from)) }
  for await (const { Items = [] } of paginateScan({ client, pageSize: 25 }, source)) {
    const puts = Items.map(change)
      .filter((item) => item !== undefined)
      .map((item) => ({ PutRequest: { Item: item } }))
    if (puts.length > 0) await client.send(new BatchWriteItemCommand({ RequestItems: { [TableName]: puts } }))
  }
  const StreamSpecification = { StreamEnabled: true, StreamViewType: history.stream }
  await client.send(new UpdateTableCommand({ TableName, StreamSpecification, DeletionProtectionEnabled: true }))
  client.destroy()
  return to
}

/** It looks, and writes nothing. */
const onlyLooks = { BENCHPLANE_KEEPS: 'false' }

interface Report {
  ok: boolean
  failures: { stream: string; version: number; problem: string }[]
}
const verified = async (url: string): Promise<{ code: number | null; report: Report }> => {
  const { code, stdout, stderr } = await benchplane(['history', 'verify', '--json'], { BENCHPLANE_URL: url })
  expect(stderr).toBe('')
  return { code, report: JSON.parse(stdout) as Report }
}

const exported = async (url: string): Promise<string[]> => {
  const lines = (await (await fetch(`${url}/v1/audit/export`)).text()).trim().split('\n')
  return lines.toSorted()
}

describe('a history restored to a point in time, under a prefix of its own', { timeout: 40_000 }, () => {
  test('is verified before anything is written to it, and then serves on, with rows and a feed of its own', async () => {
    const { from, life } = await lived()
    const to = await restored(from)
    const looking = await startServer(to, [], onlyLooks)
    const before = await exported(looking.url)
    expect(await verified(looking.url)).toMatchObject({ code: 0, report: { ok: true, failures: [] } })
    await expectWhole(looking.url, life)
    expect(await exported(looking.url)).toEqual(before)
    await looking.kill()

    const { url } = await startServer(to)
    await expectWhole(url, life)
    expect((await call(url, 'GET', '/v1/reservations/later')).body).toMatchObject({ status: 'confirmed' })
    expect((await call(url, 'GET', '/v1/views')).body).toMatchObject({ rebuilding: false })
    const beatOf = (epoch: number) => call(url, 'POST', '/v1/workers/w-1/heartbeat', { epoch, attempts: [] })
    const [known, unknown] = [await beatOf(session.epoch), await beatOf(session.epoch + 1)]
    expect([known.status, unknown.status, unknown.body['code']]).toEqual([200, 409, 'stale-epoch'])
    const next = await begin(url, 'after')
    for (const step of steps) await step.send(url, next)
    await expectWhole(url, next)
    const opened = await call(url, 'POST', '/v1/workers/w-1/sessions', { benches: ['rig-1'], agentVersion: '1' })
    expect(opened.body).toMatchObject({ epoch: session.epoch + 1 })
    const feed = await call<{ items: unknown[] }>(url, 'GET', '/v1/events?limit=500')
    expect(JSON.stringify(feed.body)).toContain(executionId(life))
    const rebuild = await benchplane(['views', 'rebuild'], { BENCHPLANE_URL: url })
    expect([rebuild.code, rebuild.stderr]).toEqual([0, expect.any(String)])
    expect(await verified(url)).toMatchObject({ code: 0, report: { ok: true } })
    expect(await exported(url)).toEqual(expect.arrayContaining(before))
  })

  test('with half of an append is told from a whole one: by stream and version, and its other half', async () => {
    const { from } = await lived()
    const { url } = await startServer(await restored(from, without('default/bench/rig-2@2')), [], onlyLooks)
    const { code, report } = await verified(url)
    expect([code, report.ok]).toEqual([7, false])
    const problem = 'missing sibling: bench/rig-2@2, appended together with it, is not there'
    expect(report.failures).toEqual([
      { stream: 'reservation/later', version: 1, problem },
      { stream: 'bench/rig-1', version: expect.any(Number), problem },
    ])
  })

  test('with an item that was altered on the way is told from a whole one, by stream and version', async () => {
    const { from } = await lived()
    const altered = (item: Item): Item =>
      nameOf(item) === 'default/reservation/later@1'
        ? { ...item, [body]: { S: item[body]?.S?.replace('"ann"', '"eve"') ?? '' } }
        : item
    const { url } = await startServer(await restored(from, altered), [], onlyLooks)
    const { code, report } = await verified(url)
    expect([code, report.ok]).toEqual([7, false])
    expect(report.failures).toMatchObject([{ stream: 'reservation/later', version: 1 }])
  })

  test('with half of an append serves on once its reservation is cancelled, and verify tells of it for ever', async () => {
    const { from } = await lived()
    const { url } = await startServer(await restored(from, without('default/bench/rig-2@2')))
    const cancelled = await call(url, 'POST', '/v1/reservations/later/cancel', {})
    expect([cancelled.status, cancelled.body['status']]).toEqual([200, 'cancelled'])
    const anew = { reservationId: 'anew', ...gang, start: inHours(5), end: inHours(6) }
    expect((await call(url, 'POST', '/v1/reservations', anew)).status).toBe(201)
    const { code, report } = await verified(url)
    const problem = 'unrequited sibling: bench/rig-2@2 does not name it back'
    expect([code, report.failures]).toMatchObject([
      7,
      [{ stream: 'reservation/later', version: 1, problem }, { problem }],
    ])
  })
})
