import { describe, expect, test, vi } from 'vitest'
import type { Register } from '../../adapters/dynamodb/generations.ts'
import type { Commit } from '../../domain/event.ts'
import { changeOf, type Owed } from '../../infra/callbacks/callbackRows.ts'
import { noLog } from '../../infra/log.ts'
import { claim, RebuildElsewhere, release, switched } from '../../infra/shared/rebuildClaim.ts'
import { localEngine } from '../adapters/dynamodbLocal.ts'
import { putAsideForTest } from './deadLetter.ts'
import { openSender, openServer, rowsIn } from './sharedHouse.ts'
import { sharedTables } from './sharedTables.ts'

const engine = localEngine()
const { opened, lived, expectWhole } = sharedTables(engine)

const withBuilder = (seen: Register, builder: string): Register => ({
  ...seen,
  newest: 2,
  building: { generation: 2, shape: 'now', builder },
})

const owed: Owed = {
  tenant: 'default',
  id: 'execution/e9/1',
  rowVersion: 2,
  status: 'delivered',
  url: 'http://localhost/',
  stream: 'default/execution/e9',
  version: 1,
  correlationId: 'x',
  at: '2026-03-02T08:00:00.000Z',
  attemptCount: 1,
  nextAt: '2026-03-02T08:00:00.000Z',
}

