import { describe, expect, test } from 'vitest'
import { isRejection } from '../../domain/decider.ts'
import { plusMs } from '../../domain/ids.ts'
import { bench, hour, inHours, lab, t0, window } from './lab.ts'

describe('a gang', () => {
  test('is one append: the reservation and an interval on every bench', () => {
    const { book, bench: at } = lab(bench('b1'), bench('b2'))
    const changes = book('r1', { benches: [{ benchId: 'b1' }, { benchId: 'b2' }], ...window(1, 2) })
    expect(changes).toMatchObject([
      { stream: 't/reservation/r1', events: [{ type: 'ReservationConfirmed' }] },
      { stream: 't/bench/b1', events: [{ type: 'IntervalHeld' }] },
      { stream: 't/bench/b2', events: [{ type: 'IntervalHeld' }] },
    ])
    expect(at('b2').intervals).toHaveLength(1)
  })
  test('is all or none', () => {
    const { book, bench: at } = lab(bench('b1'), bench('b2'))
    book('r1', { benches: [{ benchId: 'b2' }], ...window(1, 2) })
    const refused = book('r2', { benches: [{ benchId: 'b1' }, { benchId: 'b2' }], ...window(1, 2) })
    expect(refused).toMatchObject({
      rejection: 'IntervalConflict',
      conflicts: [{ benchId: 'b2', reservationId: 'r1', holder: 'r1' }],
    })
    expect(at('b1').intervals).toEqual([])
  })
  test('by queries takes different benches', () => {
    const { book, reservation } = lab(bench('b1', { capabilities: ['can'] }), bench('b2', { capabilities: ['can'] }))
    book('r1', { benches: [{ query: ['can'] }, { benchId: 'b1' }], ...window(1, 2) })
    expect(reservation('r1').benchIds).toEqual(['b2', 'b1'])
  })
})

describe('a refusal', () => {
  test('offers ways out that are really free', () => {
    const { book, send } = lab(bench('b1'), bench('b2'))
    book('r1', { benches: [{ benchId: 'b1' }], ...window(1, 3) })
    const refused = book('r2', { benches: [{ benchId: 'b1' }], ...window(2, 4) })
    if (!isRejection(refused)) throw new Error('was taken')
    const offers = refused['offers'] as { start: string; end: string; benchIds: string[] }[]
    expect(offers.length).toBeGreaterThan(0)
    for (const [index, offer] of offers.entries()) {
      const { book: again } = lab(bench('b1'), bench('b2'))
      again('r1', { benches: [{ benchId: 'b1' }], ...window(1, 3) })
      const benches = offer.benchIds.map((benchId) => ({ benchId }))
      expect(again(`o${index}`, { benches, start: offer.start, end: offer.end })).not.toHaveProperty('rejection')
    }
    expect(send('reservation', 'r1', 'AmendReservation', { end: inHours(2.5) })).toHaveLength(2)
  })
  test.each([
    ['unknown', [{ benchId: 'nope' }], 'BenchUnknown'],
    ['in maintenance', [{ benchId: 'b1' }], 'BenchNotInService'],
    ['matching nothing', [{ query: ['can'] }], 'NoBenchMatches'],
  ])('of a bench that is %s', (_, benches, rejection) => {
    const { book, send } = lab(bench('b1'))
    send('bench', 'b1', 'StartMaintenance', { reason: 'fan' })
    expect(book('r1', { benches, ...window(1, 2) })).toMatchObject({ rejection })
  })
  test('of a query counts why each bench was left out', () => {
    const { book, send } = lab(bench('b1'), bench('b2'))
    send('bench', 'b1', 'QuarantineBench', { reason: 'smoke' })
    send('bench', 'b2', 'StartMaintenance', { reason: 'fan' })
    expect(book('r1', { benches: [{ query: ['!x'] }], ...window(1, 2) })).toMatchObject({
      exclusionCounts: { quarantined: 1, maintenance: 1 },
    })
  })
  test('counts by any name, also by one that objects have already', () => {
    const { send, book } = lab(bench('b1'))
    send('bench', 'b1', 'StartMaintenance', { reason: 'fan' })
    expect(book('r1', { benches: [{ query: ['!constructor'] }], ...window(1, 2) })).toMatchObject({
      exclusionCounts: { maintenance: 1 },
    })
  })
  test.each([
    ['in the past', { start: inHours(-1), end: inHours(1) }, 'WindowInThePast'],
    ['too far ahead', { start: inHours(24 * 271), durationMs: hour }, 'WindowTooFar'],
    ['that ends before now', { end: inHours(-1) }, 'WindowInThePast'],
    ['longer than 90 days', { end: inHours(24 * 91) }, 'WindowLengthInvalid'],
  ])('of a window %s', (_, body, rejection) => {
    expect(lab(bench('b1')).book('r1', { benches: [{ benchId: 'b1' }], ...body })).toMatchObject({ rejection })
  })
  test('a start up to a minute ago counts as now', () => {
    const { book, reservation } = lab(bench('b1'))
    book('r1', { benches: [{ benchId: 'b1' }], start: plusMs(t0, -60_000), durationMs: hour })
    expect(reservation('r1')).toMatchObject({ start: t0, end: plusMs(t0, hour) })
  })
})

