import { expect, onTestFinished, test, vi } from 'vitest'
import { entryOf, openFeed } from '../../adapters/dynamodb/feed.ts'
import { openHistory } from '../../adapters/dynamodb/history.ts'
import { type House, openHouse } from '../../infra/local.ts'
import { noLog } from '../../infra/log.ts'
import type { HouseOptions } from '../../infra/parts.ts'
import { anybody, localEngine } from '../adapters/dynamodbLocal.ts'
import { openProxy } from '../adapters/dynamodbProxy.ts'
import { foldedRows, openLines, shownRows, type Voiced, voiced } from './house.ts'

const engine = localEngine()

/** A lease of 1.2 s: the clock's step is 0.3 s. */
const brief = { leaseMs: 1_200, heartbeatEveryMs: 300, suspectAfterMs: 900 }

let made = 0
/** Servers on the same fresh tables, closed after the test; the first keeps the clock. */
const openServers = async (...all: Partial<HouseOptions>[]): Promise<Voiced[]> => {
  const tablePrefix = `shared-${++made}-`
  const opened: Voiced[] = []
  for (const options of all) {
    const connection = { endpoint: engine.endpoint(), ...anybody }
    const house = await openHouse({ store: 'dynamodb', tablePrefix, connection, createTables: true, ...options })
    onTestFinished(() => house.close())
    opened.push(voiced(house))
  }
  return opened
}

const worker = async ({ done, services }: Voiced, workerId: string, benchId: string): Promise<void> => {
  await done('bench', benchId, 'RegisterBench', { benchId, type: 'hil' })
  await done('worker', workerId, 'EnrolWorker')
  await done('worker', workerId, 'OpenSession', { benches: [benchId], agentVersion: '1' })
  await services.leases.open({ tenant: 'default', workerId, epoch: 1, benchIds: [benchId] })
}
const isReady = ({ services }: Pick<Voiced, 'services'>): boolean => services.unready() === undefined
const settled = (house: House): Promise<boolean> => house.settled(10_000)

test('one server does all: rows are the folds of history, policies act, clocks tick', async () => {
  const [one] = (await openServers({})) as [Voiced]
  await one.bench('b1')
  const booked = await one.book('r1', 'b1')
  await one.book('r2', 'b1', { queue: true })
  expect(await one.row('reservations', 'r1', booked.head.version)).toMatchObject({ id: 'r1' })
  await vi.waitFor(async () => expect(await one.status('r1')).toBe('active'), 5_000)
  await one.done('reservation', 'r1', 'ReleaseReservation')
  await vi.waitFor(async () => expect(await one.status('r2')).toBe('active'), 5_000)
  expect(await settled(one.house)).toBe(true)
  expect(await shownRows(one)).toEqual(await foldedRows(one.services.history))
  await vi.waitFor(() => expect(isReady(one)).toBe(true))
  expect(await one.house.viewsStatus()).toMatchObject({ generation: 1, rebuilding: false })
  expect(await one.services.verify(undefined)).toMatchObject({ ok: true })
})

test('what was appended before an orderly end is in the feed, though no other server is there', async () => {
  const [one] = (await openServers({})) as [Voiced]
  await vi.waitFor(() => expect(isReady(one)).toBe(true), 5_000)
  await Promise.all(Array.from({ length: 20 }, (_, n) => one.bench(`b${n}`)))
  await one.house.close()
  const place = { client: engine.client(), tablePrefix: `shared-${made}-` }
  const feed = openFeed(place)
  const history = openHistory({ ...place, feed })
  onTestFinished(() => feed.close())
  const appended = (await Array.fromAsync(history.scan())).flat().map(entryOf)
  expect(appended.length).toBeGreaterThanOrEqual(20)
  expect((await feed.names(0, 1_000)).toSorted()).toEqual(appended.toSorted())
})

test('an end does not wait for long for a feed that stands still, and says so', async () => {
  const proxy = await openProxy(engine.endpoint())
  onTestFinished(() => proxy.close())
  const warned: string[] = []
  const log = { ...noLog, warn: (_: object, message: string) => void warned.push(message) }
  const connection = { endpoint: proxy.endpoint, ...anybody }
  const [one] = (await openServers({ connection, log })) as [Voiced]
  await vi.waitFor(() => expect(isReady(one)).toBe(true), 5_000)
  proxy.follow((_, { about }) => (about === 'streams' ? 'throttled' : undefined))
  await one.bench('b1')
  await one.house.close()
  expect(warned.join()).toContain('redrive')
}, 20_000)

