import { expect, test } from 'vitest'
import { bench, type Driver, openDriver, openLab, plan } from './driver.ts'

const claim = (driver: Driver) => driver.post('/v1/workers/w-1/claim', { epoch: 1 })
const many = (id: string, count: number, more: object = {}) => {
  const names = Array.from({ length: count }, (_, n) => `t${n}`)
  return { ...plan(id, ...names), tasks: plan(id, ...names).tasks.map((task) => ({ ...task, ...more })) }
}

/** Questions to the views, and claims that were tried, from here on. */
const counted = ({ house }: Driver) => {
  const counts = { questions: 0, rows: 0, tries: 0 }
  const query = house.views.query.bind(house.views)
  const row = house.views.row.bind(house.views)
  const submit = house.submit.bind(house)
  house.views.query = async (question) => {
    const page = await query(question)
    counts.questions += 1
    counts.rows += page.rows.length
    return page
  }
  house.views.row = (...asked) => {
    counts.questions += 1
    return row(...asked)
  }
  house.submit = (request) => {
    counts.tries += request.type === 'ClaimTask' ? 1 : 0
    return submit(request)
  }
  return counts
}

test('a claim looks at no more for a plan of a thousand tasks than for one of thirty', async () => {
  const looked = async (count: number) => {
    const driver = openDriver()
    await openLab(driver)
    await driver.post('/v1/executions', many('e-1', count))
    await claim(driver)
    const counts = counted(driver)
    expect((await claim(driver)).body).toMatchObject({ taskName: 't1' })
    return counts
  }
  const few = await looked(30)
  expect(await looked(1_000)).toEqual(few)
  expect(few).toMatchObject({ tries: 1 })
  expect(few.rows).toBeLessThanOrEqual(21)
})

test('older executions come first, then the order of the plan', async () => {
  const driver = openDriver()
  await openLab(driver)
  for (const id of ['e-2', 'e-1']) {
    await driver.post('/v1/executions', plan(id, 'z', 'a'))
    driver.advance(1_000)
  }
  const claimed: string[] = []
  for (let n = 0; n < 4; n++) {
    const { body } = await claim(driver)
    if (body === undefined) {
      await driver.post('/v1/executions/e-2/cancel')
      for (const task of ['z', 'a'])
        await driver.post(`/v1/executions/e-2/tasks/${task}/attempts/1/cancelled`, { epoch: 1, workerId: 'w-1' })
      continue
    }
    claimed.push(`${body.executionId} ${body.taskName}`)
  }
  claimed.push(`${(await claim(driver)).body.taskName}`)
  expect(claimed).toEqual(['e-2 z', 'e-2 a', 'e-1 z', 'a'])
})

test('executions whose windows are not open are not even tried, however many wait', async () => {
  const driver = openDriver()
  await openLab(driver)
  const later = { holder: 'ann', benches: [{ benchId: 'rig-1' }], durationMs: 600_000 }
  for (const [n, reservationId] of ['r-10', 'r-0', 'r-2'].entries())
    await driver.post('/v1/reservations', { ...later, reservationId, start: `2030-01-02T0${n}:00:00Z` })
  for (const reservationId of ['r-10', 'r-0', 'r-2'])
    await driver.post('/v1/executions', { ...many(`early-${reservationId}`, 40), reservationId })
  const counts = counted(driver)
  expect((await claim(driver)).status).toBe(204)
  expect(counts).toMatchObject({ tries: 0, rows: 0 })
  driver.advance(1_000)
  await driver.post('/v1/executions', plan('e-1', 'flash'))
  expect((await claim(driver)).body).toMatchObject({ executionId: 'e-1' })
  expect(counts.tries).toBe(1)
})

test('while an execution is on the bench, the others are passed over without a try, each at a stride', async () => {
  const driver = openDriver()
  await openLab(driver)
  for (let n = 0; n < 10; n++) {
    await driver.post('/v1/executions', many(`e-${n}`, n === 9 ? 2 : 100, n === 0 ? { needs: [] } : {}))
    driver.advance(1_000)
  }
  // The youngest is on the bench, as it is after its first claim.
  const { house } = driver
  const headOf = house.headOf.bind(house)
  house.headOf = async (...asked) => {
    const head = await headOf(...asked)
    if (asked[1] !== 'bench') return head
    return { ...head, state: { ...(head.state as object), occupant: { executionId: 'e-9', reservationId: 'r-1' } } }
  }
  const counts = counted(driver)
  expect((await claim(driver)).body).toMatchObject({ executionId: 'e-9', taskName: 't0' })
  expect(counts.tries).toBe(1)
  expect(counts.questions).toBeLessThan(40)
})

