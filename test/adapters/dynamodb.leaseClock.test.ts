import { expect, test } from 'vitest'
import { openLeaseClockRow } from '../../adapters/dynamodb/leaseClock.ts'
import { openLeases } from '../../adapters/dynamodb/leases.ts'
import { type ClockRow, openSharedLeaseClock } from '../../infra/shared/leaseClock.ts'
import { temporaryDirectories } from './directories.ts'
import { countSpent } from './dynamodbCapacity.ts'
import { localEngine } from './dynamodbLocal.ts'
import { openProxy, troubles } from './dynamodbProxy.ts'

const engine = localEngine()
const { closing } = temporaryDirectories()

test('of many that take the clock over at once, one does', async () => {
  const tablePrefix = await engine.tables()
  const rows = Array.from({ length: 8 }, (): ClockRow => openLeaseClockRow({ client: engine.client(), tablePrefix }))
  expect(await rows[0]?.read()).toBeUndefined()
  for (const readingMs of [1, 2, 3]) {
    const seen = await rows[0]?.read()
    const kept = await Promise.all(rows.map(async (row, n) => row.keep(seen, { keeper: `s${n}`, readingMs })))
    const winners = kept.filter((each) => each !== undefined)
    expect(winners).toHaveLength(1)
    expect(await rows[0]?.read()).toEqual({ ...winners[0], turn: readingMs, readingMs })
  }
})

test('a turn of the keeper and a look of another cost one unit each, and the clock is no lease', async () => {
  const tablePrefix = await engine.tables()
  const client = engine.client({})
  const spent = countSpent(client)
  const [one, two] = ['s1', 's2'].map((serverId) =>
    openSharedLeaseClock({
      row: openLeaseClockRow({ client, tablePrefix }),
      serverId,
      startAt: '2026-03-02T08:00:00.000Z',
      monotonicMs: () => performance.now(),
      stepMsMax: 2_000,
    }),
  )
  expect(await one?.turn()).toBe(true)
  spent()
  expect(await one?.turn()).toBe(true)
  expect(spent()).toEqual({ calls: ['PutItem'], writeUnits: 1, readUnits: 0 })
  expect(await two?.turn()).toBe(false)
  expect(spent()).toEqual({ calls: ['GetItem'], writeUnits: 0, readUnits: 1 })
  expect(await Array.fromAsync(openLeases({ client, tablePrefix }).scan())).toEqual([])
})

test.each(troubles)('%s: a keeper whose answer is lost is the keeper still', async (trouble) => {
  const tablePrefix = await engine.tables()
  const proxy = closing(await openProxy(engine.endpoint()))
  const client = engine.client({ endpoint: proxy.endpoint, requestTimeoutMs: 250, attemptCountMax: 3 })
  const row = openLeaseClockRow({ client, tablePrefix })
  const seen = await row.keep(undefined, { keeper: 's1', readingMs: 1 })
  proxy.follow((n) => (n === 1 ? trouble : undefined))
  expect(await row.keep(seen, { keeper: 's1', readingMs: 2 })).toEqual({ keeper: 's1', turn: 2, readingMs: 2 })
})
