import { expect, test } from 'vitest'
import { bench, expectProblem, openDriver, openLab } from './driver.ts'

const hour = 3_600_000
const asked = { holder: 'ann', benches: [{ benchId: 'rig-1' }], durationMs: hour }

test('a reservation is confirmed at once, as it was asked', async () => {
  const { post, get } = openDriver()
  await post('/v1/benches', bench)
  const made = await post('/v1/reservations', { ...asked, start: '2030-01-02T01:00:00+01:00', purpose: 'brakes' })
  expect(made.status).toBe(201)
  expect(made.body).toEqual({
    reservationId: expect.stringMatching(/^01TEST/),
    status: 'confirmed',
    holder: 'ann',
    purpose: 'brakes',
    priority: 50,
    queue: false,
    start: '2030-01-02T00:00:00.000Z',
    end: '2030-01-02T01:00:00.000Z',
    checkInWithinMs: 300_000,
    graceMs: 60_000,
    benches: [{ benchId: 'rig-1' }],
    benchIds: ['rig-1'],
    version: 1,
  })
  expect(made.headers.get('location')).toBe(`/v1/reservations/${made.body.reservationId}`)
  expect((await get(`/v1/reservations/${made.body.reservationId}`)).text).toBe(made.text)
  expect((await get(`/v1/reservations/${made.body.reservationId}?consistent=true`)).text).toBe(made.text)
  expectProblem(await get('/v1/reservations/nope'), 404, 'not-found')
})

test('a retry with its key meets its own first commit, byte for byte, whatever has happened since', async () => {
  const { post, commitCount } = openDriver()
  await post('/v1/benches', bench)
  const key = { 'idempotency-key': 'order-66' }
  const first = await post('/v1/reservations', asked, key)
  expect(first.status).toBe(201)
  expect(first.headers.get('idempotent-replayed')).toBeNull()
  expect(first.body.reservationId).toMatch(/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/)
  await post(`/v1/reservations/${first.body.reservationId}/transfer`, { holder: 'bob' })
  const before = await commitCount()
  const again = await post('/v1/reservations', asked, key)
  expect(again).toMatchObject({ status: 201, text: first.text })
  expect(again.headers.get('idempotent-replayed')).toBe('true')
  expect(again.headers.get('location')).toBe(first.headers.get('location'))
  expect(again.headers.get('etag')).toBe(first.headers.get('etag'))
  expectProblem(await post('/v1/reservations', { ...asked, priority: 9 }, key), 422, 'idempotency-key-reused')
  expect(await commitCount()).toBe(before)
})

test('other commands replay as well, and keys are scoped to the stream they address', async () => {
  const { post } = openDriver()
  await post('/v1/benches', bench)
  await post('/v1/benches', { ...bench, benchId: 'rig-2' })
  const key = { 'idempotency-key': 'k' }
  const first = await post('/v1/benches/rig-1/maintenance', { reason: 'fan' }, key)
  await post('/v1/benches/rig-1/quarantine', { reason: 'smoke' })
  const again = await post('/v1/benches/rig-1/maintenance', { reason: 'fan' }, key)
  expect(again).toMatchObject({ status: 200, text: first.text })
  expect(again.headers.get('idempotent-replayed')).toBe('true')
  expectProblem(await post('/v1/benches/rig-1/maintenance', { reason: 'belt' }, key), 422, 'idempotency-key-reused')
  expect((await post('/v1/benches/rig-2/maintenance', { reason: 'belt' }, key)).status).toBe(200)
})

test('an overlap is refused with who is in the way, and with offers', async () => {
  const { post } = openDriver()
  await post('/v1/benches', bench)
  await post('/v1/reservations', { ...asked, reservationId: 'r-1' })
  const refused = await post('/v1/reservations', asked)
  expectProblem(refused, 409, 'interval-conflict')
  const end = '2030-01-01T13:00:00.000Z'
  expect(refused.body.conflicts).toEqual([
    { benchId: 'rig-1', start: '2030-01-01T12:00:00.000Z', end, reservationId: 'r-1', holder: 'ann' },
  ])
  expect(refused.body.offers[0]).toEqual({ start: end, end: '2030-01-01T14:00:00.000Z', benchIds: ['rig-1'] })
})

test('what is unknown in a body is a conflict of its own name; what is unknown in the path is a 404', async () => {
  const { post, patch } = openDriver()
  expectProblem(await post('/v1/reservations', asked), 409, 'bench-unknown')
  expectProblem(await post('/v1/reservations', { ...asked, benches: [{ query: ['can-fd'] }] }), 409, 'no-bench-matches')
  for (const verb of ['check-in', 'release', 'cancel'])
    expectProblem(await post(`/v1/reservations/nope/${verb}`), 404, 'not-found')
  expectProblem(await patch('/v1/reservations/nope', { end: '2030-01-02T00:00:00Z' }), 404, 'not-found')
})

