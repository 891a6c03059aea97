import { describe, expect, test, vi } from 'vitest'
import { openFeed } from '../../adapters/dynamodb/feed.ts'
import { openHistory } from '../../adapters/dynamodb/history.ts'
import { tableName } from '../../adapters/dynamodb/layout.ts'
import { after, drain, grow, hold, named } from '../contract/medium.ts'
import { temporaryDirectories } from './directories.ts'
import { localEngine } from './dynamodbLocal.ts'
import { keyOf, streamOf } from './dynamodbStream.ts'

const engine = localEngine()
const { closing } = temporaryDirectories()
const bench = 'acme/bench/rig-1'

const opened = async () => {
  const tablePrefix = await engine.tables()
  const options = { client: engine.client(), tablePrefix, pollEveryMs: 10 }
  const store = closing(openHistory(options))
  return {
    store,
    /** Of another process. */
    feed: () => closing(openFeed(options)),
    records: () => streamOf(engine.endpoint(), tableName('history', tablePrefix)),
  }
}

/** Publishes all that the table's stream has, in batches, as a consumer does that begins at its beginning. */
const publishAll = async ({ feed, records }: Awaited<ReturnType<typeof opened>>, batch = 10): Promise<void> => {
  const [publisher, next] = [feed(), records()]
  for (let found = await next(); found.length > 0; found = await next())
    for (let start = 0; start < found.length; start += batch)
      await publisher.publish(found.slice(start, start + batch).map(keyOf))
}

describe('the records of the table', () => {
  test('tell each commit by its key, once, as an insertion, those of one transaction too', async () => {
    const { store, records } = await opened()
    const [first] = await grow(store, bench, [2])
    await store.append([after(bench, first), after('acme/reservation/r1')])
    await store.append([after(bench, first, { commandId: 'lost' })])
    const found = await records()()
    expect(new Set(found.map(({ eventName }) => eventName))).toEqual(new Set(['INSERT']))
    expect(found.map((record) => named(keyOf(record))).toSorted()).toEqual([
      `${bench}@1`,
      `${bench}@3`,
      'acme/reservation/r1@1',
    ])
  })

  test('given out again after a crash are in the feed again, and nothing is missing', async () => {
    const house = await opened()
    const commits = await grow(
      house.store,
      bench,
      Array.from({ length: 30 }, () => 1),
    )
    const [publisher, next] = [house.feed(), house.records()]
    // It wrote one page, and died before it could say so.
    await publisher.publish((await next()).slice(0, 10).map(keyOf))
    await publishAll(house)
    const found = (await drain(house.store)).map(({ commit }) => named(commit))
    expect(found).toHaveLength(40)
    expect(new Set(found)).toEqual(new Set(commits.map(named)))
  })
})

describe('publishers', () => {
  test('of many shards at once leave no hole and lose nothing', async () => {
    const { store, feed } = await opened()
    const commits = await grow(
      store,
      bench,
      Array.from({ length: 200 }, () => 1),
    )
    const publishers = Array.from({ length: 8 }, feed)
    await Promise.all(
      publishers.map(async (publisher, shard) => {
        const own = commits.filter((_, index) => index % publishers.length === shard)
        for (let start = 0; start < own.length; start += 5) await publisher.publish(own.slice(start, start + 5))
      }),
    )
    const found = await drain(store, undefined, 17)
    expect(found.map(({ cursor }) => cursor)).toEqual(commits.map((_, index) => String(index + 1)))
    expect(new Set(found.map(({ commit }) => named(commit)))).toEqual(new Set(commits.map(named)))
    expect(await store.feedEnd()).toBe('200')
  }, 60_000)

  test('of a large batch make pages of a hundred', async () => {
    const { store, feed } = await opened()
    const commits = await grow(
      store,
      bench,
      Array.from({ length: 250 }, () => 1),
    )
    await feed().publish(commits)
    expect((await drain(store, '120', 1_000)).map(({ commit }) => commit)).toEqual(commits.slice(120))
    await feed().publish([])
    expect(await store.feedEnd()).toBe('250')
  })
})

describe('who reads the feed', () => {
  test('gets commits that are too large for one answer of the engine', async () => {
    const { store, feed } = await opened()
    const streams = Array.from({ length: 100 }, (_, n) => `acme/bench/rig-${n}`)
    const events = [hold('x'.repeat(200_000))]
    await Promise.all(streams.map((stream) => store.append([after(stream, undefined, { events })])))
    await feed().publish(streams.map((stream) => ({ stream, version: 1 })))
    expect((await store.feed(undefined, 1_000)).commits.map(({ commit }) => commit.stream)).toEqual(streams)
  }, 60_000)

  test('of a commit that the history has lost is told so, and not led past it', async () => {
    const { store, feed } = await opened()
    await grow(store, bench, [1])
    await feed().publish([
      { stream: bench, version: 1 },
      { stream: bench, version: 2 },
    ])
    expect((await store.feed(undefined, 1)).commits).toHaveLength(1)
    await expect(store.feed('1', 1)).rejects.toMatchObject({ code: 'hole-in-history' })
  })

  test('and listens is woken by what another process has published', async () => {
    const { store, feed } = await opened()
    await grow(store, bench, [1])
    const woken = vi.fn<() => void>()
    store.onAppend(woken)
    await feed().publish([{ stream: bench, version: 1 }])
    await vi.waitFor(() => expect(woken).toHaveBeenCalledTimes(1))
    await feed().publish([{ stream: bench, version: 1 }])
    await vi.waitFor(() => expect(woken).toHaveBeenCalledTimes(2))
  })
})
