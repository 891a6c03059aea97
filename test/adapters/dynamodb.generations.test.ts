import { type AttributeValue, ScanCommand } from '@aws-sdk/client-dynamodb'
import { describe, expect, test } from 'vitest'
import { openFeed } from '../../adapters/dynamodb/feed.ts'
import { openGenerations, type Register } from '../../adapters/dynamodb/generations.ts'
import { tableName } from '../../adapters/dynamodb/layout.ts'
import { generationsEntity } from '../../adapters/dynamodb/viewEntities.ts'
import { openViews } from '../../adapters/dynamodb/views.ts'
import { change, entry } from '../contract/viewStoreGiven.ts'
import { temporaryDirectories } from './directories.ts'
import { localEngine } from './dynamodbLocal.ts'
import { openProxy } from './dynamodbProxy.ts'

const engine = localEngine()
const { closing } = temporaryDirectories()
const first: Register = { turn: 0, newest: 1, serving: { generation: 1, shape: 's' }, isTidy: true, isFeedLost: false }
const grown = (seen: Register | undefined): Register =>
  seen === undefined ? first : { ...seen, newest: seen.newest + 1 }

const opened = async () => {
  const options = { client: engine.client(), tablePrefix: await engine.tables() }
  return { options, generations: openGenerations(options) }
}

const itemsOf = async (tablePrefix: string): Promise<Record<string, AttributeValue>[]> => {
  const { Items = [] } = await engine.client().send(new ScanCommand({ TableName: tableName('views', tablePrefix) }))
  return Items
}

describe('the register', () => {
  test('is read as it was written, whatever of it is there', async () => {
    const { generations } = await opened()
    expect(await generations.read()).toBeUndefined()
    const full = { ...first, origin: 'abc', former: 3, building: { generation: 4, shape: 't', builder: 'me' } }
    for (const register of [first, full, { ...first, building: { generation: 2, shape: '' } }]) {
      const written = await generations.change(() => register)
      expect(written).toEqual({ ...register, turn: written?.turn })
      expect(await generations.read()).toEqual(written)
    }
  })

  test('stays as it is when there is nothing to change', async () => {
    const { generations } = await opened()
    expect(await generations.change(() => undefined)).toBeUndefined()
    expect(await generations.read()).toBeUndefined()
  })

  test('loses no change, however many are made at once', async () => {
    const { options, generations } = await opened()
    await generations.change(grown)
    await Promise.all(Array.from({ length: 8 }, async () => openGenerations(options).change(grown)))
    expect(await generations.read()).toMatchObject({ newest: 9, turn: 9 })
  })

  test('is changed once by a writing whose answer was lost', async () => {
    const { options, generations } = await opened()
    await generations.change(grown)
    const proxy = closing(await openProxy(engine.endpoint()))
    const client = engine.client({ endpoint: proxy.endpoint })
    // The second request is the writing.
    proxy.follow((n) => (n === 2 ? 'cut' : undefined))
    const written = await openGenerations({ ...options, client }).change(grown)
    expect([written?.newest, (await generations.read())?.newest]).toEqual([2, 2])
  })

  test('lies in the table as the entity says', async () => {
    const { options, generations } = await opened()
    await generations.change(() => ({
      ...first,
      origin: 'abc',
      building: { generation: 2, shape: 't', builder: 'me' },
    }))
    const [Item] = await itemsOf(options.tablePrefix)
    expect(Item).toMatchObject({ pk: { S: 'generations' }, sk: { S: 'generations' }, e: { S: 'generations' } })
    const plain = Object.fromEntries(
      Object.entries(Item ?? {}).map(([name, { S, N, BOOL }]) => [name, S ?? BOOL ?? Number(N)]),
    )
    expect(generationsEntity(options).parse({ Item: plain }).data).toMatchObject({
      newest: 1,
      shape: 's',
      builder: 'me',
    })
  })
})

describe('a set of rows that is given up', () => {
  test('goes with all that belongs to it, and nothing else does', async () => {
    const { options, generations } = await opened()
    await generations.change(grown)
    await openFeed(options).publish([{ stream: 'default/bench/1', version: 1 }])
    const rows = (count: number) =>
      Array.from({ length: count }, (_, n) => change(`1/row/${n}`, 1, { entries: [entry(`${n}`, '2/p')] }))
    const [one, two, twelve] = [1, 2, 12].map((generation) => openViews({ ...options, generation }))
    await one!.write(rows(150), { consumer: 'project', cursor: '7' })
    await two!.write(rows(3), { consumer: 'project', cursor: '7' })
    await twelve!.write(rows(3))
    const others = (await itemsOf(options.tablePrefix)).filter(({ pk }) => !pk?.S?.startsWith('1/'))
    const count = await generations.discard((generation) => generation === 1)
    expect(count).toBeGreaterThanOrEqual(2 * 150 + 2)
    const left = await itemsOf(options.tablePrefix)
    expect(left).toHaveLength(others.length)
    expect(left).toEqual(expect.arrayContaining(others))
    expect(await generations.discard((generation) => generation === 1)).toBe(0)
  })

  test('is not removed any further once the house closes', async () => {
    const { options, generations } = await opened()
    await openViews({ ...options, generation: 1 }).write([change('a', 1)])
    await expect(generations.discard(() => true, AbortSignal.abort(new Error('closing')))).rejects.toThrow('closing')
    expect(await itemsOf(options.tablePrefix)).not.toEqual([])
  })

  test('throttled, is removed all the same', async () => {
    const { options } = await opened()
    await openViews({ ...options, generation: 1 }).write(Array.from({ length: 60 }, (_, n) => change(`${n}`, 1)))
    const proxy = closing(await openProxy(engine.endpoint()))
    const client = engine.client({ endpoint: proxy.endpoint })
    proxy.follow((n) => (n % 2 === 0 ? 'throttled' : undefined))
    await openGenerations({ ...options, client }).discard(() => true)
    expect(await itemsOf(options.tablePrefix)).toEqual([])
  })
})
