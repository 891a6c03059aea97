import { afterEach, describe, expect, test, vi } from 'vitest'
import { localEngine } from '../../adapters/dynamodbLocal.ts'
import { foldedRows, nameOf, rowsIn, type StreamedHouse, story, streamedHouse, untilFed } from './streamed.ts'

const engine = localEngine()
const opening = streamedHouse(engine)
const houses: StreamedHouse[] = []
const opened = async (): Promise<StreamedHouse> => {
  const house = await opening()
  houses.push(house)
  return house
}
afterEach(() => Promise.all(houses.splice(0).map(({ stopAll }) => stopAll())))

const settled = async (house: StreamedHouse): Promise<void> => {
  await untilFed(house)
  expect(await rowsIn(house.views)).toEqual(await foldedRows(house))
}

describe('what is appended', () => {
  test('comes by the stream of the table into the rows, and then into the feed', async () => {
    const house = await opened()
    const rowsWhenFed: number[] = []
    const feed = {
      publish: async (...asked: Parameters<typeof house.feed.publish>) => {
        rowsWhenFed.push((await rowsIn(house.views)).size)
        await house.feed.publish(...asked)
      },
    }
    house.run(house.consumer({ feed }))
    await story(house)
    await settled(house)
    expect(house.box.letters).toEqual([])
    expect(rowsWhenFed.every((count) => count > 0)).toBe(true)
    expect(house.counters.projectedEvents).toBeGreaterThan(0)
  })

  test('is told to who follows the rows, with the commits that changed them', async () => {
    const house = await opened()
    const told: string[] = []
    house.run(
      house.consumer({
        onWritten: (changes, commits) => {
          told.push(...changes.map(({ row }) => row.id))
          expect(commits.length).toBeGreaterThan(0)
          throw new Error('who follows has failed')
        },
      }),
    )
    await story(house, 2)
    await settled(house)
    expect(new Set(told)).toEqual(new Set(['b0', 'b1', 'r0', 'r1']))
    expect(house.counters.consumerOutages).toBeGreaterThan(0)
  })

  test('is not delivered again to who goes on from where it stopped', async () => {
    const house = await opened()
    const first = house.run(house.consumer())
    await story(house, 2)
    await settled(house)
    await first.stop()
    const before = (await house.inFeed()).length
    house.run(house.consumer())
    await house.write.send('bench', 'late', 'RegisterBench', { benchId: 'late', type: 'hil' })
    await settled(house)
    expect((await house.inFeed()).length).toBe(before + 1)
  })

  test('is delivered again when it is not known any more how far one was, and changes nothing', async () => {
    const house = await opened()
    const first = house.run(house.consumer())
    await story(house, 2)
    await settled(house)
    await first.stop()
    const rows = await rowsIn(house.views)
    await house.kept.saveCheckpoint('stream/project', 'torn {')
    const count = (await house.inFeed()).length
    house.run(house.consumer())
    await vi.waitFor(async () => expect((await house.inFeed()).length).toBe(2 * count))
    expect(await rowsIn(house.views)).toEqual(rows)
  })

  test('is in the feed after a crash between the rows and the page', async () => {
    const house = await opened()
    let isDying = true
    const feed = {
      publish: async (...asked: Parameters<typeof house.feed.publish>) => {
        if (isDying) return new Promise<void>(() => {})
        return house.feed.publish(...asked)
      },
    }
    void house.run(house.consumer({ feed }))
    await story(house, 2)
    await vi.waitFor(async () => expect((await rowsIn(house.views)).size).toBeGreaterThan(0))
    expect(await house.inFeed()).toEqual([])
    isDying = false
    // The first never gets on: it is as good as killed. Another begins where it has left its checkpoint.
    houses.splice(houses.indexOf(house), 1)
    const next = house.run(house.consumer({ feed: house.feed }))
    await settled(house)
    await next.stop()
  })
})

describe('a consumer that fails now and then', () => {
  test('gets everything in the end: thrown errors, partial failures, and answers that make no sense', async () => {
    const house = await opened()
    const good = house.consumer()
    let n = 0
    house.run(async (event) => {
      n++
      if (n % 5 === 1) throw new Error('a bug, now and then')
      if (n % 5 === 2) return { batchItemFailures: [{ itemIdentifier: 'nobody' }] }
      if (n % 5 === 3) {
        const last = event.Records.at(-1)
        await good({ Records: event.Records.slice(0, -1) })
        return { batchItemFailures: [{ itemIdentifier: last?.dynamodb?.SequenceNumber ?? '' }] }
      }
      return good(event)
    })
    await story(house)
    await settled(house)
    expect(n).toBeGreaterThan(4)
    expect(house.box.ranges).toEqual([])
  })

  test('meets a poison record that only halving can find, and the others pass', async () => {
    const house = await opened()
    await story(house)
    const poison = nameOf((await house.appended())[3]!)
    const good = house.consumer()
    const runner = house.run(
      async (event) => {
        if (
          event.Records.some(({ dynamodb }) => `${dynamodb?.Keys?.['pk']?.S}@${dynamodb?.Keys?.['sk']?.N}` === poison)
        )
          throw new Error('unforeseen')
        return good(event)
      },
      { mapping: { retryAttemptCountMax: 2 } },
    )
    await vi.waitFor(async () => {
      const fed = await house.inFeed()
      expect(new Set(fed)).toEqual(new Set((await house.appended()).map(nameOf).filter((name) => name !== poison)))
    })
    expect(house.box.ranges).toMatchObject([{ consumer: 'project', recordCount: 1, reason: 'RetryAttemptsExhausted' }])
    await vi.waitFor(() => expect(runner.stuck()).toBeUndefined())
  })

  test('tells since when it has not got on, and that it does again', async () => {
    const house = await opened()
    let isDown = true
    const views = async () => {
      if (isDown) throw Object.assign(new Error('away'), { code: 'storage-unusable' })
      return house.views
    }
    const runner = house.run(house.consumer({ views }))
    await story(house, 1)
    await vi.waitFor(() => expect(runner.stuck()).toMatchObject({ consumer: 'project' }))
    expect(house.counters.consumerOutages).toBeGreaterThan(0)
    expect(await house.inFeed()).toEqual([])
    isDown = false
    await settled(house)
    await vi.waitFor(() => expect(runner.stuck()).toBeUndefined())
    expect(runner.lagMs()).toBe(0)
    expect(house.box.letters).toEqual([])
  })
})
