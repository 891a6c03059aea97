import { expect, test } from 'vitest'
import { canonicalJson, sha256 } from '../../../adapters/chain.ts'
import { bench, expectProblem, openDriver, openLab, plan } from './driver.ts'

const withHistory = async () => {
  const driver = openDriver()
  await driver.post('/v1/benches', bench, {
    'x-correlation-id': 'c-1',
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    'idempotency-key': 'k-1',
  })
  for (const reason of ['a', 'b', 'c']) {
    driver.advance(1_000)
    await driver.post('/v1/benches/rig-1/maintenance', { reason })
    driver.advance(1_000)
    await driver.del('/v1/benches/rig-1/maintenance')
  }
  return driver
}

test('the events of a stream are told in order, with who and why', async () => {
  const { get } = await withHistory()
  const { items } = (await get('/v1/history/bench/rig-1')).body
  expect(items).toHaveLength(7)
  expect(items[0]).toEqual({
    eventId: 'bench/rig-1/1',
    tenant: 'default',
    stream: 'bench/rig-1',
    version: 1,
    type: 'BenchRegistered',
    schemaVersion: 1,
    data: { ...bench, setupMs: 0, teardownMs: 0, labels: {} },
    at: '2030-01-01T12:00:00.000Z',
    actor: { kind: 'user', id: 'local' },
    commandId: 'k-1',
    correlationId: 'c-1',
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  })
  const versions = async (query: string) =>
    (await get(`/v1/history/bench/rig-1?${query}`)).body.items.map(({ version }: { version: number }) => version)
  expect(await versions('from=3&to=5')).toEqual([3, 4, 5])
  expect(await versions('from=6')).toEqual([6, 7])
  expect(await versions('from=90')).toEqual([])
  const first = (await get('/v1/history/bench/rig-1?limit=3')).body
  const second = (await get(`/v1/history/bench/rig-1?limit=4&cursor=${first.nextCursor}`)).body
  expect([...first.items, ...second.items].map(({ version }) => version)).toEqual([1, 2, 3, 4, 5, 6, 7])
  expect(second).not.toHaveProperty('nextCursor')
  expectProblem(await get('/v1/history/bench/nope'), 404, 'not-found')
  expectProblem(await get('/v1/history/bench/rig-1?from=3&to=2'), 400, 'invalid-request')
  expectProblem(await get('/v1/history/bench/rig-1?cursor=v0'), 400, 'invalid-request')
})

test('a state is told as of a version or an instant', async () => {
  const { get } = await withHistory()
  const state = async (query: string) => (await get(`/v1/history/bench/rig-1/state?${query}`)).body
  expect(await state('version=2')).toMatchObject({
    stream: 'bench/rig-1',
    version: 2,
    at: '2030-01-01T12:00:01.000Z',
    state: { serviceability: 'maintenance', reason: 'a' },
  })
  expect(await state('at=2030-01-01T12:00:02.999Z')).toMatchObject({
    version: 3,
    state: { serviceability: 'in-service' },
  })
  expect(await state('at=2030-01-01T13:00:01.000%2B01:00')).toMatchObject({ version: 2 })
  expect(await state('')).toMatchObject({ version: 7 })
  expectProblem(await get('/v1/history/bench/rig-1/state?version=8'), 404, 'not-found')
  expectProblem(await get('/v1/history/bench/rig-1/state?at=2030-01-01T11:59:59.999Z'), 404, 'not-found')
  expectProblem(await get('/v1/history/bench/nope/state?version=1'), 404, 'not-found')
  expectProblem(await get('/v1/history/bench/rig-1/state?version=1&at=2030-01-01T12:00:00Z'), 400, 'invalid-request')
})

test('one event is found by its id, also in the middle of a commit', async () => {
  const driver = openDriver()
  await openLab(driver)
  await driver.post('/v1/executions', plan('e-1', 'a', 'b', 'c'))
  await driver.post('/v1/executions/e-1/cancel')
  const { items } = (await driver.get('/v1/history/execution/e-1')).body
  expect(items.map(({ type }: { type: string }) => type)).toEqual([
    'ExecutionSubmitted',
    'ExecutionCancelRequested',
    'TaskSkipped',
    'TaskSkipped',
    'TaskSkipped',
    'ExecutionFinished',
  ])
  expect((await driver.get('/v1/events/execution/e-1/4')).body).toEqual(items[3])
  expectProblem(await driver.get('/v1/events/execution/e-1/7'), 404, 'not-found')
})

