import { afterEach, describe, expect, test } from 'vitest'
import { openHistory } from '../../adapters/memory/history.ts'
import { openViews } from '../../adapters/memory/views.ts'
import type { EventStore, FeedPage, ViewStore } from '../../domain/ports.ts'
import { openCounters } from '../../infra/counters.ts'
import { openProgress } from '../../infra/progress.ts'
import { positionOf, projectConsumer, startProjector } from '../../infra/views/projector.ts'
import { openLines, until } from './house.ts'

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

const append = (history: EventStore, n: number, version = 1, type = 'BenchRegistered') => {
  const data = { benchId: `b${n}`, type: 'hil', capabilities: [], setupMs: 0, teardownMs: 0, labels: {} }
  const ids = {
    commandId: 'c',
    commandHash: 'h',
    correlationId: `about-${n}`,
    actor: { kind: 'user' as const, id: 'ada' },
  }
  const events = [{ type, schemaVersion: 1, data }]
  return history.append([
    { stream: `default/bench/b${n}`, version, events, at: '2026-03-02T08:00:00.000Z', previousHash: null, ...ids },
  ])
}

const projectorOver = (history: EventStore = openHistory(), views: ViewStore = openViews(), cursor?: string) => {
  const counters = openCounters()
  const { lines, log } = openLines()
  const pages: [string | undefined, FeedPage][] = []
  const lags: number[] = []
  const projector = startProjector(
    {
      history,
      log,
      counters,
      progress: openProgress(),
      now: () => '2026-03-02T08:00:01.000Z',
      onWritten: () => {},
      onPage: (...page) => {
        pages.push(page)
        lags.push(projector.lagMs())
      },
    },
    views,
    cursor,
  )
  stops.push(projector.stop)
  const reached = (n: number) => until(() => positionOf(projector.cursor()) === n)
  return { history, views, counters, lines, pages, lags, projector, reached }
}

describe('the projector at work', () => {
  test('follows history, hands over each page with where it begins, and saves how far it is with the rows', async () => {
    const { history, views, projector, reached, pages } = projectorOver()
    await until(projector.hasCaughtUp)
    for (let n = 0; n < 3; n++) {
      await append(history, n)
      await reached(n + 1)
    }
    expect(await views.checkpoint(projectConsumer)).toBe('3')
    let cursor: string | undefined
    for (const [after, page] of pages) {
      expect(positionOf(after)).toBe(positionOf(cursor))
      cursor = page.cursor
    }
    expect(cursor).toBe('3')
  })

  test('tells how old the oldest commit was that has become visible, and 0 when there is nothing to do', async () => {
    const history = openHistory()
    for (let n = 0; n < 5; n++) await append(history, n)
    const { projector, reached, lags } = projectorOver(history)
    await reached(5)
    expect(lags[0]).toBe(1_000)
    await until(() => projector.lagMs() === 0)
  })

  test('tries again after an outage of its rows, says since when it is stuck, and misses nothing', async () => {
    const views = openViews()
    const { write } = views
    let isBroken = true
    views.write = (...asked) => (isBroken ? Promise.reject(new Error('disk full')) : write(...asked))
    const { history, projector, reached, counters, lines } = projectorOver(openHistory(), views)
    await append(history, 1)
    await until(() => counters.projectionOutages >= 2)
    expect(projector.stuck()).toMatchObject({
      sinceMs: Date.parse('2026-03-02T08:00:01.000Z'),
      error: { message: 'disk full' },
    })
    isBroken = false
    await reached(1)
    await until(() => projector.stuck() === undefined)
    expect(await views.read('benches', 'default', ['b1'])).toHaveLength(1)
    expect(lines.filter(({ level }) => level === 'error').map(({ count }) => count)).toEqual(
      Array.from({ length: counters.projectionOutages }, (_, n) => n + 1),
    )
  })

  test('goes on past a stream that cannot be folded, and tells which', async () => {
    const { history, reached, counters, lines, views } = projectorOver()
    await append(history, 1)
    await append(history, 1, 2, 'BenchExploded')
    await append(history, 2)
    await reached(3)
    expect(counters.projectionFailures).toBe(1)
    expect(lines.find(({ level }) => level === 'error')).toMatchObject({
      stream: 'default/bench/b1',
      correlationId: 'about-1',
      count: 1,
    })
    expect(await views.read('benches', 'default', ['b2'])).toHaveLength(1)
  })

  test('other rows serve only once they have seen as much', async () => {
    const { history, projector, reached, views } = projectorOver()
    for (let n = 0; n < 5; n++) await append(history, n)
    await reached(5)
    const next = openViews()
    expect(await projector.replaceBy(next)).toBe(views)
    expect(projector.views()).toBe(next)
    expect(positionOf(projector.cursor())).toBe(5)
    expect(await next.rowCount('benches')).toBe(5)
    await append(history, 6)
    await reached(6)
    expect(await next.rowCount('benches')).toBe(6)
    expect(await views.read('benches', 'default', ['b6'])).toEqual([])
  })

  test('rows that cannot catch up do not serve, and those before go on', async () => {
    const { history, projector, reached, views } = projectorOver()
    await append(history, 1)
    await reached(1)
    const broken = openViews()
    broken.write = () => Promise.reject(new Error('disk full'))
    await expect(projector.replaceBy(broken)).rejects.toThrow('disk full')
    await append(history, 2)
    await reached(2)
    expect(projector.views()).toBe(views)
  })

  test('a stopped one replaces nothing', async () => {
    const { projector } = projectorOver()
    await projector.stop()
    await expect(projector.replaceBy(openViews())).rejects.toThrow('the house is closing')
  })
})
