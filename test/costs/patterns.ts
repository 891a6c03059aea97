/** Every question that the product asks of its tables, asked once of a small lab, and what it cost. */

import { openFeed } from '../../adapters/dynamodb/feed.ts'
import { openHistory } from '../../adapters/dynamodb/history.ts'
import { leaseSort } from '../../adapters/dynamodb/leaseRequests.ts'
import { openLeases } from '../../adapters/dynamodb/leases.ts'
import { openViews } from '../../adapters/dynamodb/views.ts'
import { buildViews } from '../../infra/views/buildViews.ts'
import { countSpent, type Spent } from '../adapters/dynamodbCapacity.ts'
import type { Engine } from './cloud.ts'
import { booking, plan, registration } from './story.ts'
import { openTurned, type Turned } from './turned.ts'

export interface Pattern {
  what: string
  table: 'history' | 'views' | 'leases'
  key: string
  /** What was found by it here. */
  found: string
  spent: Spent
}

const benchCount = 20
const bookingCount = 30
const worker = '/v1/workers/rack-3'

/** Twenty benches, thirty bookings, two executions of three tasks, one of them begun. */
const furnish = async ({ ask, after, beat }: Turned): Promise<void> => {
  const post = (path: string, body: unknown) => ask('request', 'POST', path, body)
  for (let n = 1; n <= benchCount; n++) await post('/v1/benches', registration(`hil-${n}`)[3])
  await ask('request', 'PUT', worker, {})
  await post(`${worker}/sessions`, { benches: ['hil-1'], agentVersion: '0.1.0' })
  await post('/v1/reservations', booking(['hil-1'], { reservationId: 'r-now', durationMs: 3_600_000 }))
  await after(1_000)
  for (let n = 1; n < bookingCount; n++) {
    const start = `2026-03-03T${String(n % 24).padStart(2, '0')}:${n < 24 ? '00' : '30'}:00Z`
    const window = { reservationId: `r-${n}`, start, durationMs: 600_000 }
    await post('/v1/reservations', booking([`hil-${1 + (n % 5)}`], window))
  }
  for (const id of ['e-1', 'e-2']) await post('/v1/executions', { executionId: id, ...plan('r-now') })
  await beat(1, [])
  await post(`${worker}/claim`, { epoch: 1, waitMs: 0 })
  await post('/v1/executions/e-1/tasks/flash/attempts/1/complete', { workerId: 'rack-3', epoch: 1 })
}

type Asked = [what: string, table: Pattern['table'], key: string, path: string]

const entries = (index: string, partition: string, shards = ''): string =>
  `pk = {generation}/entry/{view}/{tenant}/${index}/${partition}/{shard}${shards}, then rows by pk`
const four = ' of 4 shards'

const questions: readonly Asked[] = [
  ['one bench, reservation or worker', 'views', 'pk = {generation}/row/{view}/{tenant}/{id}', '/v1/benches/hil-1'],
  ['one execution with its tasks', 'views', 'its row, then `execution_tasks_idx`', '/v1/executions/e-1'],
  [
    'the same, from history',
    'history',
    'pk = {tenant}/{kind}/{id}, sk > what is known',
    '/v1/executions/e-1?consistent=true',
  ],
  ['benches', 'views', entries('all_idx', 'benches', four), '/v1/benches?limit=20'],
  [
    'benches by capability',
    'views',
    entries('capability_idx', '{name or name=value}'),
    '/v1/benches?query=can-fd&limit=20',
  ],
  ['benches by type', 'views', entries('type_idx', '{type}', four), '/v1/benches?type=hil&limit=20'],
  [
    'benches by serviceability',
    'views',
    entries('serviceability_idx', '{status}', four),
    '/v1/benches?serviceability=in-service&limit=20',
  ],
  [
    'benches by connectivity',
    'views',
    entries('connectivity_idx', '{status}', four),
    '/v1/benches?connectivity=online&limit=20',
  ],
  ['reservations', 'views', entries('all_idx', 'reservations', four), '/v1/reservations?limit=20'],
  [
    'reservations of a bench by start',
    'views',
    entries('bench_reservations_idx', '{benchId}'),
    '/v1/reservations?benchId=hil-2&limit=20',
  ],
  [
    'reservations by holder',
    'views',
    entries('holder_idx', '{holder}'),
    '/v1/reservations?holder=ada%40example.com&limit=20',
  ],
  [
    'reservations by status',
    'views',
    entries('status_idx', '{status}', four),
    '/v1/reservations?status=confirmed&limit=20',
  ],
  ['executions', 'views', entries('all_idx', 'executions', four), '/v1/executions?limit=20'],
  [
    'executions by reservation',
    'views',
    entries('reservation_idx', '{reservationId}'),
    '/v1/executions?reservationId=r-now&limit=20',
  ],
  [
    'executions of a bench',
    'views',
    entries('bench_executions_idx', '{benchId}'),
    '/v1/executions?benchId=hil-1&limit=20',
  ],
  ['executions by status', 'views', entries('status_idx', '{status}', four), '/v1/executions?status=running&limit=20'],
  ['workers', 'views', entries('all_idx', 'workers', four), '/v1/workers?limit=20'],
  ['why a reservation is where it is', 'views', 'its row, and `queued_idx`', '/v1/reservations/r-now/why'],
  ['a stream’s history', 'history', 'pk = {tenant}/{kind}/{id}, sk ≥ from', '/v1/history/bench/hil-1'],
  [
    'a state as of a version',
    'history',
    'pk = {tenant}/{kind}/{id}, sk ≤ version',
    '/v1/history/bench/hil-1/state?version=1',
  ],
  ['events since a cursor', 'views', 'pk = feed, sk ≥ page; then the commits by key', '/v1/events?limit=100'],
]

