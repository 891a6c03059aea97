import { describe, expect, test } from 'vitest'
import { type Driver, expectProblem, openDriver, openLab, plan } from './driver.ts'

const attemptPath = '/v1/executions/e-1/tasks/a/attempts/1'
const by = (epoch: number) => ({ epoch, workerId: 'w-1' })

const running = async (): Promise<Driver> => {
  const driver = openDriver()
  await openLab(driver)
  await driver.post('/v1/executions', plan('e-1', 'a'))
  expect((await driver.post('/v1/workers/w-1/claim', { epoch: 1 })).status).toBe(200)
  return driver
}

const reports = [
  ['complete', `${attemptPath}/complete`, by(1)],
  ['fail', `${attemptPath}/fail`, { ...by(1), reason: 'x' }],
  ['cancelled', `${attemptPath}/cancelled`, by(1)],
] as const
const others = [
  ['a log', `${attemptPath}/log`, { ...by(1), offset: 0, text: 'late' }],
  ['a claim', '/v1/workers/w-1/claim', { epoch: 1 }],
  ['a heartbeat', '/v1/workers/w-1/heartbeat', { epoch: 1 }],
] as const

const evidence = async ({ get }: Driver) =>
  ((await get('/v1/history/execution/e-1')).body.items as { type: string; data: object }[])
    .filter(({ type }) => type === 'AttemptReportRejected')
    .map(({ data }) => data)

/** The ways in which a session can be over for the server while its worker goes on. */
const ends: readonly (readonly [string, (driver: Driver) => Promise<unknown>])[] = [
  ['superseded', ({ post }) => post('/v1/workers/w-1/sessions', { benches: ['rig-1'], agentVersion: '1' })],
  ['closed by force', ({ del }) => del('/v1/workers/w-1/sessions/1?force=true')],
  [
    'fenced, which history does not know yet',
    async ({ house, leaseStore, now }) => {
      const seen = await house.leases.get('default', 'w-1')
      expect(seen && (await leaseStore.mark(seen, now()))).toBe(true)
    },
  ],
  [
    'lost',
    async ({ advance, sweep }) => {
      advance(41_000)
      await sweep()
    },
  ],
]

describe.each(ends)('of a session that is %s', (_, end) => {
  test.each(reports)('the report %s is refused, and kept as evidence', async (report, path, body) => {
    const driver = await running()
    await end(driver)
    expectProblem(await driver.post(path, body), 409, 'stale-epoch')
    expect(await evidence(driver)).toMatchObject([{ report, rejection: 'StaleEpoch', workerId: 'w-1', epoch: 1 }])
  })

  test.each(others)('%s is refused', async (_name, path, body) => {
    const driver = await running()
    await end(driver)
    expectProblem(await driver.post(path, body), 409, 'stale-epoch')
    expect((await driver.get('/v1/executions/e-1/log?taskName=a')).text).toBe('')
  })
})

test.each(others)('%s of a session that was superseded is told the newest', async (_, path, body) => {
  const driver = await running()
  await driver.post('/v1/workers/w-1/sessions', { benches: ['rig-1'], agentVersion: '1' })
  const answer = await driver.post(path, body)
  expect(answer.body).toMatchObject({ code: 'stale-epoch', epoch: 2, detail: expect.stringContaining('newest is 2') })
})

test('who is lost leaves a bench that is lost, with the session’s end in history', async () => {
  const driver = await running()
  driver.advance(41_000)
  await driver.sweep()
  const { items } = (await driver.get('/v1/history/worker/w-1')).body
  expect(items.at(-1)).toMatchObject({ type: 'WorkerSessionExpired', data: { epoch: 1 } })
  expect((await driver.get('/v1/workers/w-1')).body).not.toHaveProperty('session')
})

describe('a session that is to drain while it runs something', () => {
  const draining = async (): Promise<Driver> => {
    const driver = await running()
    await driver.post('/v1/executions', plan('e-2', 'b'))
    expectProblem(await driver.del('/v1/workers/w-1/sessions/1'), 409, 'attempts-running')
    return driver
  }

  test('is told with every beat, once each', async () => {
    const driver = await draining()
    await driver.del('/v1/workers/w-1/sessions/1')
    for (let n = 0; n < 2; n++)
      expect((await driver.post('/v1/workers/w-1/heartbeat', { epoch: 1 })).body.flags).toEqual([{ kind: 'drain' }])
    expect((await driver.get('/v1/workers/w-1')).body).toMatchObject({ isDraining: true })
  })

  test('is told too when its lease is not there yet, as after a restart of the server', async () => {
    const driver = await running()
    await driver.leaseStore.close('default', 'w-1', 1)
    expectProblem(await driver.del('/v1/workers/w-1/sessions/1'), 409, 'attempts-running')
    const { body } = await driver.post('/v1/workers/w-1/heartbeat', { epoch: 1 })
    expect(body.flags).toEqual([{ kind: 'drain' }])
  })

  test('is given nothing more, and may finish what it runs', async () => {
    const driver = await draining()
    expect((await driver.post(`${attemptPath}/complete`, by(1))).status).toBe(200)
    expect((await driver.post('/v1/workers/w-1/claim', { epoch: 1, waitMs: 50 })).status).toBe(204)
    expect((await driver.del('/v1/workers/w-1/sessions/1')).status).toBe(200)
    await driver.post('/v1/workers/w-1/sessions', { benches: ['rig-1'], agentVersion: '1' })
    expect((await driver.post('/v1/workers/w-1/claim', { epoch: 2 })).body).toMatchObject({ executionId: 'e-2' })
  })

  test('is told to drain while it waits for a task, and is given none', async () => {
    const driver = await running()
    const claim = driver.post('/v1/workers/w-1/claim', { epoch: 1, waitMs: 400 })
    await driver.del('/v1/workers/w-1/sessions/1')
    await driver.post(`${attemptPath}/complete`, by(1))
    await driver.post('/v1/executions', plan('e-2', 'b'))
    expect((await claim).status).toBe(204)
  })

  test('when another session drains already is not told', async () => {
    const driver = await running()
    expectProblem(await driver.del('/v1/workers/w-1/sessions/7'), 409, 'attempts-running')
    expect((await driver.post('/v1/workers/w-1/heartbeat', { epoch: 1 })).body.flags).toEqual([])
  })
})

test('the freeze of losses is shown and lifted', async () => {
  const driver = openDriver()
  for (let n = 0; n < 5; n++) {
    await driver.post('/v1/benches', { benchId: `rig-${n}`, type: 'hil' })
    await driver.put(`/v1/workers/w-${n}`)
    await driver.post(`/v1/workers/w-${n}/sessions`, { benches: [`rig-${n}`], agentVersion: '1' })
  }
  await driver.sweep()
  expect((await driver.get('/v1/loss-freeze')).body).toEqual({ frozen: false, silentCount: 0, workerCount: 5 })
  driver.advance(41_000)
  await driver.sweep()
  const frozen = {
    frozen: true,
    since: driver.now(),
    until: '2030-01-01T12:10:41.000Z',
    silentCount: 5,
    workerCount: 5,
  }
  expect((await driver.get('/v1/loss-freeze')).body).toEqual(frozen)
  expect((await driver.get('/v1/workers/w-1')).body).toHaveProperty('session')
  expect((await driver.del('/v1/loss-freeze')).body).toMatchObject({ frozen: false })
  await driver.sweep()
  expect((await driver.get('/v1/workers/w-1')).body).not.toHaveProperty('session')
})
