import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { bench, type Driver, openDriver, openLab, plan } from './driver.ts'

const wait = { epoch: 1, waitMs: 5_000 }

/** A claim that is waiting. */
const waiting = async (driver: Driver, path = '/v1/workers/w-1/claim') => {
  const begun = performance.now()
  const claim = driver.post(path, wait).then((answered) => ({ answered, ms: performance.now() - begun }))
  await sleep(30)
  return claim
}

const answeredSoon = async (claim: ReturnType<typeof waiting>, taskName: string): Promise<void> => {
  const { answered, ms } = await claim
  expect(answered).toMatchObject({ status: 200, body: { taskName } })
  expect(ms).toBeLessThan(1_000)
}

test('a waiting claim wakes when something is submitted', async () => {
  const driver = openDriver()
  await openLab(driver)
  const claim = { it: waiting(driver) }
  await sleep(60)
  await driver.post('/v1/executions', plan('e-1', 'flash'))
  await answeredSoon(claim.it, 'flash')
})

test('a waiting claim wakes when a need has passed', async () => {
  const driver = openDriver()
  await openLab(driver)
  const [first, second] = plan('e-1', 'a', 'b').tasks
  await driver.post('/v1/executions', { ...plan('e-1'), tasks: [first, { ...second, needs: ['a'] }] })
  await driver.post('/v1/workers/w-1/claim', { epoch: 1 })
  const claim = { it: waiting(driver) }
  await sleep(60)
  await driver.post('/v1/executions/e-1/tasks/a/attempts/1/complete', { epoch: 1, workerId: 'w-1' })
  await answeredSoon(claim.it, 'b')
})

test('a waiting claim wakes when the window opens, and when the bench is back in service', async () => {
  const driver = openDriver()
  await openLab(driver)
  await driver.post('/v1/reservations/r-1/release')
  const start = '2030-01-01T12:00:30Z'
  await driver.post('/v1/reservations', {
    reservationId: 'r-2',
    holder: 'ann',
    benches: [{ benchId: 'rig-1' }],
    start,
    durationMs: 600_000,
  })
  await driver.post('/v1/executions', { ...plan('e-1', 'a', 'b'), reservationId: 'r-2' })
  const first = { it: waiting(driver) }
  await sleep(60)
  driver.advance(40_000)
  await driver.tick('reservation', 'r-2')
  await answeredSoon(first.it, 'a')
  await driver.post('/v1/benches/rig-1/maintenance', { reason: 'fan' })
  const second = { it: waiting(driver) }
  await sleep(60)
  await driver.del('/v1/benches/rig-1/maintenance')
  await answeredSoon(second.it, 'b')
})

test('a waiting claim wakes when a retry is due', async () => {
  const driver = openDriver()
  await openLab(driver)
  const [task] = plan('e-1', 'a').tasks
  await driver.post('/v1/executions', {
    ...plan('e-1'),
    tasks: [{ ...task, retry: { attemptCountMax: 2, backoffMs: 100 } }],
  })
  await driver.post('/v1/workers/w-1/claim', { epoch: 1 })
  await driver.post('/v1/executions/e-1/tasks/a/attempts/1/fail', { epoch: 1, workerId: 'w-1', reason: 'x' })
  expect((await driver.post('/v1/workers/w-1/claim', { epoch: 1 })).status).toBe(204)
  const claim = { it: waiting(driver) }
  await sleep(20)
  driver.advance(100)
  const { answered } = await claim.it
  expect(answered.body).toMatchObject({ taskName: 'a', attempt: 2 })
})

test('what happens on other benches wakes nobody, and a wait ends without an answer', async () => {
  const driver = openDriver()
  await openLab(driver)
  await driver.post('/v1/benches', { ...bench, benchId: 'rig-2' })
  let looks = 0
  const { views } = driver.house
  const query = views.query.bind(views)
  driver.house.views.query = (question) => {
    // The first question of each look.
    looks += question.index === 'bench_live_idx' ? 1 : 0
    return query(question)
  }
  const claim = driver.post('/v1/workers/w-1/claim', { epoch: 1, waitMs: 250 })
  await sleep(50)
  for (const reason of ['a', 'b', 'c']) {
    await driver.post('/v1/benches/rig-2/maintenance', { reason })
    await driver.del('/v1/benches/rig-2/maintenance')
  }
  expect((await claim).status).toBe(204)
  expect(looks).toBeLessThanOrEqual(2)
})

test('nobody claims for a client that has gone', async () => {
  const driver = openDriver()
  await openLab(driver)
  const client = new AbortController()
  const request = new Request('http://localhost/v1/workers/w-1/claim', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(wait),
    signal: client.signal,
  })
  const claim = Promise.resolve(driver.app.request(request))
  await sleep(40)
  client.abort()
  expect((await claim).status).toBe(204)
  await driver.post('/v1/executions', plan('e-1', 'flash'))
  expect((await driver.get('/v1/executions/e-1')).body.status).toBe('queued')
})

test('a server that stops answers who waits', async () => {
  const driver = openDriver()
  await openLab(driver)
  const claim = { it: waiting(driver) }
  await sleep(60)
  driver.app.drain()
  const { answered, ms } = await claim.it
  expect(answered.status).toBe(204)
  expect(ms).toBeLessThan(1_000)
})

test('of many that wait for one bench after another, each gets its own', async () => {
  const driver = openDriver()
  await openLab(driver)
  const claims = [1, 2, 3].map(() => driver.post('/v1/workers/w-1/claim', wait))
  await sleep(50)
  await driver.post('/v1/executions', plan('e-1', 'a', 'b', 'c'))
  const names = (await Promise.all(claims)).map(({ body }) => body.taskName as string)
  expect(names.toSorted()).toEqual(['a', 'b', 'c'])
})

test('a claim finds what was appended just before it, though the views have yet to see it', async () => {
  const driver = openDriver()
  await openLab(driver)
  const { views } = driver.house
  const caughtUp = views.caughtUp.bind(views)
  driver.holdUpViews(true)
  await driver.post('/v1/executions', plan('e-1', 'flash'))
  views.caughtUp = () => {
    driver.holdUpViews(false)
    return caughtUp()
  }
  await answeredSoon(waiting(driver), 'flash')
})

test('where claims do not wait they are answered at once, however long they ask for', async () => {
  const driver = openDriver({ limits: { artifactBytesMax: 1, claimWaitMsMax: 0 } })
  await openLab(driver)
  const { answered, ms } = await waiting(driver)
  expect(answered.status).toBe(204)
  expect(ms).toBeLessThan(1_000)
  await driver.post('/v1/executions', plan('e-1', 'flash'))
  expect((await waiting(driver)).answered).toMatchObject({ status: 200, body: { taskName: 'flash' } })
})
