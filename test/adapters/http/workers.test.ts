import { expect, test } from 'vitest'
import { bench, expectProblem, openDriver, openLab, plan } from './driver.ts'

test('a worker enrols, is found and listed', async () => {
  const { put, get } = openDriver()
  const enrolled = await put('/v1/workers/w-1', { labels: { site: 'berlin' } })
  expect(enrolled).toMatchObject({
    status: 201,
    body: { workerId: 'w-1', labels: { site: 'berlin' }, epoch: 0, version: 1 },
  })
  expect(enrolled.headers.get('location')).toBe('/v1/workers/w-1')
  expect((await put('/v1/workers/w-1', { labels: { site: 'berlin' } })).status).toBe(200)
  expect((await put('/v1/workers/w-1')).body.labels).toEqual({})
  expect((await get('/v1/workers/w-1')).body).toMatchObject({ workerId: 'w-1', version: 2 })
  expect((await get('/v1/workers/w-1?consistent=true')).body.version).toBe(2)
  expect((await get('/v1/workers')).body.items).toHaveLength(1)
  expectProblem(await get('/v1/workers/nope'), 404, 'not-found')
})

test('a session opens with its lease, and a second one supersedes it', async () => {
  const { put, post, get, del, house } = openDriver()
  await post('/v1/benches', bench)
  await put('/v1/workers/w-1')
  const asked = { benches: ['rig-1'], agentVersion: '1.0' }
  const first = await post('/v1/workers/w-1/sessions', asked, { 'idempotency-key': 's-1' })
  expect(first).toMatchObject({ status: 201, body: { epoch: 1, leaseMs: 40_000, heartbeatEveryMs: 10_000 } })
  expect(first.headers.get('location')).toBe('/v1/workers/w-1/sessions/1')
  expect((await post('/v1/workers/w-1/sessions', asked, { 'idempotency-key': 's-1' })).text).toBe(first.text)
  expect((await get('/v1/benches/rig-1')).body).toMatchObject({
    connectivity: 'online',
    workerId: 'w-1',
    epoch: 1,
    lastHeartbeatAt: '2030-01-01T12:00:00.000Z',
  })
  expect((await get('/v1/benches/rig-1?consistent=true')).body).not.toHaveProperty('lastHeartbeatAt')
  expect((await post('/v1/workers/w-1/sessions', asked)).body.epoch).toBe(2)
  expectProblem(await post('/v1/workers/w-1/heartbeat', { epoch: 1 }), 409, 'stale-epoch')
  expectProblem(await post('/v1/workers/w-1/claim', { epoch: 1 }), 409, 'stale-epoch')
  expectProblem(await del('/v1/workers/w-1/sessions/1'), 409, 'stale-epoch')
  const closed = await del('/v1/workers/w-1/sessions/2?force=true')
  expect(closed.status).toBe(200)
  expect(closed.body).not.toHaveProperty('session')
  expect(await house.leases.get('default', 'w-1')).toBeUndefined()
  expectProblem(await post('/v1/workers/w-1/heartbeat', { epoch: 2 }), 409, 'stale-epoch')
})

test('a late retry of a superseded session does not take the lease back', async () => {
  const { put, post, house } = openDriver()
  await post('/v1/benches', bench)
  await put('/v1/workers/w-1')
  const asked = { benches: ['rig-1'], agentVersion: '1.0' }
  await post('/v1/workers/w-1/sessions', asked, { 'idempotency-key': 's-1' })
  await post('/v1/workers/w-1/sessions', asked, { 'idempotency-key': 's-2' })
  expect((await post('/v1/workers/w-1/sessions', asked, { 'idempotency-key': 's-1' })).body.epoch).toBe(1)
  expect(await house.leases.get('default', 'w-1')).toMatchObject({ epoch: 2 })
})

