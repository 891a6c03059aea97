import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { localEngine } from '../adapters/dynamodbLocal.ts'
import { type Plan, type Trouble, weather } from '../adapters/dynamodbProxy.ts'
import { type Dice, openDice } from '../dice.ts'
import { foldedRows, numbers, shownRows } from '../infra/house.ts'
import { ask, type Commands, openCommands, openServer, type WeatherServer } from './weather.ts'

const engine = localEngine()
const benchIds = ['b1', 'b2', 'b3', 'b4']
const planCount = 6
const schedulers = ['s1', 's2', 's3']
const workers = [
  { workerId: 'w1', benches: ['b1', 'b2'] },
  { workerId: 'w2', benches: ['b3', 'b4'] },
]

type OpenDice = ReturnType<typeof openDice>

interface Gust {
  left: number
  trouble: Trouble
  /** Undefined: whatever a request is about. */
  about: string | undefined
}

/** A share of all requests goes wrong; now and then each of a dozen does, or of a dozen that are about the same. */
const stormy = ({ next, pick }: OpenDice, share: number, met: Set<string>): Plan => {
  let gust: Gust | undefined
  const gusty = (about: string | undefined): Trouble | undefined => {
    const trouble = pick(['refused', 'away', 'throttled', 'failed'] as const)
    if (gust === undefined && next() < 0.01) gust = { left: 12, trouble, about: next() < 0.5 ? about : undefined }
    if (gust === undefined || (gust.about ?? about) !== about) return undefined
    const { left } = gust
    gust = { ...gust, left: left - 1 }
    if (left === 0) gust = undefined
    return gust?.trouble
  }
  return (_, { about, operation }) => {
    // There are few looks at the stream, and each tells of many commits.
    const isNow = next() < (about === 'streams' ? 2 * share : share)
    const drawn = gusty(about) ?? (isNow ? pick<Trouble>([...weather, 'late']) : undefined)
    // Met by transactions, and by what may be in the way of one.
    const isMet = drawn !== 'contended' || about === 'history' || operation === 'TransactWriteItems'
    const trouble = isMet ? drawn : 'slowed'
    if (trouble !== undefined) met.add(about ?? 'something else')
    return trouble
  }
}

const setUp = async ({ send }: Commands): Promise<void> => {
  for (const benchId of benchIds) await send('POST', '/v1/benches', { benchId, type: 'hil' })
  for (const { workerId } of workers) await send('PUT', `/v1/workers/${workerId}`, {})
}

const some = (next: Dice, count: number): string[] => benchIds.toSorted(() => next() - 0.5).slice(0, count)

/** Books gangs, and submits plans for them that release them in the end. */
const schedule = async ({ send }: Commands, name: string, { next, pick }: OpenDice): Promise<string[]> => {
  const executionIds: string[] = []
  for (let n = 0; n < planCount; n++) {
    const [reservationId, executionId] = [`r-${name}-${n}`, `e-${name}-${n}`]
    const benches = some(next, pick([1, 2])).map((benchId) => ({ benchId }))
    const booked = await send('POST', '/v1/reservations', {
      reservationId,
      holder: name,
      benches,
      durationMs: 3_600_000,
      queue: true,
    })
    expect([booked.status, booked.body]).toMatchObject([201, { reservationId }])
    const tasks = benches.map((_, bench) => ({ name: `t${bench}`, run: {}, bench }))
    const plan = { executionId, reservationId, tasks, releaseReservation: true }
    expect((await send('POST', '/v1/executions', plan)).status).toBe(201)
    executionIds.push(executionId)
    expect((await send('PATCH', `/v1/benches/${pick(benchIds)}`, { location: executionId })).status).toBe(200)
  }
  return executionIds
}

interface Claimed {
  executionId: string
  taskName: string
  attempt: number
}

/** Claims, and reports each attempt once, until there is nothing more to do. */
const work = async ({ send }: Commands, { workerId, benches }: (typeof workers)[number], signal: AbortSignal) => {
  const opened = await send('POST', `/v1/workers/${workerId}/sessions`, { benches, agentVersion: '1' })
  const { epoch } = opened.body
  expect(epoch).toBe(1)
  for (let turn = 0; !signal.aborted; turn++) {
    const path = `/v1/workers/${workerId}`
    const beat = await send('POST', `${path}/heartbeat`, { epoch, attempts: [] }, `beat-${workerId}-${turn}`)
    expect(beat.status).toBe(200)
    const claimed = await send('POST', `${path}/claim`, { epoch, waitMs: 100 }, `claim-${workerId}-${turn}`)
    expect([200, 204], JSON.stringify(claimed.body)).toContain(claimed.status)
    if (claimed.status === 204) continue
    const { executionId, taskName, attempt } = claimed.body as unknown as Claimed
    const report = `/v1/executions/${executionId}/tasks/${taskName}/attempts/${attempt}/complete`
    const done = await send('POST', report, { workerId, epoch }, `complete-${executionId}-${taskName}-${attempt}`)
    expect(done.status, JSON.stringify(done.body)).toBe(200)
  }
}

