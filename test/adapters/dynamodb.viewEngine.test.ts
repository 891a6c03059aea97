import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { openEngine } from '../../adapters/dynamodb/engine.ts'
import { placeKeys } from '../../adapters/dynamodb/viewKeys.ts'
import { openRows } from '../../adapters/dynamodb/viewRows.ts'
import { openViews } from '../../adapters/dynamodb/views.ts'
import type { RowChange } from '../../domain/ports.ts'
import { at, change, entry, idsIn, question } from '../contract/viewStoreGiven.ts'
import { temporaryDirectories } from './directories.ts'
import { countSpent } from './dynamodbCapacity.ts'
import { localEngine } from './dynamodbLocal.ts'
import { openProxy, type Trouble, troubles } from './dynamodbProxy.ts'

const engine = localEngine()
const { closing } = temporaryDirectories()

const opened = async () => {
  const tablePrefix = await engine.tables()
  const client = engine.client({})
  const open = (generation = 1) => openViews({ client, tablePrefix, generation })
  return { store: open(), open, spent: countSpent(client), client, tablePrefix }
}

/** Does not become smaller by being packed. */
const noise = (bytes: number) => randomBytes(bytes * 0.75).toString('base64')

describe('what does not fit into one item', () => {
  test('lies in parts beside its row, which go when it is replaced', async () => {
    const { store, open, spent } = await opened()
    const bodies = [noise(1_000_000), noise(1_000_000), 'small']
    for (const [at, body] of bodies.entries()) {
      await store.write([change('a', at + 1, { body, entries: [entry('1'), entry('1', 'rig-1', 'claimable_idx')] })])
      expect((await store.read('things', 'default', ['a']))[0]?.body).toBe(body)
      expect((await open().query(question())).rows[0]?.body).toBe(body)
      expect((await store.query(question({ index: 'claimable_idx', partition: 'rig-1' }))).rows[0]?.body).toBe(body)
    }
    spent()
    expect((await Array.fromAsync(store.scan())).flat()).toHaveLength(1)
    expect(spent()).toMatchObject({ calls: ['Scan'], readUnits: 1 })
  })

  test('is read whole while others replace it', async () => {
    const { store, open } = await opened()
    await store.write([change('a', 1, { body: noise(700_000) })])
    const [versions, other] = [new Set<number>(), open()]
    const writing = (async () => {
      for (let n = 2; n <= 12; n++) await store.write([change('a', n, { body: { n, text: noise(700_000) } })])
    })()
    while (!versions.has(12))
      for (const { version } of await other.read('things', 'default', ['a'])) versions.add(version)
    await writing
    expect(versions.size).toBeGreaterThan(1)
  })
})

describe('many rows', () => {
  const many = (count: number, given: (n: number) => Parameters<typeof change>[2]): RowChange[] =>
    Array.from({ length: count }, (_, n) => change(`t${String(n).padStart(4, '0')}`, 1, given(n)))

  test('a thousand derived rows are written in one call and found in pages, in order, from all shards', async () => {
    const { store } = await opened()
    const entries = (n: number) => [
      entry(String(n % 7)),
      entry(String(n).padStart(4, '0'), 'e-1', 'execution_tasks_idx'),
    ]
    await store.write(many(1_000, (n) => ({ previousVersion: 'older', entries: entries(n) })))
    expect(await store.rowCount('things')).toBe(1_000)
    const all = many(1_000, () => ({})).map(({ row }) => row.id)
    for (const descending of [false, true]) {
      const byPlan: string[] = []
      const bySort: string[] = []
      for (const [found, asked] of [
        [byPlan, { index: 'execution_tasks_idx', partition: 'e-1', descending }],
        [bySort, { descending }],
      ] as const)
        for (let cursor: string | undefined; ; ) {
          const page = await store.query(
            question({ ...asked, limit: 300, ...(cursor === undefined ? {} : { cursor }) }),
          )
          found.push(...page.rows.map(({ id }) => id))
          cursor = page.nextCursor
          if (cursor === undefined) break
        }
      expect(byPlan).toEqual(descending ? all.toReversed() : all)
      const expected = all.toSorted((a, b) => (Number(a.slice(1)) % 7) - (Number(b.slice(1)) % 7) || (a < b ? -1 : 1))
      expect(bySort).toEqual(descending ? expected.toReversed() : expected)
    }
  })

  test('carried by more entries than one page of the engine holds are answered all the same', async () => {
    const { store } = await opened()
    const claimable = (n: number) => [entry(String(n).padStart(4, '0'), 'rig-1', 'claimable_idx')]
    await store.write(many(400, (n) => ({ previousVersion: 'older', entries: claimable(n), body: noise(3_900) })))
    expect(await idsIn(store, { index: 'claimable_idx', partition: 'rig-1' })).toHaveLength(400)
  })

  test('a question that is longer than any key is answered', async () => {
    const { store } = await opened()
    await store.write([change('a', 1, { entries: [entry('1')] })])
    const long = '☃'.repeat(2_000)
    expect(
      await idsIn(store, { to: long, cursor: Buffer.from(`0${long}\u0000${long}`).toString('base64url') }),
    ).toEqual(['a'])
    expect(await idsIn(store, { from: long, cursor: Buffer.from(long).toString('base64url') })).toEqual([])
  })
})