test('who finds the first pages gone goes on to the next: the views may be behind', async () => {
  const driver = openDriver()
  await openLab(driver)
  await driver.post('/v1/executions', many('e-1', 60))
  await driver.get('/v1/executions/e-1')
  driver.holdUpViews(true)
  const names: string[] = []
  for (let n = 0; n < 50; n++) names.push((await claim(driver)).body.taskName as string)
  expect(names).toEqual(Array.from({ length: 50 }, (_, n) => `t${n}`))
})

test('what this process knows to be gone is not even tried, though the views still have it', async () => {
  const driver = openDriver()
  await openLab(driver)
  await driver.post('/v1/executions', many('e-1', 30))
  await driver.get('/v1/executions/e-1')
  driver.holdUpViews(true)
  const { house } = driver
  for (let n = 0; n < 25; n++) {
    const head = await house.headOf('default', 'execution', 'e-1')
    house.knownHead = (_, kind) => (kind === 'execution' ? head : undefined)
    const counts = counted(driver)
    expect((await claim(driver)).body.taskName).toBe(`t${n}`)
    expect(counts.tries).toBe(1)
  }
  // What it remembers may be behind as well: then the views are believed.
  driver.holdUpViews(false)
  const stale = await house.headOf('default', 'execution', 'e-1')
  house.knownHead = (_, kind) => (kind === 'execution' ? { ...stale, version: 1 } : undefined)
  expect((await claim(driver)).body.taskName).toBe('t25')
})

test('a retry that is due comes among what is ready, by the age of its execution', async () => {
  const driver = openDriver()
  await openLab(driver)
  await driver.post('/v1/executions', many('e-1', 2, { retry: { attemptCountMax: 2, backoffMs: 5_000 } }))
  await claim(driver)
  await driver.post('/v1/executions/e-1/tasks/t0/attempts/1/fail', { epoch: 1, workerId: 'w-1', reason: 'x' })
  driver.advance(4_999)
  expect((await claim(driver)).body).toMatchObject({ taskName: 't1' })
  expect((await claim(driver)).status).toBe(204)
  driver.advance(1)
  expect((await claim(driver)).body).toMatchObject({ taskName: 't0', attempt: 2 })
})

test('a session that serves several benches claims for those it names', async () => {
  const driver = openDriver()
  await openLab(driver)
  await driver.post('/v1/benches', { ...bench, benchId: 'rig-2' })
  await driver.post('/v1/reservations', {
    reservationId: 'r-2',
    holder: 'ann',
    benches: [{ benchId: 'rig-2' }],
    durationMs: 600_000,
  })
  await driver.tick('reservation', 'r-2')
  await driver.post('/v1/workers/w-1/sessions', { benches: ['rig-1', 'rig-2'], agentVersion: '1' })
  await driver.post('/v1/executions', { ...plan('e-2', 'on-2'), reservationId: 'r-2' })
  driver.advance(1_000)
  await driver.post('/v1/executions', plan('e-1', 'on-1'))
  const named = await driver.post('/v1/workers/w-1/claim', { epoch: 2, benches: ['rig-1'] })
  expect(named.body).toMatchObject({ taskName: 'on-1', benchId: 'rig-1' })
  expect((await driver.post('/v1/workers/w-1/claim', { epoch: 2 })).body).toMatchObject({ taskName: 'on-2' })
})

test('who has ended one execution claims of the next at once, though the views have yet to see the end', async () => {
  const driver = openDriver()
  await openLab(driver)
  await driver.post('/v1/executions', plan('e-1', 'a'))
  driver.advance(1_000)
  await driver.post('/v1/executions', plan('e-2', 'b'))
  await claim(driver)
  await driver.get('/v1/executions/e-2')
  driver.holdUpViews(true)
  await driver.post('/v1/executions/e-1/tasks/a/attempts/1/complete', { epoch: 1, workerId: 'w-1' })
  expect((await claim(driver)).body).toMatchObject({ executionId: 'e-2', taskName: 'b' })
})
