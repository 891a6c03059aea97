import { describe, expect, test, vi } from 'vitest'
import { localEngine } from '../adapters/dynamodbLocal.ts'
import type { Asked, Plan, Trouble } from '../adapters/dynamodbProxy.ts'
import { foldedRows, shownRows } from '../infra/house.ts'
import { ask, openServer } from './weather.ts'

const engine = localEngine()

/** Clocks that can be moved on: how long an outage has lasted is told by them. */
const openClocks = () => {
  let movedMs = 0
  return {
    options: {
      now: () => new Date(Date.now() + movedMs).toISOString(),
      monotonicMs: () => performance.now() + movedMs,
    },
    pass: (ms: number): void => {
      movedMs += ms
    },
  }
}

/** A server with a bench, ready. */
const opened = async () => {
  const clocks = openClocks()
  const server = await openServer(engine.endpoint(), await engine.tables(), clocks.options)
  const { url } = server
  const register = { body: { benchId: 'b1', type: 'hil' }, key: 'register' }
  expect((await ask(url, 'POST', '/v1/benches', register)).status).toBe(201)
  await isReady(url)
  return { ...server, pass: clocks.pass }
}

const readiness = async (url: string) => ask(url, 'GET', '/readyz')
const within = { timeout: 10_000, interval: 25 }
const isReady = (url: string): Promise<void> =>
  vi.waitFor(async () => expect(await readiness(url)).toMatchObject({ status: 200 }), within)
const describeBench = (url: string, location: string) =>
  ask(url, 'PATCH', '/v1/benches/b1', { body: { location }, key: location.replaceAll(' ', '-') })

const on =
  (trouble: Trouble, ...tables: Asked['about'][]): Plan =>
  (_, { about }) =>
    tables.length === 0 || tables.includes(about) ? trouble : undefined

describe('an outage that lasts', { timeout: 30_000 }, () => {
  test.each([
    ['history', on('away', 'history'), /history can't be used/, [503]],
    ['views', on('refused', 'views'), /feed cannot be followed|stream of history|have not come/, [200, 503]],
    ['leases', on('throttled', 'leases'), /lease clock/, [200]],
    ['streams', on('failed', 'streams'), /stream of history cannot be followed|have not come/, [200]],
    ['every table', on('lost'), /./, [503]],
  ] as const)(
    'of %s: is told by readiness, with its reason, and passes without a restart',
    async (_, plan, reason, statuses) => {
      const { url, proxy, pass, house } = await opened()
      proxy.follow(plan)
      const during = await describeBench(url, 'in the dark')
      expect(statuses).toContain(during.status)
      expect((await ask(url, 'GET', '/healthz')).status).toBe(200)
      await vi.waitFor(() => expect(proxy.requestCount()).toBeGreaterThan(3), within)
      // However late it is noticed, it lasts long from then on; the lease clock is written in between, if it can be.
      const problem = { code: 'not-ready', detail: expect.stringMatching(reason) }
      const told = async () => expect(await readiness(url)).toMatchObject({ status: 503, body: problem })
      await vi.waitFor(
        async () => {
          pass(11_000)
          await vi.waitFor(told, { timeout: 2_000, interval: 50 })
        },
        { timeout: 15_000 },
      )
      proxy.follow(() => undefined)
      await isReady(url)
      // Sent again under its key, whatever had become of it.
      await vi.waitFor(async () => expect((await describeBench(url, 'in the dark')).status).toBe(200), within)
      expect((await describeBench(url, 'in the light')).status).toBe(200)
      expect(await house.settled(10_000)).toBe(true)
      const { body } = await ask(url, 'GET', '/v1/benches/b1?minVersion=3')
      expect(body).toMatchObject({ version: 3, location: 'in the light' })
      expect(await shownRows(house)).toEqual(await foldedRows(house.services.history))
    },
  )
})