describe('connectivity', () => {
  test('for a window that starts soon, lost and offline benches are left out of a query', () => {
    const { book, send, reservation } = lab(bench('b1'), bench('b2'))
    send('worker', 'w1', 'EnrolWorker', {})
    send('worker', 'w1', 'OpenSession', { benches: ['b1'], agentVersion: '1' })
    send('worker', 'w1', 'CloseSession', { epoch: 1 })
    book('r1', { benches: [{ query: ['!x'] }], ...window(0, 1) })
    book('r2', { benches: [{ query: ['!x'] }], ...window(0, 1) })
    expect(reservation('r1').benchIds).toEqual(['b2'])
    expect(book('r3', { benches: [{ query: ['!x'] }], ...window(0, 1) })).toMatchObject({
      rejection: 'IntervalConflict',
    })
    book('r4', { benches: [{ query: ['!x'] }], ...window(2, 3) })
    expect(reservation('r4').benchIds).toEqual(['b1'])
  })
})

describe('the queue', () => {
  const taken = () => {
    const it = lab(bench('b1'))
    it.book('r1', { benches: [{ benchId: 'b1' }], ...window(0, 2) })
    it.book('r2', { benches: [{ benchId: 'b1' }], ...window(0, 1), queue: true })
    return it
  }
  test('places at the earliest window, at once', () => {
    expect(taken().reservation('r2')).toMatchObject({
      status: 'queued',
      start: inHours(2),
      end: inHours(3),
      latestStart: inHours(24),
    })
  })
  test('a free window is not queued', () => {
    const { book, reservation } = lab(bench('b1'))
    book('r1', { benches: [{ benchId: 'b1' }], ...window(0, 1), queue: true })
    expect(reservation('r1').status).toBe('confirmed')
  })
  test('says when there is no window by the latest start', () => {
    const refused = taken().book('r3', {
      benches: [{ benchId: 'b1' }],
      ...window(0, 1),
      queue: true,
      latestStart: inHours(2.5),
    })
    expect(refused).toMatchObject({ rejection: 'NoWindow', latestStart: inHours(2.5) })
  })
  test('is pulled forward when its bench is freed', () => {
    const { send, reservation, tick, bench: at } = taken()
    tick('r1', inHours(0))
    send('reservation', 'r1', 'ReleaseReservation', {}, inHours(0.05))
    send('reservation', 'r2', 'PullForward', {}, inHours(0.06))
    expect(reservation('r2')).toMatchObject({ status: 'queued', start: inHours(0.06), end: inHours(1.06) })
    expect(at('b1').intervals).toMatchObject([{ reservationId: 'r2', start: inHours(0.06) }])
  })
  test('goes to another bench that satisfies its query', () => {
    const { book, send, reservation, bench: at } = lab(bench('b1'))
    book('r1', { benches: [{ query: ['!x'] }], ...window(0, 2) })
    book('r2', { benches: [{ query: ['!x'] }], ...window(0, 1), queue: true })
    send('bench', 'b2', 'RegisterBench', { benchId: 'b2', type: 'hil' })
    send('reservation', 'r2', 'PullForward', {}, inHours(0.1))
    expect(reservation('r2')).toMatchObject({ benchIds: ['b2'], start: inHours(0.1) })
    expect([at('b1').intervals.length, at('b2').intervals.length]).toEqual([1, 1])
  })
  test('is never pulled to before what was asked', () => {
    const { book, send, reservation } = lab(bench('b1'))
    book('r1', { benches: [{ benchId: 'b1' }], ...window(1, 3) })
    book('r2', { benches: [{ benchId: 'b1' }], ...window(1, 2), queue: true })
    send('reservation', 'r1', 'CancelReservation', {}, inHours(0))
    send('reservation', 'r2', 'PullForward', {}, inHours(0.01))
    expect(reservation('r2').start).toBe(inHours(1))
    expect(send('reservation', 'r2', 'PullForward', {}, inHours(0.02))).toEqual([])
  })
})

