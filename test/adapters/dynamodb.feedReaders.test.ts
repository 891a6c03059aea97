import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { expect, test } from 'vitest'
import { openFeed } from '../../adapters/dynamodb/feed.ts'
import { openHistory } from '../../adapters/dynamodb/history.ts'
import type { FeedPage } from '../../domain/ports.ts'
import { after, appended } from '../contract/medium.ts'
import { localEngine } from './dynamodbLocal.ts'

const engine = localEngine()

/** What is asked of the engine from then on. */
const calls = (client: DynamoDBClient): string[] => {
  const names: string[] = []
  client.middlewareStack.add(
    (next, { commandName = '' }) =>
      async (args) => {
        names.push(commandName)
        return next(args)
      },
    { step: 'initialize' },
  )
  return names
}

const opened = async (count: number) => {
  const place = { client: engine.client({}), tablePrefix: await engine.tables() }
  const feed = openFeed(place)
  const history = openHistory({ ...place, feed })
  const grow = async (from: number, to: number): Promise<void> => {
    for (let n = from; n < to; n++) await feed.publish(appended(await history.append([after(`default/bench/b${n}`)])))
  }
  await grow(0, count)
  return { place, feed, history, grow }
}
const streams = ({ commits }: FeedPage): string[] => commits.map(({ commit }) => commit.stream)

test('a hundred readers at the end of the feed cost about as much as one', async () => {
  const { place, feed, grow } = await opened(3)
  const asked = calls(place.client)
  const readers = await Promise.all(Array.from({ length: 100 }, async () => feed.read('1', 50)))
  expect(new Set(readers.map((page) => streams(page).join()))).toEqual(new Set(['default/bench/b1,default/bench/b2']))
  expect(asked.length).toBeLessThanOrEqual(4)
  const before = asked.length
  for (const page of await Promise.all(Array.from({ length: 100 }, async () => feed.read('3', 50))))
    expect(page).toEqual({ commits: [], cursor: '3' })
  expect(asked.length - before).toBeLessThanOrEqual(2)
  await grow(3, 4)
  const grown = asked.length
  for (const page of await Promise.all(Array.from({ length: 100 }, async () => feed.read('3', 50))))
    expect(streams(page)).toEqual(['default/bench/b3'])
  expect(asked.length - grown).toBeLessThanOrEqual(4)
})

test('who asks while another is being answered sees what was named before it asked', async () => {
  const { place, feed } = await opened(1)
  const elsewhere = openFeed(place)
  const history = openHistory(place)
  for (let n = 0; n < 20; n++) {
    const early = feed.read(String(n + 1), 10)
    const commits = appended(await history.append([after(`default/bench/late-${n}`)]))
    await elsewhere.publish(commits)
    const late = feed.read(String(n + 1), 10)
    expect((await early).commits.length).toBeLessThanOrEqual(1)
    expect(streams(await late)).toEqual([`default/bench/late-${n}`])
  }
})

test('whatever is remembered, each reader gets each commit in its place, from wherever it begins', async () => {
  const { feed } = await opened(250)
  const all = await Promise.all([0, 40, 249, 120, 7].map(async (start) => feed.read(String(start), 100)))
  for (const [index, start] of [0, 40, 249, 120, 7].entries()) {
    const wanted = Array.from({ length: Math.min(100, 250 - start) }, (_, n) => start + n)
    expect(all[index]?.commits.map(({ cursor, commit }) => [cursor, commit.stream])).toEqual(
      wanted.map((n) => [String(n + 1), `default/bench/b${n}`]),
    )
  }
  const again = await feed.read('40', 100)
  expect(again).toEqual(all[1])
  const far = await feed.read('10', 1_000)
  expect(far.commits.length).toBeGreaterThan(0)
  expect(far.commits[0]?.cursor).toBe('11')
})

test('who publishes need not read what it has just named, and looks for the feed’s end only once in a while', async () => {
  const { place, history } = await opened(1)
  const feed = openFeed({ ...place, endKnownMs: 60_000 })
  const commits = await Promise.all(
    Array.from({ length: 30 }, async (_, n) => appended(await history.append([after(`default/bench/own-${n}`)]))),
  )
  await feed.read('0', 100)
  const asked = calls(place.client)
  for (const own of commits) await feed.publish(own)
  expect(asked.filter((name) => name === 'PutItemCommand')).toHaveLength(30)
  expect(asked.length).toBeLessThanOrEqual(33)
  const before = asked.length
  const page = await feed.read('1', 100)
  expect(page).toEqual({
    commits: commits.flat().map((commit, n) => ({ cursor: String(n + 2), commit })),
    cursor: '31',
  })
  expect(asked.length).toBe(before)
})

test('a page whose place another publisher has taken goes behind it', async () => {
  const { place, history } = await opened(2)
  const [feed, other] = [openFeed({ ...place, endKnownMs: 60_000 }), openFeed({ ...place, endKnownMs: 60_000 })]
  for (let n = 0; n < 6; n++) {
    const own = appended(await history.append([after(`default/bench/turn-${n}`)]))
    await (n % 2 === 0 ? other : feed).publish(own)
  }
  expect(streams(await openFeed(place).read('2', 10))).toEqual(
    Array.from({ length: 6 }, (_, n) => `default/bench/turn-${n}`),
  )
})
