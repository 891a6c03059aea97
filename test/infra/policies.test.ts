import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { openHouses } from './house.ts'
import { expectOneEffect, type Lab, openLab, session } from './reactions.ts'

const { open } = openHouses()
let opened: Lab | undefined
const lab = async (): Promise<Lab> => {
  opened = await openLab((now) => open({ store: 'memory', now }))
  return opened
}
let toldAgainCount = 0
/** Whatever a test has told, told twice it has one effect. */
afterEach(async () => {
  if (opened !== undefined) toldAgainCount += await expectOneEffect(opened)
  opened = undefined
})
afterAll(() => expect(toldAgainCount).toBeGreaterThan(20))

describe('a queued reservation is pulled forward', () => {
  const queued = { benches: [{ query: ['can', 'lin'] }], queue: true, latestStart: '2026-03-03T00:00:00Z' }
  /** `q` wants a bench that can both, which is b9: taken for hours. */
  const waiting = async (): Promise<Lab> => {
    const it = await lab()
    await it.bench('b9', { capabilities: ['can', 'lin'] })
    await it.book('r9', 'b9', { durationMs: 14_400_000, start: it.time.in(5) })
    await it.book('q', 'none', { ...queued, start: it.time.in(10) })
    expect(await it.reservation('q')).toMatchObject({ status: 'queued', benchIds: ['b9'], start: it.time.in(245) })
    return it
  }
  test.each<[string, (it: Lab) => Promise<unknown>, string]>([
    ['IntervalFreed', (it) => it.done('reservation', 'r9', 'CancelReservation'), 'b9'],
    ['BenchRegistered', (it) => it.bench('b3', { capabilities: ['can', 'lin'] }), 'b3'],
    ['BenchDescribed', (it) => it.done('bench', 'b2', 'DescribeBench', { capabilities: ['can', 'lin'] }), 'b2'],
  ])('when %s', async (_, act, benchId) => {
    const it = await waiting()
    await act(it)
    await it.settle()
    expect(await it.reservation('q')).toMatchObject({ benchIds: [benchId], start: it.time.in(10) })
  })
  test.each([
    ['BenchMaintenanceEnded', 'StartMaintenance', 'EndMaintenance'],
    ['BenchReturnedToService', 'QuarantineBench', 'ReturnBenchToService'],
  ])('when %s', async (_, out, back) => {
    const it = await lab()
    await it.bench('b8', { capabilities: ['can', 'lin'] })
    await it.done('bench', 'b8', out, { reason: 'fan' })
    await it.bench('b9', { capabilities: ['can', 'lin'] })
    await it.book('r9', 'b9', { durationMs: 14_400_000, start: it.time.in(5) })
    await it.book('q', 'none', { ...queued, start: it.time.in(10) })
    await it.done('bench', 'b8', back)
    await it.settle()
    expect(await it.reservation('q')).toMatchObject({ benchIds: ['b8'], start: it.time.in(10) })
  })
  test('and takes along the execution that waits under it', async () => {
    const it = await waiting()
    await it.submit('e1', 'q', [{}])
    await it.done('bench', 'b1', 'DescribeBench', { capabilities: ['can', 'lin'] })
    await it.pass(10)
    expect([(await it.execution('e1')).benchIds, await it.status('q')]).toEqual([['b1'], 'active'])
    await it.claim('e1')
    await it.complete('e1')
    expect((await it.execution('e1')).verdict).toBe('passed')
  })
})

describe('when a bench is vacated', () => {
  test('the reservation that waits for it becomes active at that moment', async () => {
    const it = await lab()
    await it.book('r1', 'b1', { durationMs: 600_000, graceMs: 0 })
    await it.book('r2', 'b1', { start: it.time.in(10) })
    await it.pass(1)
    await it.submit('e1', 'r1', [{}])
    await it.claim('e1')
    await it.pass(9)
    expect([await it.status('r1'), await it.status('r2')]).toEqual(['expired', 'active'])
    expect((await it.execution('e1')).verdict).toBe('timed-out')
  })
})

describe('when the end of a window comes', () => {
  const running = async (): Promise<Lab> => {
    const it = await lab()
    await it.book('r1', 'b1', { durationMs: 600_000, graceMs: 120_000 })
    await it.pass(1)
    await it.submit('e1', 'r1', [{}])
    await it.claim('e1')
    return it
  }
  test('and nothing follows, the hold moves, cancelling starts at the end, and what is not heard of is timed out', async () => {
    const it = await running()
    await it.pass(7)
    expect((await it.benchNow('b1')).intervals).toMatchObject([{ end: it.time.in(4) }])
    expect((await it.execution('e1')).status).toBe('running')
    await it.pass(2)
    expect([(await it.execution('e1')).status, await it.status('r1')]).toEqual(['cancelling', 'active'])
    await it.pass(2)
    expect([(await it.execution('e1')).verdict, await it.status('r1')]).toEqual(['timed-out', 'expired'])
    expect(await it.benchNow('b1')).toMatchObject({ occupant: null, intervals: [] })
  })
  test('and something follows, cancelling starts at once, and the next begins on time', async () => {
    const it = await running()
    await it.book('r2', 'b1', { start: it.time.in(9) })
    await it.pass(7)
    expect((await it.execution('e1')).status).toBe('cancelling')
    await it.pass(2)
    expect([(await it.execution('e1')).verdict, await it.status('r2')]).toEqual(['timed-out', 'active'])
  })
})