test('a queued one answers with its place, and tells what it waits for', async () => {
  const { post, get } = openDriver()
  await post('/v1/benches', bench)
  await post('/v1/reservations', { ...asked, reservationId: 'r-1' })
  await post('/v1/reservations', { ...asked, reservationId: 'r-2', queue: true, priority: 10 })
  const queued = await post('/v1/reservations', { ...asked, reservationId: 'r-3', queue: true, priority: 90 })
  expect(queued).toMatchObject({
    status: 201,
    body: { status: 'queued', start: '2030-01-01T14:00:00.000Z', latestStart: '2030-01-02T12:00:00.000Z' },
  })
  expect((await get('/v1/reservations/r-3/why')).body).toEqual({
    rule: 'earliest-window',
    candidates: ['rig-1'],
    candidateCount: 1,
    exclusions: [],
    exclusionCounts: {},
    position: 1,
    blockedBy: [
      { benchId: 'rig-1', reservationId: 'r-1', heldUntil: '2030-01-01T13:00:00.000Z' },
      { benchId: 'rig-1', reservationId: 'r-2', heldUntil: '2030-01-01T14:00:00.000Z' },
    ],
  })
  expect((await get('/v1/reservations/r-2/why')).body.position).toBe(2)
})

test('why: the decision as it was kept', async () => {
  const { post, get } = openDriver()
  await post('/v1/benches', bench)
  await post('/v1/benches', { benchId: 'rig-2', type: 'hil' })
  await post('/v1/reservations', {
    holder: 'ann',
    reservationId: 'r-1',
    benches: [{ query: ['can-fd'] }],
    durationMs: hour,
  })
  expect((await get('/v1/reservations/r-1/why')).body).toEqual({
    rule: 'by-query',
    candidates: ['rig-1'],
    candidateCount: 1,
    exclusions: [{ benchId: 'rig-2', reason: 'can-fd' }],
    exclusionCounts: { 'can-fd': 1 },
  })
  expectProblem(await get('/v1/reservations/nope/why'), 404, 'not-found')
})

test('a reservation lives: amended, transferred, checked in, released', async () => {
  const driver = openDriver()
  const { post, patch } = driver
  await openLab(driver)
  expect((await patch('/v1/reservations/r-1', { end: '2030-01-01T15:00:00Z' })).body.end).toBe(
    '2030-01-01T15:00:00.000Z',
  )
  expectProblem(
    await patch('/v1/reservations/r-1', { start: '2030-01-01T13:00:00Z' }),
    409,
    'reservation-already-active',
  )
  expect((await post('/v1/reservations/r-1/transfer', { holder: 'bob' })).body.holder).toBe('bob')
  expect((await post('/v1/reservations/r-1/check-in')).body.checkedInAt).toBe('2030-01-01T12:00:00.000Z')
  expect((await post('/v1/reservations/r-1/release', {})).body.status).toBe('released')
  const late = await post('/v1/reservations/r-1/check-in')
  expectProblem(late, 409, 'reservation-over')
  expect(late.body).toMatchObject({ status: 409, reservationStatus: 'released' })
})

test('a bodyless POST takes nothing, or an empty object, and nothing else', async () => {
  const driver = openDriver()
  await openLab(driver)
  expect((await driver.post('/v1/reservations/r-1/check-in', '')).status).toBe(200)
  expect((await driver.post('/v1/reservations/r-1/check-in', {})).status).toBe(200)
  const wrong = await driver.post('/v1/reservations/r-1/check-in', { force: true })
  expectProblem(wrong, 400, 'invalid-request')
  expect(wrong.body.errors).toEqual([{ path: 'force', message: 'there is no such member' }])
  expectProblem(await driver.post('/v1/reservations/r-1/check-in', '[]'), 400, 'invalid-request')
})

test('reservations are listed by bench, holder and status', async () => {
  const { post, get } = openDriver()
  for (const benchId of ['rig-1', 'rig-2']) await post('/v1/benches', { ...bench, benchId })
  for (const [index, holder] of ['ann', 'bob', 'ann'].entries()) {
    const start = `2030-01-0${index + 2}T00:00:00Z`
    await post('/v1/reservations', {
      reservationId: `r-${index}`,
      holder,
      start,
      durationMs: hour,
      benches: [{ benchId: index === 1 ? 'rig-2' : 'rig-1' }],
    })
  }
  await post('/v1/reservations/r-0/cancel')
  const ids = async (query: string) =>
    ((await get(`/v1/reservations?${query}`)).body.items as { reservationId: string }[]).map(
      ({ reservationId }) => reservationId,
    )
  expect(await ids('')).toEqual(['r-2', 'r-1', 'r-0'])
  expect(await ids('benchId=rig-1')).toEqual(['r-0', 'r-2'])
  expect(await ids('holder=ann&status=confirmed')).toEqual(['r-2'])
  expect(await ids('status=cancelled&consistent=true')).toEqual(['r-0'])
  expect(await ids('holder=nobody')).toEqual([])
})