test('who is not there is a 404; a bench that is not there is a conflict', async () => {
  const { post, put, del } = openDriver()
  const asked = { benches: ['rig-1'], agentVersion: '1' }
  expectProblem(await post('/v1/workers/nope/sessions', asked), 404, 'not-found')
  expectProblem(await post('/v1/workers/nope/heartbeat', { epoch: 1 }), 404, 'not-found')
  expectProblem(await post('/v1/workers/nope/claim', { epoch: 1 }), 404, 'not-found')
  expectProblem(await del('/v1/workers/nope/sessions/1'), 404, 'not-found')
  await put('/v1/workers/w-1')
  expectProblem(await post('/v1/workers/w-1/sessions', asked), 409, 'bench-unknown')
})

test('a bench is served by one worker alone', async () => {
  const driver = openDriver()
  await openLab(driver)
  await driver.put('/v1/workers/w-2')
  const second = await driver.post('/v1/workers/w-2/sessions', { benches: ['rig-1'], agentVersion: '1' })
  expectProblem(second, 409, 'bench-already-served')
  expect(second.body).toMatchObject({ workerId: 'w-1', epoch: 1 })
})

test('a claim answers all that is needed to run the task, or nothing', async () => {
  const driver = openDriver()
  await openLab(driver)
  const empty = await driver.post('/v1/workers/w-1/claim', { epoch: 1 })
  expect(empty).toMatchObject({ status: 204, text: '' })
  await driver.post('/v1/executions', { ...plan('e-1', 'flash'), commitSha: 'abc', parameters: { volts: 12 } })
  expect((await driver.post('/v1/workers/w-1/claim', { epoch: 1 })).body).toEqual({
    executionId: 'e-1',
    taskName: 'flash',
    attempt: 1,
    benchId: 'rig-1',
    run: { command: 'echo flash' },
    phase: 'test',
    parameters: { volts: 12 },
    commitSha: 'abc',
    timeoutMs: 3_600_000,
  })
  expect((await driver.post('/v1/workers/w-1/claim', { epoch: 1 })).status).toBe(204)
})

test('a claim whose answer was lost is answered the same again, by its key', async () => {
  const driver = openDriver()
  await openLab(driver)
  await driver.post('/v1/executions', plan('e-1', 'a', 'b'))
  const key = { 'idempotency-key': 'claim-1' }
  const first = await driver.post('/v1/workers/w-1/claim', { epoch: 1 }, key)
  const again = await driver.post('/v1/workers/w-1/claim', { epoch: 1 }, key)
  expect(again.text).toBe(first.text)
  expect(again.headers.get('idempotent-replayed')).toBe('true')
  expect(
    (await driver.post('/v1/workers/w-1/claim', { epoch: 1 }, { 'idempotency-key': 'claim-2' })).body.taskName,
  ).toBe('b')
})

test('a candidate that the truth refuses does not keep a claim from the next', async () => {
  const driver = openDriver()
  await openLab(driver)
  await driver.post('/v1/executions', plan('e-1', 'a'))
  await driver.post('/v1/executions', plan('e-2', 'b'))
  await driver.get('/v1/executions')
  driver.holdUpViews(true)
  await driver.post('/v1/executions/e-1/cancel')
  expect((await driver.post('/v1/workers/w-1/claim', { epoch: 1 })).body).toMatchObject({
    executionId: 'e-2',
    taskName: 'b',
  })
})

test('an execution whose reservation is not active yet is left alone', async () => {
  const driver = openDriver()
  await openLab(driver)
  const start = '2030-01-02T00:00:00Z'
  await driver.post('/v1/reservations', {
    reservationId: 'r-2',
    holder: 'ann',
    benches: [{ benchId: 'rig-1' }],
    start,
    durationMs: 60_000,
  })
  await driver.post('/v1/executions', { ...plan('e-1', 'a'), reservationId: 'r-2' })
  expect((await driver.post('/v1/workers/w-1/claim', { epoch: 1 })).status).toBe(204)
})
