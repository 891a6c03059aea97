import { type AttributeValue, DescribeTableCommand, ScanCommand } from '@aws-sdk/client-dynamodb'
import { describe, expect, test } from 'vitest'
import { commitEntity, pageEntity } from '../../adapters/dynamodb/entities.ts'
import { openFeed } from '../../adapters/dynamodb/feed.ts'
import { openHistory } from '../../adapters/dynamodb/history.ts'
import { layout, type TableKey, tableName } from '../../adapters/dynamodb/layout.ts'
import { openRequests } from '../../adapters/dynamodb/requests.ts'
import { createTables } from '../../adapters/dynamodb/tables.ts'
import {
  checkpointEntity,
  clockEntity,
  countEntity,
  entryEntity,
  leaseEntity,
  partEntity,
  rowEntity,
} from '../../adapters/dynamodb/viewEntities.ts'
import { after, appended } from '../contract/medium.ts'
import { localEngine } from './dynamodbLocal.ts'

/** What ElectroDB makes of a `create`. */
interface Asked {
  Item: object
  ConditionExpression: string
  ExpressionAttributeNames: Record<string, string>
}

const engine = localEngine()
const keys = Object.keys(layout.tables) as TableKey[]

const plain = ({ S, N, B }: AttributeValue) => S ?? B ?? Number(N)

const itemsOf = async (table: TableKey, prefix: string) => {
  const { Items = [] } = await engine.client().send(new ScanCommand({ TableName: tableName(table, prefix) }))
  return Items
}

describe('the layout', () => {
  test.each(keys)('of the table %s is what the engine has', async (key) => {
    const TableName = tableName(key, await engine.tables())
    const { Table: table } = await engine.client().send(new DescribeTableCommand({ TableName }))
    const { hashKey, rangeKey, stream, isProtected } = layout.tables[key]
    expect(table).toMatchObject({
      TableStatus: 'ACTIVE',
      BillingModeSummary: { BillingMode: 'PAY_PER_REQUEST' },
      DeletionProtectionEnabled: isProtected,
    })
    expect(table?.KeySchema).toEqual([
      { AttributeName: hashKey.name, KeyType: 'HASH' },
      { AttributeName: rangeKey.name, KeyType: 'RANGE' },
    ])
    expect(
      new Map(table?.AttributeDefinitions?.map(({ AttributeName, AttributeType }) => [AttributeName, AttributeType])),
    ).toEqual(
      new Map([
        [hashKey.name, hashKey.type],
        [rangeKey.name, rangeKey.type],
      ]),
    )
    expect(table?.StreamSpecification?.StreamViewType).toBe(stream)
    expect(table?.GlobalSecondaryIndexes).toBeUndefined()
  })

  test.each([
    ['commit', commitEntity],
    ['page', pageEntity],
    ['row', rowEntity],
    ['part', partEntity],
    ['entry', entryEntity],
    ['checkpoint', checkpointEntity],
    ['count', countEntity],
    ['lease', leaseEntity],
    ['clock', clockEntity],
  ] as const)('of a %s is what its entity says', async (key, entityOf) => {
    const { schema } = entityOf({ client: engine.client() })
    const { table, attributes } = layout.items[key]
    const fields = Object.entries(schema.attributes).map(([name, attribute]) => [name, attribute.field ?? name])
    expect(Object.fromEntries(fields)).toEqual(attributes)
    const [index] = Object.values(schema.indexes) as { index?: string; pk: { field: string }; sk?: { field: string } }[]
    expect(index).toMatchObject({
      pk: { field: layout.tables[table].hashKey.name },
      sk: { field: layout.tables[table].rangeKey.name },
    })
    expect(index?.index).toBeUndefined()
  })

  test('of a commit with its riding state, as the engine has it', async () => {
    const tablePrefix = await engine.tables()
    const store = openHistory({ client: engine.client(), tablePrefix })
    const ride = { reducerVersion: 7, state: { held: 1 } }
    const [commit] = appended(
      await store.append([
        after('acme/message/Ab.c:1', undefined, {
          ride,
          events: [{ type: 'MessageAccepted', schemaVersion: 1, data: { content: 'hi', sha256: '0' } }],
        }),
      ]),
    )
    const [item] = await itemsOf('history', tablePrefix)
    expect(item).toEqual({
      pk: { S: 'acme/message/Ab.c:1' },
      sk: { N: '1' },
      body: { S: expect.stringContaining('"commandId":"01KAGZ3QX1"') },
      hash: { B: Uint8Array.from(Buffer.from(commit!.hash, 'hex')) },
      state: { S: '{"held":1}' },
      reducerVersion: { N: '7' },
      e: { S: 'commit' },
      v: { S: '1' },
    })
  })

  test('of a page of the feed, as the engine has it', async () => {
    const tablePrefix = await engine.tables()
    await openFeed({ client: engine.client(), tablePrefix }).publish([{ stream: 'acme/bench/Rig', version: 12 }])
    expect(await itemsOf('views', tablePrefix)).toEqual([
      {
        pk: { S: 'feed' },
        sk: { S: 'page#000000000000001' },
        first: { N: '1' },
        entries: { L: [{ S: 'acme/bench/Rig@12' }] },
        e: { S: 'page' },
        v: { S: '1' },
      },
    ])
  })

  test('of a request that writes a commit, or checks for one, is what the entity would ask for', async () => {
    const commits = commitEntity({ client: engine.client() })
    const requests = openRequests(commits)
    const bare = { stream: 'acme/message/Ab.c:1', version: 12, body: '{"é":1}', hash: Buffer.from('00ff', 'hex') }
    for (const item of [bare, { ...bare, state: 'null', reducerVersion: 3 }]) {
      const { Item = {}, ReturnValuesOnConditionCheckFailure, ...rest } = requests.put(item)
      const { Item: expected, ...asked } = commits.create(item).params<Asked>()
      const { ExpressionAttributeNames, ConditionExpression, ...form } = asked
      const condition = Object.entries(ExpressionAttributeNames).reduce(
        (text, [placeholder, name]) => text.replaceAll(placeholder, name),
        ConditionExpression,
      )
      expect(condition).toBe('attribute_not_exists(pk) AND attribute_not_exists(sk)')
      expect(ReturnValuesOnConditionCheckFailure).toBe('ALL_OLD')
      expect(rest).toEqual({ ...form, ConditionExpression: condition })
      expect(Object.fromEntries(Object.entries(Item).map(([name, value]) => [name, plain(value)]))).toEqual(expected)
    }
    expect(requests.check({ stream: bare.stream, version: 12 }).ConditionCheck).toEqual({
      ...requests.put(bare),
      Item: undefined,
      Key: { pk: { S: bare.stream }, sk: { N: '13' } },
    })
  })

  test('is created once: who asks again changes nothing', async () => {
    const tablePrefix = await engine.tables()
    const store = openHistory({ client: engine.client(), tablePrefix })
    const commits = appended(await store.append([after('acme/bench/rig-1')]))
    await Promise.all([createTables(engine.client(), tablePrefix), createTables(engine.client(), tablePrefix)])
    expect(await store.load('acme/bench/rig-1')).toEqual(commits)
  })
})