describe('sets of rows', () => {
  test('lie side by side, each with its places, counts, checkpoints, and what is due', async () => {
    const { store, open } = await opened()
    const next = open(2)
    await store.write([change('a', 1, { entries: [entry('1')], nextDue: at(1) })], { consumer: 'project', cursor: '1' })
    for (const empty of [
      await next.read('things', 'default', ['a']),
      await idsIn(next),
      await next.due(undefined, 10),
      await Array.fromAsync(next.scan()),
    ])
      expect(empty).toEqual([])
    expect([await next.rowCount('things'), await next.checkpoint('project')]).toEqual([0, undefined])
    expect(await next.write([change('a', 1)])).toEqual([])
    expect((await Array.fromAsync(store.scan())).flat()).toEqual([
      {
        view: 'things',
        tenant: 'default',
        row: { id: 'a', version: 1, body: { id: 'a', version: 1 }, nextDue: at(1) },
      },
    ])
  })
})

describe('a place', () => {
  test('that a newer version has come to stays, however late an older one comes to it or leaves it', async () => {
    const { client, tablePrefix } = await opened()
    const views = openEngine({ client, tablePrefix }, 'views')
    const rows = openRows({ client, tablePrefix, generation: 1, engine: views })
    const name = { view: 'things', tenant: 'default', id: 'a' }
    const store = openViews({ client, tablePrefix, generation: 1 })
    await store.write([change('a', 3, { previousVersion: 0, entries: [entry('1')] })])
    for (const place of placeKeys(1, name, { places: [['all_idx', 'all', '1']] }).values()) {
      await rows.enter(place, 2)
      await rows.leave(place, 2)
    }
    expect(await idsIn(store)).toEqual(['a'])
  })
})

describe('an outage', () => {
  const troubled = async () => {
    const { tablePrefix, client } = await opened()
    const proxy = closing(await openProxy(engine.endpoint()))
    const shaky = engine.client({ endpoint: proxy.endpoint, requestTimeoutMs: 250, attemptCountMax: 3 })
    const options = { tablePrefix, generation: 1 }
    return { proxy, store: openViews({ client: shaky, ...options }), truth: openViews({ client, ...options }) }
  }
  const places = (status: string) => [entry('1'), entry('1', status, 'status_idx'), entry('1', status, 'claimable_idx')]

  test.each(troubles)('%s: whichever request meets it, rows and places are as they were asked for', async (trouble) => {
    const { proxy, store, truth } = await troubled()
    for (let nth = 1; nth <= 8; nth++) {
      const [id, tenant] = [`r${nth}`, `t${nth}`]
      await store.write([change(id, 1, { tenant, entries: places('queued'), nextDue: at(1) })])
      const meeting = (n: number): Trouble | undefined => (n === nth ? trouble : undefined)
      proxy.follow(meeting)
      expect(await store.write([change(id, 2, { tenant, entries: places('active'), nextDue: at(2) })])).toEqual([])
      for (const index of ['status_idx', 'claimable_idx']) {
        expect(await idsIn(truth, { tenant, index, partition: 'queued' })).toEqual([])
        expect(await idsIn(truth, { tenant, index, partition: 'active' })).toEqual([id])
      }
      expect((await truth.due(at(2), 10)).filter((row) => row.tenant === tenant)).toMatchObject([{ nextDue: at(2) }])
    }
  })

  test('that lasts is a fault that names the table, and a closed store is one too', async () => {
    const { proxy, store } = await troubled()
    proxy.follow(() => 'refused')
    const asking = [() => store.write([change('a', 1)]), () => store.query(question()), () => store.rowCount('things')]
    for (const ask of asking)
      await expect(ask()).rejects.toMatchObject({ code: 'storage-unusable', message: expect.stringContaining('views') })
    await store.close()
    await expect(store.read('things', 'default', ['a'])).rejects.toMatchObject({ code: 'storage-unusable' })
  })
})
