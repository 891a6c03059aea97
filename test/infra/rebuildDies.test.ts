import { type AttributeValue, DeleteItemCommand, PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb'
import { describe, expect, test } from 'vitest'
import { type TableKey, tableName } from '../../adapters/dynamodb/layout.ts'
import type { Commit } from '../../domain/event.ts'
import { localEngine } from '../adapters/dynamodbLocal.ts'
import { foldedRows } from './house.ts'
import { openConsumer, openSender, openServer, rowsIn } from './sharedHouse.ts'
import { sharedTables } from './sharedTables.ts'

const engine = localEngine()
const { lived, expectWhole, generationsLeft, closing } = sharedTables(engine)

const copyItems = async (items: readonly Record<string, AttributeValue>[], tablePrefix: string): Promise<void> => {
  for (const Item of items)
    await engine.client().send(new PutItemCommand({ TableName: tableName('history', tablePrefix), Item }))
}

const emptyTable = async (key: TableKey, tablePrefix: string): Promise<void> => {
  const TableName = tableName(key, tablePrefix)
  const { Items = [] } = await engine.client().send(new ScanCommand({ TableName }))
  for (const { pk, sk } of Items)
    await engine.client().send(new DeleteItemCommand({ TableName, Key: { pk: pk!, sk: sk! } }))
}

/** A client of a process that ends when it has sent so many requests: those under way may or may not take effect. */
const mortalClient = (requestCountMax = Number.POSITIVE_INFINITY) => {
  const client = engine.client({})
  let requestCount = 0
  client.middlewareStack.add(
    (next) => async (args) => {
      if (++requestCount > requestCountMax) throw new Error('the process has ended')
      return next(args)
    },
    { step: 'initialize', name: 'mortal' },
  )
  return { client, requestCount: () => requestCount }
}

/** A server that rebuilds, and ends after so many requests. Answers how many it has sent. */
const rebuildOnce = async (place: Parameters<typeof openServer>[0], requestCountMax?: number): Promise<number> => {
  const { client, requestCount } = mortalClient(requestCountMax)
  const server = await openServer(place, { serverClient: client })
  await server.rebuilding.rebuild().catch(() => {})
  await server.rebuilding.ended()
  await server.close()
  return requestCount()
}

const deathCount = 12

describe('a rebuild that dies', () => {
  test('wherever it does, leaves rows that serve, and the next server makes an end of it', async () => {
    const { place, open, server, sender } = await lived()
    const whole = await rebuildOnce(place)
    expect(whole).toBeGreaterThan(3 * deathCount)
    for (let death = 0; death < deathCount; death++) {
      await rebuildOnce(place, 8 + Math.floor((death * (whole - 8)) / deathCount))
      const { isWhole, views } = await server.following.look()
      expect([isWhole, (await rowsIn(views)).size]).toEqual([true, (await foldedRows(server.history)).size])
      await sender.bench(`after-${death}`)
      const next = await open()
      await next.rebuilding.rebuild()
      await next.rebuilding.ended()
      await expectWhole(next, place.tablePrefix)
    }
  }, 60_000)

  test('after the others were told, has what was left to do done by the next server', async () => {
    const { place, open, server, sender } = await lived()
    const dying = await openServer(place, { trailingMs: 60_000 })
    await dying.rebuilding.rebuild()
    await dying.close()
    expect(await generationsLeft(place.tablePrefix)).toEqual(['1', '2'])
    const late: Commit[] = []
    await openSender(server.history, async (commits) => void late.push(...commits)).bench('b8')
    await openConsumer(server.history, place).publish(late)
    const next = await open()
    await next.rebuilding.mend()
    await next.rebuilding.ended()
    await sender.bench('b9')
    await expectWhole(next, place.tablePrefix)
  })
})

describe('rows of another version', () => {
  test('serve those who can read them until new ones are whole, and both versions write on', async () => {
    const { place, open, server, consume, sender } = await lived()
    const newer = await open({ shape: 'newer' })
    expect(newer.following.serving()).toMatchObject({ generation: 2, isWhole: false })
    expect(server.following.serving()).toMatchObject({ generation: 1, isWhole: true })
    const both = openSender(server.history, async (commits) => {
      await consume(commits)
      await consume(commits, await newer.following.toWrite())
    })
    await both.bench('b8')
    await both.book('r8', 'b1')
    const another = await open({ shape: 'newer' })
    expect(another.following.serving()).toMatchObject({ generation: 2, isWhole: false })
    await newer.rebuilding.mend()
    await newer.rebuilding.ended()
    await expectWhole(newer, place.tablePrefix)
    await expectWhole(another, place.tablePrefix)
    await expect(server.following.toWrite()).rejects.toThrow('of another version (newer)')
    await expect(sender.bench('b9')).rejects.toMatchObject({ code: 'storage-unusable' })
    expect(server.following.serving().generation).toBe(1)
  })

  test('that are half built when their version is taken back are not lost sight of', async () => {
    const { place, open, server } = await lived()
    await open({ shape: 'newer' })
    await server.rebuilding.rebuild()
    await server.rebuilding.ended()
    await expectWhole(server, place.tablePrefix)
  })
})

describe('tables', () => {
  test('whose views were lost are given their feed and rows again', async () => {
    const { place, server } = await lived()
    const { Items = [] } = await engine
      .client()
      .send(new ScanCommand({ TableName: tableName('history', place.tablePrefix) }))
    const restored = { ...place, tablePrefix: await engine.tables() }
    const commits = await Array.fromAsync(server.history.scan())
    const copy = closing(await openServer({ ...place, tablePrefix: restored.tablePrefix }))
    expect(copy.following.serving().isWhole).toBe(true)
    await copyItems(Items, restored.tablePrefix)
    await emptyTable('views', restored.tablePrefix)
    const again = closing(await openServer(restored))
    expect(again.following.serving().isWhole).toBe(false)
    await again.rebuilding.mend()
    await again.rebuilding.ended()
    await expectWhole(again, restored.tablePrefix)
    const { commits: named } = await again.history.feed(undefined, 1_000)
    expect(new Set(named.map(({ commit }) => `${commit.stream}@${commit.version}`))).toEqual(
      new Set(commits.flat().map(({ stream, version }) => `${stream}@${version}`)),
    )
  })

  test('of another history are refused', async () => {
    const { place } = await lived()
    await emptyTable('history', place.tablePrefix)
    await expect(openServer(place)).rejects.toMatchObject({
      code: 'storage-unusable',
      message: expect.stringContaining('of another history'),
    })
  })
})
