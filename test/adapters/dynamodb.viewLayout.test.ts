import { type AttributeValue, ScanCommand } from '@aws-sdk/client-dynamodb'
import { expect, test } from 'vitest'
import { type TableKey, tableName } from '../../adapters/dynamodb/layout.ts'
import { openLeases } from '../../adapters/dynamodb/leases.ts'
import {
  checkpointEntity,
  countEntity,
  entryEntity,
  leaseEntity,
  partEntity,
  rowEntity,
} from '../../adapters/dynamodb/viewEntities.ts'
import { openViews } from '../../adapters/dynamodb/views.ts'
import { at, change, entry } from '../contract/viewStoreGiven.ts'
import { localEngine } from './dynamodbLocal.ts'

const engine = localEngine()

interface Written {
  Item: object
}

type Plain = string | number | Uint8Array | Plain[]
const plain = ({ S, N, B, L }: AttributeValue): Plain => S ?? B ?? L?.map(plain) ?? Number(N)

const itemsIn = async (table: TableKey, prefix: string): Promise<Record<string, Plain>[]> => {
  const { Items = [] } = await engine.client().send(new ScanCommand({ TableName: tableName(table, prefix) }))
  return Items.map((item) => Object.fromEntries(Object.entries(item).map(([name, value]) => [name, plain(value)])))
}

const place = { e: 'entry', v: '1', version: 1 }

/** In the order of their keys. */
const expectedItems = [
  { pk: '3/checkpoint/project', sk: 'checkpoint', e: 'checkpoint', v: '1', cursor: '7' },
  {
    pk: '3/count/things',
    sk: expect.stringMatching(/^#[0-3]$/),
    e: 'count',
    v: '1',
    rowCount: 1,
    shard: expect.any(Number),
  },
  { ...place, pk: expect.stringMatching(/^3\/due\/[0-3]$/), sk: `#${at(1)}\u0000things/default/Ab` },
  {
    ...place,
    pk: '3/entry/things/default/claimable_idx/rig-1/0',
    sk: '#r/ready/1\u0000Ab',
    body: '{"n":1}',
    nextDue: at(1),
  },
  { ...place, pk: '3/entry/things/default/holder_idx/ann/0', sk: '#1\u0000Ab' },
  {
    pk: '3/row/things/default/Ab',
    sk: 'row',
    e: 'row',
    v: '1',
    version: 1,
    body: '{"n":1}',
    nextDue: at(1),
    places: '[["holder_idx","ann","1"],["claimable_idx","rig-1","r/ready/1"]]',
  },
]

test('a row, its entries, counts and checkpoints lie in the table as the entities say', async () => {
  const tablePrefix = await engine.tables()
  const options = { client: engine.client(), tablePrefix }
  const store = openViews({ ...options, generation: 3 })
  const entries = [entry('1', 'ann', 'holder_idx'), entry('r/ready/1', 'rig-1', 'claimable_idx')]
  await store.write([change('Ab', 1, { entries, nextDue: at(1), body: { n: 1 } })], {
    consumer: 'project',
    cursor: '7',
  })
  const items = await itemsIn('views', tablePrefix)
  const [rows, places] = [rowEntity(options), entryEntity(options)]
  const [checkpoints, counts] = [checkpointEntity(options), countEntity(options)]
  /** What an entity would write of what it has read. */
  const again: Readonly<Record<string, (item: { Item: Record<string, Plain> }) => unknown>> = {
    row: (item) => rows.put(rows.parse(item).data!).params<Written>().Item,
    entry: (item) => places.put(places.parse(item).data!).params<Written>().Item,
    checkpoint: (item) => checkpoints.put(checkpoints.parse(item).data!).params<Written>().Item,
    count: (item) => counts.put(counts.parse(item).data!).params<Written>().Item,
  }
  for (const item of items) expect(again[String(item['e'])]?.({ Item: item })).toEqual(item)
  expect(items.toSorted((a, b) => (String(a['pk']) < String(b['pk']) ? -1 : 1))).toEqual(expectedItems)
})

test('a part lies beside its row as the entity says', async () => {
  const tablePrefix = await engine.tables()
  const options = { client: engine.client(), tablePrefix }
  const text = Array.from({ length: 400_000 }, () => Math.random().toString(36)[3] ?? '').join('')
  await openViews({ ...options, generation: 1 }).write([change('a', 1, { body: text.repeat(2) })])
  const parts = (await itemsIn('views', tablePrefix)).filter(({ e }) => e === 'part')
  expect(parts.length).toBeGreaterThan(1)
  for (const item of parts) {
    const { data } = partEntity(options).parse({ Item: item })
    expect(partEntity(options).put(data!).params<Written>().Item).toEqual(item)
  }
})

test('a lease lies in its table as the entity says', async () => {
  const tablePrefix = await engine.tables()
  const options = { client: engine.client(), tablePrefix }
  const store = openLeases(options)
  const session = { tenant: 'acme', workerId: 'W.1', epoch: 2, benchIds: ['rig-1'] }
  const attempt = { executionId: 'e-1', taskName: 'flash', attempt: 3 }
  await store.open({ ...session, lastSeenAt: at(0), expiresAt: at(1), attempts: [], attemptsBefore: [], flags: [] })
  await store.flag('acme', 'W.1', 2, { kind: 'cancel-attempt', ...attempt, graceMs: 9 })
  await store.renew({ ...session, seenAt: at(1), at: at(1), expiresAt: at(2), attempts: [attempt] })
  const [item] = await itemsIn('leases', tablePrefix)
  expect(item).toEqual({
    pk: 'acme/W.1',
    sk: 'lease',
    e: 'lease',
    v: '1',
    epoch: 2,
    benches: ['rig-1'],
    seen: at(1),
    beat: at(1),
    beatBefore: '',
    expires: at(2),
    attempts: '[["e-1","flash",3]]',
    attemptsBefore: '[]',
    flags: ['[["e-1","flash",3]]'],
    graces: [9],
  })
  const { data } = leaseEntity(options).parse({ Item: item! })
  expect(leaseEntity(options).put(data!).params<Written>().Item).toEqual(item)
})