const readings = [
  '/v1/executions?limit=10',
  '/v1/reservations?holder=s1',
  '/v1/benches/b1/calendar',
  '/v1/benches/b1?consistent=true',
  '/v1/workers',
  '/v1/events?limit=20',
  '/v1/history/bench/b1',
  '/v1/views',
  '/v1/loss-freeze',
  '/metrics',
]

/** What can be asked is answered, or "not now". */
const look = async (servers: readonly WeatherServer[], signal: AbortSignal): Promise<void> => {
  for (let turn = 0; !signal.aborted; turn++) {
    const { url } = servers[turn % servers.length]!
    const path = readings[turn % readings.length]!
    expect([path, (await ask(url, 'GET', path)).status]).toEqual([path, expect.toBeOneOf([200, 503])])
    expect((await ask(url, 'GET', '/healthz')).status).toBe(200)
    await sleep(20)
  }
}

interface Line {
  stream: string
  commandId: string
  events: { type: string }[]
}

const exported = async ({ url }: WeatherServer): Promise<Line[]> => {
  const text = await (await fetch(`${url}/v1/audit/export`)).text()
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
}

/** What was acknowledged is there, and nothing is there twice: no command on its stream, no attempt of a task. */
const expectOnce = (lines: readonly Line[], acknowledged: readonly string[]): void => {
  const counts = new Map<string, number>()
  for (const { stream, commandId } of lines) {
    const name = `${commandId} ${stream}`
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  expect([...counts].filter(([, count]) => count > 1)).toEqual([])
  const startedCount = lines.filter(({ events }) => events.some(({ type }) => type === 'AttemptStarted')).length
  expect(startedCount).toBe(acknowledged.filter((key) => key.startsWith('complete-')).length)
  const there = new Set(lines.map(({ commandId }) => commandId))
  const commands = acknowledged.filter((key) => /^key-\d+$|^complete-/.test(key))
  expect(commands.filter((key) => !there.has(key))).toEqual([])
}

const expectUnharmed = async (server: WeatherServer, { acknowledged }: Commands): Promise<void> => {
  const { url, house } = server
  expectOnce(await exported(server), acknowledged())
  expect((await ask(url, 'GET', '/v1/audit/verify')).body).toMatchObject({ ok: true, failures: [] })
  expect(await shownRows(house)).toEqual(await foldedRows(house.services.history))
  expect(numbers(house)).toMatchObject({ benchplane_dead_letters: 0, benchplane_dead_records_total: 0 })
}

const unfinished = async (url: string, executionIds: readonly string[]): Promise<string[]> => {
  const all = await Promise.all(executionIds.map((id) => ask(url, 'GET', `/v1/executions/${id}?consistent=true`)))
  return all.filter(({ body }) => body['verdict'] !== 'passed').map(({ body }) => JSON.stringify(body))
}

test('bad weather between servers and their tables: nothing acknowledged is lost, nothing done twice, and it passes', {
  timeout: 60_000,
}, async () => {
  const dice = openDice(Number(process.env['BENCHPLANE_TEST_SEED'] ?? 4_711))
  const tablePrefix = await engine.tables()
  const servers = [await openServer(engine.endpoint(), tablePrefix), await openServer(engine.endpoint(), tablePrefix)]
  const commands = openCommands(servers.map(({ url }) => url))
  await setUp(commands)
  const met = new Set<string>()
  for (const { proxy } of servers) proxy.follow(stormy(dice, 0.2, met))
  const ending = new AbortController()
  const atWork = workers.map((worker) => work(commands, worker, ending.signal))
  const working = Promise.all([...atWork, look(servers, ending.signal)])
  const executionIds = (await Promise.all(schedulers.map((name) => schedule(commands, name, dice)))).flat()
  // While batches fail nobody looks at the stream: it has bad weather of its own, after the tables have had theirs.
  const last = stormy(dice, 0.2, met)
  for (const { proxy } of servers) proxy.follow((n, asked) => (asked.about === 'streams' ? last(n, asked) : undefined))
  const tables = ['history', 'leases', 'views']
  await vi.waitFor(() => expect(met).toEqual(new Set([...tables, 'streams'])), { timeout: 15_000, interval: 20 })
  for (const { proxy } of servers) proxy.follow(() => undefined)
  await vi.waitFor(async () => expect(await unfinished(servers[0]!.url, executionIds)).toEqual([]), {
    timeout: 20_000,
    interval: 200,
  })
  ending.abort()
  await working
  for (const { url } of servers)
    await vi.waitFor(async () => expect((await ask(url, 'GET', '/readyz')).status).toBe(200), { timeout: 10_000 })
  expect(await servers[0]!.house.settled(10_000)).toBe(true)
  for (const server of servers) await expectUnharmed(server, commands)
})