test('what one server starts and ends the other knows, so that beats which go there need no look at history', async () => {
  const [one, other] = (await openServers({}, {})) as [Voiced, Voiced]
  await worker(one, 'w1', 'b1')
  await one.book('r1', 'b1')
  await vi.waitFor(async () => expect(await one.status('r1')).toBe('active'), 5_000)
  await one.done('execution', 'e1', 'SubmitExecution', { reservationId: 'r1', tasks: [{ name: 't', run: {} }] })
  const session = { tenant: 'default', workerId: 'w1', epoch: 1 }
  const attempt = { executionId: 'e1', taskName: 't', attempt: 1 }
  const who = { workerId: 'w1', epoch: 1 }
  await one.done('execution', 'e1', 'ClaimTask', { taskName: 't', benchId: 'b1', ...who })
  await vi.waitFor(() => expect(other.services.leases.isDoubtful(session, attempt)).toBe(false), 5_000)
  await one.done('execution', 'e1', 'CompleteAttempt', { taskName: 't', attempt: 1, ...who })
  await vi.waitFor(() => expect(other.services.leases.isDoubtful(session, attempt)).toBe(true), 5_000)
})

test('that nobody is declared lost is shown by each server, and lifted through each', async () => {
  const [keeper, other] = (await openServers(brief, brief)) as [Voiced, Voiced]
  const names = [1, 2, 3, 4, 5].map((n) => `w${n}`)
  for (const name of names) await worker(keeper, name, `b-${name}`)
  await vi.waitFor(async () => expect(await other.services.lossFreeze.status()).toMatchObject({ frozen: true }), 10_000)
  const types = async (): Promise<string[]> => {
    const all = await Promise.all(names.map((name) => keeper.services.history.load(`default/worker/${name}`)))
    return all.flat().flatMap(({ events }) => events.map(({ type }) => type))
  }
  expect(await types()).not.toContain('WorkerSessionExpired')
  await other.services.lossFreeze.lift()
  const expired = async (): Promise<number> => (await types()).filter((type) => type === 'WorkerSessionExpired').length
  await vi.waitFor(async () => expect(await expired()).toBe(5), 10_000)
})

test('a server whose engine is gone says so, keeps what it acknowledged, and goes on by itself when it is back', {
  timeout: 60_000,
}, async () => {
  const proxy = await openProxy(engine.endpoint())
  onTestFinished(() => proxy.close())
  const { lines, log } = openLines()
  const connection = { endpoint: proxy.endpoint, ...anybody, attemptCountMax: 1, requestTimeoutMs: 500 }
  const [one] = (await openServers({ connection, log, ...brief })) as [Voiced]
  await one.bench('b1')
  await vi.waitFor(() => expect(isReady(one)).toBe(true), 5_000)
  proxy.follow(() => 'refused')
  await expect(one.done('bench', 'b1', 'DescribeBench', { location: 'nowhere' })).rejects.toThrow(/can't be used/)
  expect(isReady(one)).toBe(false)
  await vi.waitFor(() => expect(lines.some(({ level }) => level === 'error')).toBe(true), 5_000)
  proxy.follow(() => undefined)
  await vi.waitFor(() => expect(isReady(one)).toBe(true), { timeout: 20_000, interval: 100 })
  const again = await one.done('bench', 'b1', 'DescribeBench', { location: 'here' })
  expect(await one.row('benches', 'b1', again.head.version)).toMatchObject({
    body: { description: { location: 'here' } },
  })
  expect(await settled(one.house)).toBe(true)
  expect(await shownRows(one)).toEqual(await foldedRows(one.services.history))
})

test('a server that is not to keep the clock serves beside one that does, and takes over from nobody', async () => {
  const [keeper, other] = (await openServers(brief, { ...brief, keeps: false })) as [Voiced, Voiced]
  const told = await other.done('bench', 'b1', 'RegisterBench', { benchId: 'b1', type: 'hil' })
  expect(await other.row('benches', 'b1', told.head.version)).toMatchObject({ id: 'b1' })
  expect(await other.services.views.caughtUp()).toBe(true)
  await keeper.house.close()
  await other.done('bench', 'b2', 'RegisterBench', { benchId: 'b2', type: 'hil' })
  await expect(other.row('benches', 'b2', 1)).rejects.toThrow(/has not come/)
})
