import { expect, test } from 'vitest'
import { type Driver, expectProblem, openDriver, openLab, plan } from './driver.ts'

const attempt = { executionId: 'e-1', taskName: 'a', attempt: 1 }
const beatPath = '/v1/workers/w-1/heartbeat'

/** A lab whose worker runs task `a` of `e-1`. */
const running = async (task: object = {}): Promise<Driver> => {
  const driver = openDriver()
  await openLab(driver)
  const [first] = plan('e-1', 'a').tasks
  await driver.post('/v1/executions', { ...plan('e-1'), tasks: [{ ...first, ...task }] })
  expect((await driver.post('/v1/workers/w-1/claim', { epoch: 1 })).body).toMatchObject(attempt)
  return driver
}

const flagsOf = async ({ post }: Driver, attempts: readonly object[] = [attempt]) =>
  (await post(beatPath, { epoch: 1, attempts })).body.flags

test('a heartbeat is told when the next is due, and how long the lease lives', async () => {
  const { post } = await running()
  const beat = { epoch: 1, attempts: [{ ...attempt, progress: { percent: 10 } }] }
  const answer = await post(beatPath, beat)
  expect(answer).toMatchObject({ status: 200, body: { leaseMs: 40_000, heartbeatEveryMs: 10_000, flags: [] } })
})

test('a thousand heartbeats append nothing', async () => {
  const driver = await running()
  const before = await driver.commitCount()
  for (let n = 0; n < 1_000; n++) expect(await flagsOf(driver)).toEqual([])
  expect(await driver.commitCount()).toBe(before)
})

test('a cancel reaches the worker with its next beat, and with each until it has stopped; the grace runs meanwhile', async () => {
  const driver = await running()
  expect(await flagsOf(driver)).toEqual([])
  await driver.post('/v1/executions/e-1/cancel')
  const flag = { kind: 'cancel-attempt', ...attempt }
  expect(await flagsOf(driver)).toEqual([{ ...flag, graceMs: 60_000 }])
  driver.advance(20_000)
  expect(await flagsOf(driver)).toEqual([{ ...flag, graceMs: 40_000 }])
  await driver.post('/v1/executions/e-1/tasks/a/attempts/1/cancelled', { epoch: 1, workerId: 'w-1' })
  expect(await flagsOf(driver, [])).toEqual([])
})

test('a cancel that comes before the worker has listed its attempt reaches it too', async () => {
  const driver = await running()
  await driver.post('/v1/executions/e-1/cancel')
  expect(await flagsOf(driver, [])).toEqual([])
  expect(await flagsOf(driver)).toMatchObject([attempt])
})

test('a task that always runs goes on while its execution is cancelled', async () => {
  const driver = await running({ runs: 'always' })
  await driver.post('/v1/executions/e-1/cancel')
  expect(await flagsOf(driver)).toEqual([])
})

test('an attempt that has timed out here is to be stopped', async () => {
  const driver = await running({ timeoutMs: 1_000 })
  driver.advance(1_500)
  await driver.tick('execution', 'e-1')
  expect(await flagsOf(driver)).toEqual([{ kind: 'cancel-attempt', ...attempt, graceMs: 60_000 }])
})

test('an attempt that another session was given is to be stopped; one that nobody knows is left alone', async () => {
  const driver = await running()
  await driver.post('/v1/benches', { benchId: 'rig-2', type: 'hil' })
  await driver.put('/v1/workers/w-2')
  await driver.post('/v1/workers/w-2/sessions', { benches: ['rig-2'], agentVersion: '1' })
  const body = { epoch: 1, attempts: [attempt, { ...attempt, attempt: 2 }, { ...attempt, executionId: 'e-9' }] }
  const { flags } = (await driver.post('/v1/workers/w-2/heartbeat', body)).body
  expect(flags).toMatchObject([{ kind: 'cancel-attempt', ...attempt }])
})

test('a beat is answered though history can’t be asked what is to stop, and the next is told', async () => {
  const driver = await running()
  await driver.post('/v1/executions/e-1/cancel')
  const headOf = driver.house.headOf.bind(driver.house)
  driver.house.headOf = () => Promise.reject(new Error('the store is gone'))
  expect(await flagsOf(driver)).toEqual([])
  expect(driver.lines.filter(({ level }) => level === 'error')).toMatchObject([
    { facts: { workerId: 'w-1', count: 1 } },
  ])
  driver.house.headOf = headOf
  expect(await flagsOf(driver)).toMatchObject([attempt])
})

test('what is last heard of a worker is shown with it and its benches, but not as history', async () => {
  const driver = await running()
  driver.advance(7_000)
  await flagsOf(driver)
  const lastHeartbeatAt = driver.now()
  driver.advance(31_000)
  await driver.sweep()
  expect((await driver.get('/v1/workers/w-1')).body).toMatchObject({
    lastHeartbeatAt,
    isSilent: true,
    isDraining: false,
  })
  expect((await driver.get('/v1/workers')).body.items).toMatchObject([{ lastHeartbeatAt }])
  expect((await driver.get('/v1/benches')).body.items).toMatchObject([{ lastHeartbeatAt, connectivity: 'suspected' }])
  for (const path of ['/v1/workers/w-1', '/v1/benches/rig-1'])
    expect((await driver.get(`${path}?consistent=true`)).body).not.toHaveProperty('lastHeartbeatAt')
})

test('a lease that is gone is opened again for a session that history knows to be open, and for no other', async () => {
  const driver = await running()
  await driver.house.leases.close('default', 'w-1', 1)
  expect((await driver.post(beatPath, { epoch: 1, attempts: [attempt] })).status).toBe(200)
  expect(await driver.house.leases.get('default', 'w-1')).toMatchObject({ epoch: 1, attempts: [attempt] })
  expectProblem(await driver.post(beatPath, { epoch: 2 }), 409, 'stale-epoch')
  await driver.del('/v1/workers/w-1/sessions/1?force=true')
  expectProblem(await driver.post(beatPath, { epoch: 1 }), 409, 'stale-epoch')
  expect(await driver.house.leases.get('default', 'w-1')).toBeUndefined()
})

test('a session that is closed while its lease is opened again is not kept alive by that', async () => {
  const driver = await running()
  await driver.house.leases.close('default', 'w-1', 1)
  const reopen = driver.house.leases.reopen.bind(driver.house.leases)
  driver.house.leases.reopen = async (session) => {
    await driver.del('/v1/workers/w-1/sessions/1?force=true')
    await reopen(session)
  }
  expectProblem(await driver.post(beatPath, { epoch: 1 }), 409, 'stale-epoch')
  expect(await driver.house.leases.get('default', 'w-1')).toBeUndefined()
})