describe('when a session expires', () => {
  const lost = async (task: object, benchId = 'b1'): Promise<Lab> => {
    const it = await lab()
    await it.done('reservation', 'r1', 'RequestReservation', {
      holder: 'ada',
      benches: [{ benchId: 'b1' }, { benchId: 'b2' }],
      durationMs: 3_600_000,
    })
    await it.pass(1)
    await it.submit('e1', 'r1', [{ retry: { attemptCountMax: 2 }, ...task }])
    await it.claim('e1', 't0', { benchId })
    await it.done('worker', 'w1', 'ExpireSession', { epoch: 1, lastSeenAt: it.time.now() })
    await it.settle()
    return it
  }
  test('its benches and attempts are lost, the execution is interrupted, and the reservation keeps its window', async () => {
    const it = await lost({})
    expect(await it.benchNow('b1')).toMatchObject({ connectivity: 'lost', occupant: { executionId: 'e1' } })
    expect(await it.benchNow('b2')).toMatchObject({ connectivity: 'lost' })
    expect(await it.execution('e1')).toMatchObject({
      status: 'interrupted',
      tasks: [{ attempts: [{ status: 'lost' }] }],
    })
    expect(await it.status('r1')).toBe('active')
  })
  test('its task is claimable once its bench is served again, under a new epoch', async () => {
    const it = await lost({})
    await it.done('worker', 'w1', 'OpenSession', { benches: ['b1'], agentVersion: '1' })
    const claimed = await it.claim('e1', 't0', { epoch: 2 })
    expect(claimed.head.state).toMatchObject({
      status: 'running',
      tasks: [{ attempts: [{}, { attempt: 2, epoch: 2 }] }],
    })
  })
  test('a relocatable one also elsewhere, by another worker', async () => {
    const it = await lost({ relocatable: true })
    await it.done('worker', 'w2', 'EnrolWorker')
    await it.done('worker', 'w2', 'OpenSession', { benches: ['b2'], agentVersion: '1' })
    const claimed = await it.claim('e1', 't0', { workerId: 'w2', benchId: 'b2' })
    expect(claimed.head.state).toMatchObject({ tasks: [{ attempts: [{}, { workerId: 'w2', benchId: 'b2' }] }] })
  })
  test('with its last attempt it is errored', async () => {
    const it = await lost({ retry: { attemptCountMax: 1 } })
    expect(await it.execution('e1')).toMatchObject({ verdict: 'errored', tasks: [{ status: 'errored' }] })
  })
})

describe('when an attempt ends badly', () => {
  const running = async (tasks: readonly object[], more: object = {}): Promise<Lab> => {
    const it = await lab()
    await it.book('r1', 'b1', more)
    await it.pass(1)
    await it.submit('e1', 'r1', tasks)
    await it.claim('e1')
    return it
  }
  test('it is tried again once its backoff has passed', async () => {
    const it = await running([{ retry: { attemptCountMax: 2, backoffMs: 120_000 } }])
    await it.fail('e1')
    await it.pass(1)
    const asked = { taskName: 't0', benchId: 'b1', ...session }
    expect(await it.send('execution', 'e1', 'ClaimTask', asked)).toMatchObject({
      rejection: { rejection: 'TaskNotReady' },
    })
    await it.pass(1)
    await it.claim('e1')
  })
  test('two infrastructure failures in a row quarantine its bench, with both as evidence', async () => {
    const it = await running([{ retry: { attemptCountMax: 3, backoffMs: 0 } }])
    await it.fail('e1', 1, { infrastructure: true })
    await it.settle()
    expect(await it.benchNow('b1')).toMatchObject({ serviceability: 'in-service' })
    await it.claim('e1')
    await it.fail('e1', 2, { infrastructure: true })
    await it.settle()
    expect(await it.benchNow('b1')).toMatchObject({ serviceability: 'quarantined' })
    const commits = await it.services.history.load('default/bench/b1')
    expect(commits.at(-1)?.events[0]?.data).toMatchObject({ evidence: ['execution/e1 t0/2', 'execution/e1 t0/1'] })
  })
})

describe('when something is over', () => {
  test('a reservation: its queued executions finish, timed-out', async () => {
    const it = await lab()
    await it.book('r1', 'b1', { start: it.time.in(10) })
    await it.submit('e1', 'r1', [{}])
    await it.done('reservation', 'r1', 'CancelReservation')
    await it.settle()
    expect(await it.execution('e1')).toMatchObject({ status: 'finished', verdict: 'timed-out' })
  })
  test('an execution that wanted it: its reservation is released', async () => {
    const it = await lab()
    await it.book('r1', 'b1')
    await it.pass(1)
    await it.submit('e1', 'r1', [{}], { releaseReservation: true })
    await it.claim('e1')
    await it.complete('e1')
    await it.settle()
    expect(await it.status('r1')).toBe('released')
  })
  test('a bench, by force: each of its reservations is cancelled, active ones too', async () => {
    const it = await lab()
    await it.book('r1', 'b1')
    await it.book('r2', 'b1', { start: it.time.in(120) })
    await it.pass(1)
    await it.done('bench', 'b1', 'RetireBench', { force: true })
    await it.settle()
    expect([await it.status('r1'), await it.status('r2')]).toEqual(['cancelled', 'cancelled'])
  })
})
