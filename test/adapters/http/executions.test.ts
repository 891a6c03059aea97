import { expect, test } from 'vitest'
import { expectProblem, openDriver, openLab, plan } from './driver.ts'

const at = '2030-01-01T12:00:00.000Z'
const ours = { epoch: 1, workerId: 'w-1' }

test('an execution is submitted, and shown with its tasks', async () => {
  const driver = openDriver()
  await openLab(driver)
  const made = await driver.post('/v1/executions', {
    ...plan('e-1', 'flash', 'drive'),
    commitSha: 'abc',
    parameters: { volts: 12 },
  })
  expect(made.status).toBe(201)
  const task = { phase: 'test', bench: 0, status: 'ready', needs: [], runs: 'on-success', attempts: [] }
  expect(made.body).toEqual({
    executionId: 'e-1',
    reservationId: 'r-1',
    benchIds: ['rig-1'],
    status: 'queued',
    submittedAt: at,
    version: 1,
    commitSha: 'abc',
    parameters: { volts: 12 },
    tasks: [
      { name: 'flash', ...task },
      { name: 'drive', ...task },
    ],
  })
  expect((await driver.get('/v1/executions/e-1')).text).toBe(made.text)
  expect((await driver.get('/v1/executions/e-1?consistent=true')).text).toBe(made.text)
  expect((await driver.get('/v1/executions/e-1/tasks')).body.items).toEqual(made.body.tasks)
  expectProblem(await driver.get('/v1/executions/nope'), 404, 'not-found')
  expectProblem(await driver.get('/v1/executions/nope/tasks'), 404, 'not-found')
})

test('a plan that is none is an invalid request, with its paths', async () => {
  const driver = openDriver()
  await openLab(driver)
  const tasks = [
    { name: 'a', run: 1, needs: ['b'] },
    { name: 'b', run: 1, needs: ['a'] },
  ]
  const circle = await driver.post('/v1/executions', { reservationId: 'r-1', tasks })
  expectProblem(circle, 400, 'invalid-request')
  expect(circle.body.errors).toEqual([{ path: 'tasks', message: 'the needs go in a circle: a → b → a' }])
  expectProblem(
    await driver.post('/v1/executions', { ...plan('e-1', 'a'), reservationId: 'nope' }),
    409,
    'reservation-unknown',
  )
  expectProblem(await driver.post('/v1/executions/nope/cancel'), 404, 'not-found')
})

test('its worker reports: the answer is the execution as it is then', async () => {
  const driver = openDriver()
  await openLab(driver)
  await driver.post('/v1/executions', plan('e-1', 'flash', 'drive'))
  const claim = { epoch: 1 }
  expect((await driver.post('/v1/workers/w-1/claim', claim)).body).toMatchObject({ taskName: 'flash', attempt: 1 })
  expect((await driver.post('/v1/workers/w-1/claim', claim)).body).toMatchObject({ taskName: 'drive', attempt: 1 })
  const report = { ...ours, result: { ok: true } }
  const passed = await driver.post('/v1/executions/e-1/tasks/flash/attempts/1/complete', report, {
    'idempotency-key': 'c-1',
  })
  expect(passed).toMatchObject({ status: 200, body: { status: 'running' } })
  expect(passed.body.tasks[0].attempts).toEqual([
    {
      attempt: 1,
      status: 'passed',
      ...ours,
      benchId: 'rig-1',
      startedAt: at,
      endedAt: at,
      result: { ok: true },
      artifacts: [],
    },
  ])
  const failed = await driver.post('/v1/executions/e-1/tasks/drive/attempts/1/fail', { ...ours, reason: 'stalled' })
  expect(failed.body).toMatchObject({ status: 'finished', verdict: 'failed', finishedAt: at })
  expect(failed.body.tasks[1].attempts[0]).toMatchObject({ status: 'failed', reason: 'stalled' })
  const again = await driver.post('/v1/executions/e-1/tasks/flash/attempts/1/complete', report, {
    'idempotency-key': 'c-1',
  })
  expect(again.text).toBe(passed.text)
  expect(again.headers.get('idempotent-replayed')).toBe('true')
  expect((await driver.get('/v1/executions/e-1?consistent=true')).text).toBe(failed.text)
})

test('a stale report is refused, and kept as evidence', async () => {
  const driver = openDriver()
  await openLab(driver)
  await driver.post('/v1/executions', plan('e-1', 'flash'))
  await driver.post('/v1/workers/w-1/claim', { epoch: 1 })
  const path = '/v1/executions/e-1/tasks/flash/attempts'
  expectProblem(await driver.post(`${path}/1/complete`, { ...ours, epoch: 9 }), 409, 'stale-epoch')
  expectProblem(await driver.post(`${path}/2/complete`, ours), 409, 'stale-attempt')
  expectProblem(await driver.post(`${path}/2/cancelled`, ours), 409, 'stale-attempt')
  const events = (await driver.get('/v1/history/execution/e-1')).body.items as { type: string }[]
  expect(events.filter(({ type }) => type === 'AttemptReportRejected')).toHaveLength(3)
})

test('a cancelled execution skips what waits; its worker hears of it with the next beat, and says when it has stopped', async () => {
  const driver = openDriver()
  await openLab(driver)
  await driver.post('/v1/executions', plan('e-1', 'flash', 'drive'))
  await driver.post('/v1/workers/w-1/claim', { epoch: 1 })
  const beat = { epoch: 1, attempts: [{ executionId: 'e-1', taskName: 'flash', attempt: 1 }] }
  expect((await driver.post('/v1/workers/w-1/heartbeat', beat)).body.flags).toEqual([])
  expect((await driver.post('/v1/executions/e-1/cancel', { reason: 'enough' })).body).toMatchObject({
    status: 'cancelling',
  })
  const flag = { kind: 'cancel-attempt', executionId: 'e-1', taskName: 'flash', attempt: 1, graceMs: 60_000 }
  expect((await driver.post('/v1/workers/w-1/heartbeat', beat)).body.flags).toEqual([flag])
  const stopped = await driver.post('/v1/executions/e-1/tasks/flash/attempts/1/cancelled', ours)
  expect(stopped.body).toMatchObject({ status: 'finished', verdict: 'cancelled' })
})

test('executions are listed by reservation, bench and status, newest first', async () => {
  const driver = openDriver()
  await openLab(driver)
  for (const id of ['e-1', 'e-2', 'e-3']) {
    await driver.post('/v1/executions', plan(id, 'flash'))
    driver.advance(1_000)
  }
  await driver.post('/v1/executions/e-2/cancel')
  const ids = async (query: string) =>
    ((await driver.get(`/v1/executions?${query}`)).body.items as { executionId: string }[]).map(
      ({ executionId }) => executionId,
    )
  expect(await ids('')).toEqual(['e-3', 'e-2', 'e-1'])
  expect(await ids('reservationId=r-1&status=queued')).toEqual(['e-3', 'e-1'])
  expect(await ids('benchId=rig-1&limit=1')).toEqual(['e-3'])
  expect(await ids('status=finished')).toEqual(['e-2'])
  expect(await ids('reservationId=other')).toEqual([])
})
