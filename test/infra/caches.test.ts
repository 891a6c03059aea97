import { describe, expect, test } from 'vitest'
import { openHistory } from '../../adapters/memory/history.ts'
import type { Head } from '../../domain/head.ts'
import type { EventStore, NewCommit } from '../../domain/ports.ts'
import { noneRecent } from '../../domain/recent.ts'
import { openHeadCache } from '../../infra/headCache.ts'
import { knowingNewest } from '../../infra/soleWriter.ts'

const head = (version: number, state: object = {}): Head => ({
  version,
  hash: null,
  state,
  recent: noneRecent,
  correlationId: undefined,
  at: '',
  commitsSinceRide: 0,
  bytesSinceRide: 0,
})

describe('the cache of heads', () => {
  test('forgets the least recently used when there are too many', () => {
    const cache = openHeadCache({ headCountMax: 3 })
    for (const name of ['a', 'b', 'c']) cache.set(name, head(1))
    cache.get('a')
    cache.set('d', head(1))
    expect(['a', 'b', 'c', 'd'].filter((name) => cache.get(name) !== undefined)).toEqual(['a', 'c', 'd'])
    expect(cache.size().count).toBe(3)
  })

  test('counts large states for more: many small ones stay, few large ones', () => {
    const cache = openHeadCache({ headBytesMax: 1_000_000 })
    const tasks = Array.from({ length: 1_000 }, () => ({ attempts: [{}, {}] }))
    for (let n = 0; n < 10; n++) cache.set(`large${n}`, head(1, { tasks }))
    expect(cache.size().count).toBeLessThan(3)
    for (let n = 0; n < 900; n++) cache.set(`small${n}`, head(1))
    expect(cache.size().count).toBe(900)
    for (let n = 0; n < 900; n++) cache.delete(`small${n}`)
    expect(cache.size()).toEqual({ count: 0, bytes: 0 })
  })
})

describe('a store that nobody else writes', () => {
  const commit = (stream: string, version: number): NewCommit => ({
    stream,
    version,
    events: [{ type: 'MessageAccepted', schemaVersion: 1, data: {} }],
    at: '2026-03-02T08:00:00.000Z',
    actor: { kind: 'user', id: 'ada' },
    commandId: 'c',
    commandHash: 'h',
    correlationId: 'x',
    previousHash: null,
  })
  const counted = () => {
    const history = openHistory()
    let loads = 0
    const gate: Pick<EventStore, 'append'> = { append: (...asked) => history.append(...asked) }
    const load: EventStore['load'] = (...asked) => {
      loads++
      return history.load(...asked)
    }
    const store = knowingNewest({ ...history, load, append: (...asked) => gate.append(...asked) })
    return { store, gate, loads: () => loads }
  }
  const m = 'default/message/m'

  test('is not asked for what has come since the newest version that is known', async () => {
    const { store, loads } = counted()
    await store.append([commit(m, 1)])
    expect(await store.load(m, { from: 2 })).toEqual([])
    expect(loads()).toBe(0)
    expect(await store.load(m, { from: 1 })).toHaveLength(1)
    await store.append([commit(m, 2)])
    expect(await store.load(m, { from: 2 })).toHaveLength(1)
    expect(loads()).toBe(2)
  })

  test('is asked once for a stream that was not written here', async () => {
    const { store, loads } = counted()
    for (let n = 0; n < 3; n++) expect(await store.load(m, { from: 1 })).toEqual([])
    for (let n = 0; n < 3; n++) expect(await store.load(m, { from: 5 })).toEqual([])
    expect(loads()).toBe(4)
    await store.append([commit(m, 1)])
    expect(await store.load(m)).toHaveLength(1)
  })

  test('is asked while an append is under way, and after one whose outcome is unknown', async () => {
    const { store, gate, loads } = counted()
    await store.append([commit(m, 1)])
    const before = { ...gate }
    gate.append = async (...asked) => {
      await before.append(...asked)
      throw new Error('the answer is lost')
    }
    const lost = store.append([commit(m, 2)])
    expect(await store.load(m, { from: 2 })).toHaveLength(1)
    await expect(lost).rejects.toThrow('the answer is lost')
    expect(await store.load(m, { from: 2 })).toHaveLength(1)
    expect(loads()).toBe(2)
  })
})
