import { describe, expect, test } from 'vitest'
import { entryOf } from '../../../adapters/dynamodb/feed.ts'
import { openStoredRecords } from '../../../adapters/dynamodb/storedRecords.ts'
import { type RedriveFeedPorts, redriveFeed } from '../../../infra/consumers/redriveFeed.ts'
import type { StreamHandler } from '../../../projections/handler.ts'
import { localEngine } from '../../adapters/dynamodbLocal.ts'
import { foldedRows, nameOf, rowsIn, story, streamedHouse } from './streamed.ts'

const engine = localEngine()
const opening = streamedHouse(engine)

const opened = async () => {
  const house = await opening()
  const ports: RedriveFeedPorts = {
    history: house.history,
    feed: house.feed,
    stored: openStoredRecords(house),
    handlers: [house.consumer()],
  }
  const redriven = (more: Partial<RedriveFeedPorts> = {}) => redriveFeed({ ...ports, ...more })
  return { ...house, redriven }
}
type Opened = Awaited<ReturnType<typeof opened>>

/** Some of a story are in the feed, and nobody read the rest while the stream still had it. */
const half = async (house: Opened): Promise<{ names: readonly string[]; fedCount: number }> => {
  await story(house, 4)
  const commits = await house.appended()
  const fed = commits.filter((_, index) => index % 2 === 0)
  await house.feed.publish(fed)
  return { names: commits.map(nameOf).toSorted(), fedCount: fed.length }
}

describe('what the feed lacks', () => {
  test.each([500_000, 2])('is done as its consumer would, once, with %d names held at most', async (nameCountMax) => {
    const house = await opened()
    const { names, fedCount } = await half(house)
    const more = { nameCountMax }
    expect(await house.redriven(more)).toEqual({ commitCount: names.length, lackingCount: names.length - fedCount })
    expect((await house.inFeed()).toSorted()).toEqual(names)
    expect(await house.redriven(more)).toEqual({ commitCount: names.length, lackingCount: 0 })
    expect((await house.inFeed()).toSorted()).toEqual(names)
  })

  test('has its rows before it is named', async () => {
    const house = await opened()
    await story(house, 3)
    await house.redriven()
    expect(await rowsIn(house.views)).toEqual(await foldedRows(house))
  })

  test('is not done again though it came to the feed while history was read', async () => {
    const house = await opened()
    await half(house)
    const commits = await house.appended()
    const segments: RedriveFeedPorts['history']['segments'] = (count) =>
      house.history.segments(count).map(async function* (pages) {
        for await (const page of pages) {
          await house.feed.publish(commits.filter((_, index) => index % 2 === 1))
          yield page
        }
      })
    expect(await house.redriven({ history: { segments } })).toMatchObject({ lackingCount: 0 })
    expect(await house.inFeed()).toHaveLength(commits.length)
  })

  test('goes to each consumer in turn, and is lacking still when one of them has met an outage', async () => {
    const house = await opened()
    const { names, fedCount } = await half(house)
    const outage: StreamHandler = async ({ Records }) => ({
      batchItemFailures: [{ itemIdentifier: Records[0]?.dynamodb?.SequenceNumber ?? '' }],
    })
    await expect(house.redriven({ handlers: [outage, house.consumer()] })).rejects.toThrow('outage')
    expect(await house.inFeed()).toHaveLength(fedCount)
    const published: string[] = []
    const publish: StreamHandler = async ({ Records }) => {
      published.push(...Records.map(({ dynamodb }) => dynamodb?.SequenceNumber ?? ''))
      return { batchItemFailures: [] }
    }
    await house.redriven({ handlers: [publish, house.consumer()] })
    expect([...published, ...(await house.inFeed()).slice(0, fedCount)].toSorted()).toEqual(names)
  })

  test('is asked of an empty house in vain', async () => {
    const house = await opened()
    expect(await house.redriven()).toEqual({ commitCount: 0, lackingCount: 0 })
  })

  test('that is no commit is put aside by its position', async () => {
    const house = await opened()
    await story(house, 1)
    const [commit] = await house.appended()
    const stored: RedriveFeedPorts['stored'] = async (key, sequenceNumber) => {
      const record = await openStoredRecords(house)(key, sequenceNumber)
      if (entryOf(key) !== nameOf(commit!) || record === undefined) return record
      const { dynamodb: { Keys = {}, ...rest } = {} } = record
      return { ...record, dynamodb: { ...rest, Keys, NewImage: Keys } }
    }
    await house.redriven({ stored })
    expect(house.box.letters.map(entryOf)).toEqual([nameOf(commit!)])
    expect(await house.inFeed()).toHaveLength((await house.appended()).length - 1)
  })
})
