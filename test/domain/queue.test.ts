import { describe, expect, test } from 'vitest'
import { intervalCountMax } from '../../domain/bench/rejections.ts'
import { plusMs } from '../../domain/ids.ts'
import { bench, hour, inHours, lab, t0, window } from './lab.ts'

describe('what waits in the queue', () => {
  test('leaves a bench that is no longer what it asks for', () => {
    const { book, send, reservation, bench: at } = lab(bench('b1', { capabilities: ['can'] }))
    book('r1', { benches: [{ benchId: 'b1' }], ...window(0, 4) })
    book('r2', { benches: [{ query: ['can'] }], ...window(0, 1), queue: true })
    send('bench', 'b1', 'DescribeBench', { capabilities: [] })
    send('bench', 'b2', 'RegisterBench', { benchId: 'b2', type: 'hil', capabilities: ['can'] })
    const changes = send('reservation', 'r2', 'PullForward', {}, inHours(0.1))
    expect(changes).toHaveLength(3)
    expect(reservation('r2')).toMatchObject({ benchIds: ['b2'], start: inHours(0.1) })
    expect(at('b1').intervals).toMatchObject([{ reservationId: 'r1' }])
  })
  test('keeps its place when only its end is amended', () => {
    const { book, send, reservation } = lab(bench('b1'))
    book('r1', { benches: [{ benchId: 'b1' }], ...window(1, 4) })
    book('r2', { benches: [{ benchId: 'b1' }], ...window(1, 2), queue: true })
    send('reservation', 'r2', 'AmendReservation', { end: inHours(5.5) })
    send('reservation', 'r1', 'CancelReservation', {})
    send('reservation', 'r2', 'PullForward', {}, inHours(0.1))
    expect(reservation('r2')).toMatchObject({ start: inHours(1), end: inHours(2.5) })
  })
  test('starts at most 270 days ahead, whatever latest start was asked for', () => {
    const { book } = lab(bench('b1'))
    for (let n = 0; n < 4; n++)
      book(`r${n}`, { benches: [{ benchId: 'b1' }], ...window(n * 24 * 89, (n + 1) * 24 * 89) })
    const late = { benches: [{ benchId: 'b1' }], ...window(0, 1), queue: true, latestStart: '2099-01-01T00:00:00.000Z' }
    expect(book('late', late)).toMatchObject({ rejection: 'NoWindow', latestStart: inHours(24 * 270) })
  })
})

describe('a full calendar', () => {
  test('is passed over by a query that another bench can serve', () => {
    const { book, reservation } = lab(
      bench('full', { capabilities: ['can'] }),
      bench('other', { capabilities: ['can', 'lin'] }),
    )
    for (let n = 0; n < intervalCountMax; n++) book(`r${n}`, { benches: [{ benchId: 'full' }], ...window(n, n + 0.5) })
    const asked = { benches: [{ query: ['can'] }], ...window(2_000, 2_001) }
    expect(book('next', asked)).toHaveLength(2)
    expect(reservation('next').benchIds).toEqual(['other'])
  })
})

describe('an amendment', () => {
  test('to a start that has just passed counts as now, as it does when asking', () => {
    const { book, send, reservation } = lab(bench('b1'))
    book('r1', { benches: [{ benchId: 'b1' }], ...window(1, 2) })
    send('reservation', 'r1', 'AmendReservation', { start: plusMs(t0, -1_000) })
    expect(reservation('r1')).toMatchObject({ start: t0, end: plusMs(t0, 2 * hour) })
    expect(send('reservation', 'r1', 'AmendReservation', { start: plusMs(t0, -61_000) })).toHaveProperty('rejection')
  })
})
