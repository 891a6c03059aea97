import { describe, expect, test } from 'vitest'
import { openHistory } from '../../adapters/dynamodb/history.ts'
import { after, appended, hold } from '../contract/medium.ts'
import { booking, register } from '../domain/handleStory.ts'
import { writePath } from '../writePath.ts'
import { countSpent } from './dynamodbCapacity.ts'
import { localEngine } from './dynamodbLocal.ts'

const engine = localEngine()

/** A history on tables of its own, and what it has asked of the engine. */
const counted = async () => {
  const tablePrefix = await engine.tables()
  const client = engine.client({})
  return { store: openHistory({ client, tablePrefix }), spent: countSpent(client) }
}

const onePut = { calls: ['PutItem'], writeUnits: 1, readUnits: 0 }

describe('what a command costs', () => {
  test('on a known stream: one call, one write unit, nothing read', async () => {
    const { store, spent } = await counted()
    const { send } = writePath(store)
    await send('bench', 'b1', 'RegisterBench', register('b1'))
    expect(spent()).toEqual(onePut)
    await send('bench', 'b1', 'DescribeBench', { location: 'lab 1' })
    expect(spent()).toEqual(onePut)
  })

  test('of five events: one call, a write unit for each kilobyte', async () => {
    const { store, spent } = await counted()
    const events = Array.from({ length: 5 }, (_, step) => hold({ step, note: 'x'.repeat(300) }))
    await store.append([after('t/bench/b1', undefined, { events })])
    expect(spent()).toEqual({ calls: ['PutItem'], writeUnits: 3, readUnits: 0 })
    await store.append([after('t/bench/b2', undefined, { events: events.map(() => hold({})) })])
    expect(spent()).toEqual(onePut)
  })

  test('that books a bench: one call, at most six write units, nothing read', async () => {
    const { store, spent } = await counted()
    const { send } = writePath(store)
    await send('bench', 'b1', 'RegisterBench', register('b1'))
    spent()
    expect(await send('reservation', 'r1', 'RequestReservation', booking('b1', 1, 2))).toMatchObject({ kind: 'done' })
    const { calls, writeUnits, readUnits } = spent()
    expect([calls, readUnits]).toEqual([['TransactWriteItems'], 0])
    expect(writeUnits).toBeLessThanOrEqual(6)
  })

  test('that lost its race by one version: one call more, and nothing read', async () => {
    const { store, spent } = await counted()
    const [one, two] = [writePath(store), writePath(store)]
    await one.send('bench', 'b1', 'RegisterBench', register('b1'))
    await two.send('bench', 'b1', 'DescribeBench', { location: 'lab 1' })
    spent()
    expect(await one.send('bench', 'b1', 'DescribeBench', { location: 'lab 2' })).toMatchObject({
      head: { version: 3 },
    })
    expect(spent()).toEqual({ calls: ['PutItem', 'PutItem'], writeUnits: 2, readUnits: 0 })
  })

  test('that lost a booking by one version of its bench: one call more, and nothing read', async () => {
    const { store, spent } = await counted()
    const [one, two] = [writePath(store), writePath(store)]
    await one.send('bench', 'b1', 'RegisterBench', register('b1'))
    await two.send('bench', 'b1', 'DescribeBench', { location: 'lab 1' })
    spent()
    expect(await one.send('reservation', 'r1', 'RequestReservation', booking('b1', 1, 2))).toMatchObject({
      kind: 'done',
    })
    expect(spent()).toMatchObject({ calls: ['TransactWriteItems', 'TransactWriteItems'], readUnits: 0 })
  })
})

describe('what reading costs', () => {
  test('what came since a version: one call, one read unit, also when nothing came', async () => {
    const { store, spent } = await counted()
    const [first] = appended(await store.append([after('t/bench/b1', undefined, { events: [hold(), hold(), hold()] })]))
    await store.append([after('t/bench/b1', first)])
    spent()
    expect(await store.load('t/bench/b1', { from: 4 })).toHaveLength(1)
    expect(await store.load('t/bench/b1', { from: 5 })).toHaveLength(0)
    expect(spent()).toEqual({ calls: ['Query', 'Query'], writeUnits: 0, readUnits: 2 })
  })

  test('what came since a commit of many events costs a second look, and is right', async () => {
    const { store, spent } = await counted()
    const events = Array.from({ length: 9 }, (_, step) => hold({ step }))
    const [, second] = [
      await store.append([after('t/bench/b1', undefined, { events })]),
      ...appended(await store.append([after('t/bench/b1', (await store.load('t/bench/b1'))[0])])),
    ]
    spent()
    expect(await store.load('t/bench/b1', { from: 8, to: 9 })).toMatchObject([{ version: 1 }])
    expect(await store.load('t/bench/b1', { from: 10 })).toEqual([second])
    expect(spent().calls).toEqual(['Query', 'Query', 'Query'])
  })
})