describe('a life', () => {
  test('booked, activated, amended, transferred, released: the bench is held for as long', () => {
    const { book, send, tick, bench: at, reservation } = lab(bench('b1', { teardownMs: hour / 2 }))
    book('r1', { benches: [{ benchId: 'b1' }], ...window(0, 2) })
    tick('r1', inHours(0))
    send('reservation', 'r1', 'CheckInReservation', {}, inHours(0.01))
    send('reservation', 'r1', 'AmendReservation', { end: inHours(3) }, inHours(0.02))
    expect(at('b1').intervals).toMatchObject([{ end: inHours(3), heldUntil: inHours(3.5) }])
    send('reservation', 'r1', 'TransferReservation', { holder: 'bob' }, inHours(0.03))
    expect(at('b1').intervals).toMatchObject([{ holder: 'bob' }])
    send('reservation', 'r1', 'ReleaseReservation', {}, inHours(1))
    expect(reservation('r1').status).toBe('released')
    expect(at('b1').intervals).toMatchObject([{ over: true, heldUntil: inHours(1.5) }])
    expect(
      book('r2', { benches: [{ benchId: 'b1' }], start: inHours(1.5), durationMs: hour }, inHours(1)),
    ).toHaveLength(2)
  })
  test('an amendment as a whole or not at all', () => {
    const { book, send, reservation, bench: at } = lab(bench('b1'), bench('b2'))
    book('r1', { benches: [{ benchId: 'b1' }, { benchId: 'b2' }], ...window(0, 1) })
    book('r2', { benches: [{ benchId: 'b2' }], ...window(1, 2) })
    const refused = send('reservation', 'r1', 'AmendReservation', { end: inHours(1.5) })
    expect(refused).toMatchObject({ rejection: 'IntervalConflict', conflicts: [{ benchId: 'b2' }] })
    expect(refused).toHaveProperty('offers')
    expect([reservation('r1').end, at('b1').intervals[0]?.end]).toEqual([inHours(1), inHours(1)])
  })
  test('a no-show gives the bench back', () => {
    const { book, tick, bench: at } = lab(bench('b1'))
    book('r1', { benches: [{ benchId: 'b1' }], ...window(0, 2) })
    tick('r1', inHours(0))
    tick('r1', inHours(0.1))
    expect(at('b1').intervals).toEqual([])
  })
  test('a bench retired by force gives up its reservations', () => {
    const { book, send, reservation, bench: at } = lab(bench('b1'), bench('b2'))
    book('r1', { benches: [{ benchId: 'b1' }, { benchId: 'b2' }], ...window(1, 2) })
    send('bench', 'b1', 'RetireBench', { force: true })
    send('reservation', 'r1', 'EvictReservation', { benchId: 'b1' })
    expect(reservation('r1').status).toBe('cancelled')
    expect([at('b1').intervals, at('b2').intervals]).toEqual([[], []])
  })
})
