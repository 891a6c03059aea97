import { expect, test } from 'vitest'
import { bench, expectProblem, openDriver } from './driver.ts'

test('a bench is registered once: 201 with its place, then 200 for the same, 409 for another', async () => {
  const { post, commitCount } = openDriver()
  const first = await post('/v1/benches', bench)
  expect(first.status).toBe(201)
  expect(first.headers.get('location')).toBe('/v1/benches/rig-1')
  expect(first.headers.get('etag')).toBe('"1"')
  expect(first.body).toEqual({
    ...bench,
    setupMs: 0,
    teardownMs: 0,
    labels: {},
    serviceability: 'in-service',
    connectivity: 'never-connected',
    occupancy: 'free',
    descriptionVersion: 1,
    version: 1,
  })
  const again = await post('/v1/benches', bench)
  expect(again).toMatchObject({ status: 200, text: first.text })
  expect(again.headers.get('location')).toBeNull()
  expectProblem(await post('/v1/benches', { ...bench, type: 'sil' }), 409, 'bench-already-registered')
  expect(await commitCount()).toBe(1)
})

test('a bench is found, from the view or from history, and is a 404 when there is none', async () => {
  const { get, post, holdUpViews } = openDriver()
  await post('/v1/benches', bench)
  holdUpViews(true)
  expect((await get('/v1/benches/rig-1')).body).toMatchObject({ benchId: 'rig-1', version: 1 })
  expect((await get('/v1/benches/rig-1?consistent=true')).body).toMatchObject({ version: 1 })
  expectProblem(await get('/v1/benches?consistent=true'), 503, 'view-behind')
  expectProblem(await get('/v1/benches/rig-9'), 404, 'not-found')
})

test('minVersion waits for the view, and says when it is behind', async () => {
  const { get, post, patch, holdUpViews } = openDriver()
  await post('/v1/benches', bench)
  expect((await get('/v1/benches/rig-1?minVersion=1')).status).toBe(200)
  holdUpViews(true)
  await patch('/v1/benches/rig-1', { name: 'Rig One' })
  const behind = await get('/v1/benches/rig-1?minVersion=2')
  expectProblem(behind, 503, 'view-behind')
  expect(behind.headers.get('retry-after')).toBe('1')
})

test('a description is changed under If-Match, which bookings do not spoil', async () => {
  const { post, patch } = openDriver()
  await post('/v1/benches', bench)
  await post('/v1/reservations', { holder: 'ann', benches: [{ benchId: 'rig-1' }], durationMs: 60_000 })
  const changed = await patch('/v1/benches/rig-1', { name: 'Rig One' }, { 'if-match': '"1"' })
  expect(changed).toMatchObject({ status: 200, body: { name: 'Rig One', descriptionVersion: 3, version: 3 } })
  expect(changed.headers.get('etag')).toBe('"3"')
  const late = await patch('/v1/benches/rig-1', { name: 'Mine' }, { 'if-match': '"1"' })
  expectProblem(late, 412, 'version-mismatch')
  expect(late.body.version).toBe(3)
  expect((await patch('/v1/benches/rig-1', { name: null })).body).not.toHaveProperty('name')
})

test('serviceability goes its ways, with the bench in every answer', async () => {
  const { post, del } = openDriver()
  await post('/v1/benches', bench)
  expect((await post('/v1/benches/rig-1/maintenance', { reason: 'fan' })).body.serviceability).toBe('maintenance')
  expect((await del('/v1/benches/rig-1/maintenance')).body.serviceability).toBe('in-service')
  expect((await post('/v1/benches/rig-1/quarantine', { reason: 'flaky' })).body.serviceability).toBe('quarantined')
  expectProblem(await del('/v1/benches/rig-1/maintenance'), 409, 'bench-serviceability-conflict')
  expect((await del('/v1/benches/rig-1/quarantine')).body.serviceability).toBe('in-service')
  expect((await post('/v1/benches/rig-1/retire')).body.serviceability).toBe('retired')
  expectProblem(await post('/v1/benches/rig-1/maintenance', { reason: 'x' }), 409, 'bench-retired')
  expectProblem(await post('/v1/benches/nope/maintenance', { reason: 'x' }), 404, 'not-found')
})

test('retiring a held bench names what holds it, unless forced', async () => {
  const { post } = openDriver()
  await post('/v1/benches', bench)
  await post('/v1/reservations', {
    reservationId: 'r-1',
    holder: 'ann',
    benches: [{ benchId: 'rig-1' }],
    durationMs: 60_000,
  })
  const refused = await post('/v1/benches/rig-1/retire', {})
  expectProblem(refused, 409, 'intervals-held')
  expect(refused.body).toMatchObject({ reservationIds: ['r-1'], reservationCount: 1 })
  expect((await post('/v1/benches/rig-1/retire', { force: true })).status).toBe(200)
})