describe('a rebuild of several servers', () => {
  test('gives the very rows, and lets them take over while commands go on', async () => {
    const { place, open, server, sender } = await lived()
    const other = await open()
    const over = new AbortController()
    const goOn = async (name: string): Promise<void> => {
      for (let n = 0; !over.signal.aborted; n++) {
        await sender.bench(`${name}-${n}`)
        await sender.book(`${name}-r${n}`, `b${1 + (n % 3)}`)
      }
    }
    const going = Promise.all([goOn('x'), goOn('y')])
    const progress: number[] = []
    const built = server.rebuilding.rebuild(({ commitCount }) => progress.push(commitCount))
    expect(server.rebuilding.rebuild()).toBe(built)
    expect([(await built).failures, progress.at(-1)]).toEqual([[], (await built).commitCount])
    await server.rebuilding.ended()
    over.abort()
    await going
    await expectWhole(server, place.tablePrefix)
    expect((await other.following.look()).generation).toBe(server.following.serving().generation)
    expect(server.following.serving().generation).toBe(2)
  })

  test('sees what a consumer writes to the rows before, having asked before they were given up', async () => {
    const { place, server, consumer, consume, sender } = await lived()
    const late: Commit[] = []
    const slow = openSender(server.history, async (commits) => void late.push(...commits))
    const before = await server.following.toWrite()
    const trailing = await openServer(place, { trailingMs: 400 })
    await trailing.rebuilding.rebuild()
    await slow.bench('b8')
    await slow.book('r8', 'b1')
    await consumer.write(before, late)
    expect(await trailing.following.views().read('benches', 't', ['b8'])).toEqual([])
    await consumer.publish(late)
    await trailing.rebuilding.ended()
    await expectWhole(trailing, place.tablePrefix)
    await consume([])
    await sender.bench('b9')
    await expectWhole(server, place.tablePrefix)
    await trailing.close()
  })

  test('carries over what is not in history, as it is when the rows before are given up', async () => {
    const { place, server } = await lived()
    const before = server.following.views()
    await before.write([
      changeOf({ ...owed, rowVersion: 1, status: 'pending' }),
      changeOf({ ...owed, id: 'execution/e9/2' }),
    ])
    for (const consumer of ['react', 'callbacks', 'callbacks-lost']) await before.saveCheckpoint(consumer, '3')
    const trailing = await openServer(place, { trailingMs: 400 })
    await trailing.rebuilding.rebuild()
    await putAsideForTest(before)
    await before.write([changeOf(owed)])
    await trailing.rebuilding.ended()
    const { views } = await trailing.following.look()
    for (const consumer of ['react', 'callbacks', 'callbacks-lost'])
      expect([consumer, await views.checkpoint(consumer)]).toEqual([consumer, '3'])
    const rows = await rowsIn(views)
    expect(rows.get('callbacks/execution/e9/1')).toMatchObject({ version: 2, body: { status: 'delivered' } })
    expect(rows.has('callbacks/execution/e9/2')).toBe(true)
    expect([...rows.keys()].filter((key) => key.startsWith('deadLetters/'))).toHaveLength(1)
    await expectWhole(trailing, place.tablePrefix)
    await trailing.close()
  })

  test('is done by one of two that begin at once', async () => {
    const { place, open, server } = await lived()
    const other = await open()
    const both = await Promise.allSettled([server.rebuilding.rebuild(), other.rebuilding.rebuild()])
    await Promise.all([server.rebuilding.ended(), other.rebuilding.ended()])
    const refusals = both.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
    for (const reason of refusals) expect(reason).toBeInstanceOf(RebuildElsewhere)
    expect(refusals.length).toBeLessThan(2)
    await expectWhole(server, place.tablePrefix)
    expect((await server.following.look()).generation).toBe(3 - refusals.length)
  })

  test('is refused while another server is heard of, and gone on with when it is not', async () => {
    const { place, open, server } = await lived()
    await server.generations.change((seen) => seen && withBuilder(seen, 'another'))
    const other = await open()
    const silent = new AbortController()
    const beats = (async () => {
      while (!silent.signal.aborted) {
        await server.generations.change((seen) => seen)
        await new Promise((resolve) => {
          setTimeout(resolve, 10)
        })
      }
    })()
    await expect(other.rebuilding.rebuild()).rejects.toThrow('another server is building the views (generation 2)')
    expect(other.following.serving().generation).toBe(1)
    silent.abort()
    await beats
    await other.rebuilding.rebuild()
    await other.rebuilding.ended()
    await expectWhole(other, place.tablePrefix)
    expect(other.following.serving().generation).toBe(2)
  })

  test('that has been taken for dead finds out, and does no harm', async () => {
    const { place, open, server } = await lived()
    const other = await open()
    const held = Promise.withResolvers<void>()
    const segments = server.history.segments.bind(server.history)
    vi.spyOn(server.history, 'segments').mockImplementation((count) =>
      segments(count).map(async function* (segment) {
        await held.promise
        yield* segment
      }),
    )
    const beating = vi.spyOn(server.generations, 'change')
    const first = server.rebuilding.rebuild()
    const refused = first.catch((error: unknown) => error)
    await vi.waitFor(() => expect(beating).toHaveBeenCalled())
    await beating.mock.results[0]?.value
    // Its beats don't arrive any more.
    beating.mockResolvedValue({ turn: 0, newest: 0, isTidy: false, isFeedLost: false })
    await vi.waitFor(() => other.rebuilding.rebuild(), { timeout: 10_000 })
    beating.mockRestore()
    held.resolve()
    expect(await refused).toBeInstanceOf(RebuildElsewhere)
    await other.rebuilding.ended()
    await expectWhole(other, place.tablePrefix)
  })
})

describe('a claim', () => {
  const claiming = async (builder: string) => {
    const { server } = await opened()
    await server.generations.change((seen) => seen && withBuilder(seen, builder))
    const { generations, history, feed, following } = server
    const limits = { trailingMs: 10, abandonedMs: 12, segmentCount: 1, shape: 'now', builder: 'me' }
    return { generations, history, feed, following, log: noLog, signal: new AbortController().signal, ...limits }
  }

  test('on a rebuild whose server is heard of in the last moment is refused', async () => {
    const run = await claiming('another')
    const change: typeof run.generations.change = async (decide) => {
      await run.generations.change((seen) => seen)
      return run.generations.change(decide)
    }
    await expect(claim({ ...run, generations: { ...run.generations, change } })).rejects.toBeInstanceOf(
      RebuildElsewhere,
    )
    expect((await run.generations.read())?.building?.builder).toBe('another')
  })

  test('that another has taken over lets no rows serve', async () => {
    const run = await claiming('another')
    await expect(switched(run, 2, undefined)).rejects.toBeInstanceOf(RebuildElsewhere)
    expect((await run.generations.read())?.serving?.generation).toBe(1)
    await release(run)
    expect((await run.generations.read())?.building?.builder).toBe('another')
  })
})