test('the feed is read in pages of any size, and goes on within a commit', async () => {
  const driver = openDriver()
  await openLab(driver)
  await driver.post('/v1/executions', plan('e-1', 'a', 'b', 'c'))
  await driver.post('/v1/executions/e-1/cancel')
  const all = (await driver.get('/v1/events?limit=500')).body
  for (const limit of [1, 2, 5]) {
    const seen: unknown[] = []
    let after = ''
    for (;;) {
      const page = (await driver.get(`/v1/events?limit=${limit}${after}`)).body
      expect(page.items.length).toBeLessThanOrEqual(limit)
      seen.push(...page.items)
      after = `&after=${page.nextCursor}`
      if (page.items.length === 0) break
    }
    expect(seen).toEqual(all.items)
  }
  const ids = async (query: string) =>
    (await driver.get(`/v1/events?${query}`)).body.items.map(({ eventId }: { eventId: string }) => eventId)
  expect(await ids('type=TaskSkipped&limit=2')).toEqual(['execution/e-1/3', 'execution/e-1/4'])
  expect(await ids('kind=worker')).toEqual(['worker/w-1/1', 'worker/w-1/2'])
  expect((await driver.get(`/v1/events?after=${all.nextCursor}`)).body).toEqual({
    items: [],
    nextCursor: all.nextCursor,
  })
  for (const cursor of ['x', '-1', '1~', '~~1', '1e9', '99999999999999999999'])
    expectProblem(await driver.get(`/v1/events?after=${cursor}`), 400, 'invalid-request')
})

test('an export holds the commits of a time, one a line, each as its hash was taken', async () => {
  const { get } = await withHistory()
  const lines = async (query: string) =>
    (await get(`/v1/audit/export?${query}`)).text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line))
  const all = await lines('')
  expect(all).toHaveLength(7)
  expect(all[0]).toMatchObject({
    tenant: 'default',
    stream: 'bench/rig-1',
    version: 1,
    commandId: 'k-1',
    previousHash: null,
  })
  for (const { hash, ...commit } of all) expect(sha256(canonicalJson(commit))).toBe(hash)
  expect((await lines('from=2030-01-01T12:00:01Z&to=2030-01-01T12:00:03Z')).map(({ version }) => version)).toEqual([
    2, 3,
  ])
  expectProblem(await get('/v1/audit/export?from=2030-01-01T12:00:01Z&to=2030-01-01T12:00:01Z'), 400, 'invalid-request')
  const empty = await get('/v1/audit/export?from=2031-01-01T00:00:00Z')
  expect(empty).toMatchObject({ status: 200, text: '' })
  expect(empty.headers.get('content-type')).toBe('application/x-ndjson')
})

test('verify answers for one stream or all', async () => {
  const { get } = await withHistory()
  expect((await get('/v1/audit/verify')).body).toEqual({ ok: true, streamCount: 1, commitCount: 7, failures: [] })
  expect((await get('/v1/audit/verify?stream=bench/rig-1')).body).toMatchObject({ ok: true, streamCount: 1 })
  expectProblem(await get('/v1/audit/verify?stream=bench/nope'), 404, 'not-found')
  expectProblem(await get('/v1/audit/verify?stream=nope'), 400, 'invalid-request')
})

test('what is damaged is told by its name inside the tenant', async () => {
  const failures = [{ stream: 'default/bench/rig-1', version: 2, problem: 'hash-differs' }]
  const { get } = openDriver({ verify: async () => ({ ok: false, streamCount: 1, commitCount: 2, failures }) })
  expect((await get('/v1/audit/verify')).body).toMatchObject({
    ok: false,
    failures: [{ stream: 'bench/rig-1', version: 2 }],
  })
})