test('benches are listed by query, type and state, in pages', async () => {
  const { get, post } = openDriver()
  for (let number = 10; number < 20; number++) {
    const capabilities = number % 2 === 0 ? ['can-fd', `psu.channels=${number}`] : ['lin']
    await post('/v1/benches', { benchId: `rig-${number}`, type: number < 15 ? 'hil' : 'sil', capabilities })
  }
  const ids = async (query: string) =>
    ((await get(`/v1/benches?${query}`)).body.items as { benchId: string }[]).map(({ benchId }) => benchId)
  expect(await ids('query=can-fd&query=psu.channels%3E%3D14')).toEqual(['rig-14', 'rig-16', 'rig-18'])
  expect(await ids('query=!lin&type=hil')).toEqual(['rig-10', 'rig-12', 'rig-14'])
  expect(await ids('type=sil&connectivity=never-connected')).toEqual(['rig-15', 'rig-16', 'rig-17', 'rig-18', 'rig-19'])
  expect(await ids('serviceability=maintenance')).toEqual([])
  const first = (await get('/v1/benches?query=lin&limit=2')).body
  expect(first.items).toHaveLength(2)
  const second = (await get(`/v1/benches?query=lin&limit=2&cursor=${first.nextCursor}`)).body
  const third = (await get(`/v1/benches?query=lin&limit=2&cursor=${second.nextCursor}`)).body
  expect([...first.items, ...second.items, ...third.items].map(({ benchId }: { benchId: string }) => benchId)).toEqual(
    await ids('query=lin'),
  )
  expect(third).not.toHaveProperty('nextCursor')
  expectProblem(await get(`/v1/benches?query=can-fd&limit=2&cursor=${first.nextCursor}`), 400, 'invalid-request')
})

test('a page over a filter that skips rows goes on where it stopped', async () => {
  const { get, post } = openDriver()
  for (let number = 10; number < 30; number++)
    await post('/v1/benches', { benchId: `rig-${number}`, type: 'hil', capabilities: number % 3 === 0 ? ['x'] : [] })
  const seen: string[] = []
  let cursor = ''
  do {
    const page = (await get(`/v1/benches?type=hil&query=!y&query=!x&limit=3${cursor}`)).body
    seen.push(...page.items.map(({ benchId }: { benchId: string }) => benchId))
    cursor = page.nextCursor === undefined ? '' : `&cursor=${page.nextCursor}`
  } while (cursor !== '')
  expect(seen).toEqual(
    Array.from({ length: 20 }, (_, index) => index + 10)
      .filter((number) => number % 3 !== 0)
      .map((number) => `rig-${number}`),
  )
})

test('a calendar shows what holds the bench in a window, with its buffers', async () => {
  const { get, post } = openDriver()
  await post('/v1/benches', { ...bench, setupMs: 60_000, teardownMs: 30_000 })
  const start = '2030-01-02T00:00:00.000Z'
  await post('/v1/reservations', {
    reservationId: 'r-1',
    holder: 'ann',
    benches: [{ benchId: 'rig-1' }],
    start,
    durationMs: 3_600_000,
  })
  const item = {
    start,
    end: '2030-01-02T01:00:00.000Z',
    heldFrom: '2030-01-01T23:59:00.000Z',
    heldUntil: '2030-01-02T01:00:30.000Z',
    reservationId: 'r-1',
    holder: 'ann',
  }
  expect((await get('/v1/benches/rig-1/calendar')).body).toEqual({ items: [item] })
  expect((await get('/v1/benches/rig-1/calendar?consistent=true&from=2030-01-02T01:00:10Z')).body.items).toEqual([item])
  expect((await get('/v1/benches/rig-1/calendar?from=2030-01-02T01:00:30Z')).body.items).toEqual([])
  expect((await get('/v1/benches/rig-1/calendar?to=2030-01-01T23:59:00Z')).body.items).toEqual([])
  expectProblem(
    await get('/v1/benches/rig-1/calendar?from=2030-01-02T00:00:00Z&to=2030-01-02T00:00:00Z'),
    400,
    'invalid-request',
  )
  expectProblem(await get('/v1/benches/nope/calendar'), 404, 'not-found')
})

test('availability is ranked: soonest, then least capable, then by id', async () => {
  const { get, post } = openDriver()
  await post('/v1/benches', { benchId: 'rich', type: 'hil', capabilities: ['can-fd', 'lin'] })
  await post('/v1/benches', { benchId: 'plain-b', type: 'hil', capabilities: ['can-fd'] })
  await post('/v1/benches', { benchId: 'plain-a', type: 'hil', capabilities: ['can-fd'] })
  await post('/v1/benches', { benchId: 'broken', type: 'hil', capabilities: ['can-fd'] })
  await post('/v1/benches/broken/maintenance', { reason: 'fan' })
  await post('/v1/reservations', { holder: 'ann', benches: [{ benchId: 'plain-a' }], durationMs: 3_600_000 })
  const { items } = (await get('/v1/availability?query=can-fd&durationMs=60000')).body
  expect(items.map(({ benchId }: { benchId: string }) => benchId)).toEqual(['plain-b', 'rich', 'plain-a'])
  expect(items[2]).toEqual({ benchId: 'plain-a', start: '2030-01-01T13:00:00.000Z', end: '2030-01-01T13:01:00.000Z' })
  const soon = (await get('/v1/availability?query=can-fd&durationMs=60000&to=2030-01-01T12:30:00Z&limit=1')).body
  expect(soon.items).toEqual([
    { benchId: 'plain-b', start: '2030-01-01T12:00:00.000Z', end: '2030-01-01T12:01:00.000Z' },
  ])
})