const shownCount = (body: unknown): string => {
  const items = (body as { items?: readonly unknown[] }).items
  return items === undefined ? '1' : String(items.length)
}

const askAll = async ({ cloud: { api } }: Turned): Promise<readonly Pattern[]> => {
  const patterns: Pattern[] = []
  for (const [what, table, key, path] of questions) {
    api.spent()
    const response = await api.app.request(path)
    const text = await response.text()
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`)
    patterns.push({ what, table, key, found: shownCount(JSON.parse(text)), spent: api.spent() })
  }
  return patterns
}

const ofWorkers = async (turned: Turned): Promise<readonly Pattern[]> => {
  const { cloud, ask, beat } = turned
  const key = 'pk = {tenant}/{workerId}, sk = lease'
  const claims = 'pk = {generation}/entry/tasks/{tenant}/claimable_idx/{benchId}/0, sk of one reservation'
  await beat(1, [])
  const claimed = await ask('claim', 'POST', `${worker}/claim`, { epoch: 1, waitMs: 0 })
  const patterns: Pattern[] = [
    {
      what: 'a claim right after a beat',
      table: 'views',
      key: `${claims}; then the append`,
      found: '1',
      spent: claimed,
    },
  ]
  await turned.after(11_000)
  cloud.api.spent()
  const waiting = await cloud.api.app.request(`${worker}/claim`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ epoch: 1, waitMs: 0 }),
  })
  if (waiting.status !== 204) throw new Error(`a claim that was to find nothing: ${waiting.status}`)
  patterns.push({
    what: 'a claim that finds nothing, long after a beat',
    table: 'views',
    key: `${claims}; lease and heads again`,
    found: '0',
    spent: cloud.api.spent(),
  })
  cloud.api.spent()
  await beat(1, [])
  return patterns.concat({ what: 'a heartbeat', table: 'leases', key, found: '1', spent: await beatOnce(turned) })
}

const beatOnce = ({ ask }: Turned): Promise<Spent> =>
  ask('heartbeat', 'POST', `${worker}/heartbeat`, { epoch: 1, attempts: [] })

export const leaseCount = 100

const ofServers = async (engine: Engine): Promise<readonly Pattern[]> => {
  const client = engine.client()
  const tables = { client, tablePrefix: engine.tablePrefix }
  const [leases, views, feed] = [openLeases(tables), openViews({ ...tables, generation: 1 }), openFeed(tables)]
  const instant = '2026-03-02T08:00:00.000Z'
  for (let n = 1; n < leaseCount; n++) {
    const session = { tenant: 'default', workerId: `other-${n}`, epoch: 1, benchIds: [`hil-${n}`] }
    await leases.open({
      ...session,
      lastSeenAt: instant,
      expiresAt: instant,
      attempts: [],
      attemptsBefore: [],
      flags: [],
    })
  }
  const spent = countSpent(client)
  const asked = async (
    what: string,
    table: Pattern['table'],
    key: string,
    found: string,
    work: () => Promise<unknown>,
  ) => {
    spent()
    await work()
    return { what, table, key, found, spent: spent() }
  }
  const all = async () => (await Array.fromAsync(leases.scan())).flat()
  return [
    await asked('the sweep of all leases', 'leases', `a scan; sk = ${leaseSort}`, String(leaseCount), all),
    await asked('what is due', 'views', 'pk = {generation}/due/{shard} of 4 shards, sk ≤ now', '0', () =>
      views.due(instant, 100),
    ),
    await asked('has the feed grown', 'views', 'pk = feed, backwards, one page', '1', () => feed.end()),
  ]
}

export interface Whole {
  commitCount: number
  replay: Spent
  rebuild: Spent
}

/** All of history: read as `verify` and `audit/export` read it, and folded into rows anew. */
const ofAll = async (engine: Engine): Promise<Whole> => {
  const client = engine.client()
  const tables = { client, tablePrefix: engine.tablePrefix }
  const history = openHistory(tables)
  const spent = countSpent(client)
  const commits = (await Array.fromAsync(history.scan())).flat()
  const replay = spent()
  await buildViews(history, openViews({ ...tables, generation: 2 }))
  return { commitCount: commits.length, replay, rebuild: spent() }
}

export const patterns = async (engine: Engine): Promise<{ patterns: readonly Pattern[]; whole: Whole }> => {
  const turned = openTurned(engine)
  await furnish(turned)
  const asked = [...(await askAll(turned)), ...(await ofWorkers(turned)), ...(await ofServers(engine))]
  return { patterns: asked, whole: await ofAll(engine) }
}
