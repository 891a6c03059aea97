import { describe, expect, test } from 'vitest'
import { plusMs } from '../../domain/ids.ts'
import { decider } from '../../domain/reservation/decide.ts'
import { given } from '../given.ts'

import {
  activated,
  checkedIn,
  command,
  confirmed,
  data,
  inHours,
  placed,
  queued,
  request,
  t0,
  tick,
} from './reservationStory.ts'

describe('asking', () => {
  test('a free window is confirmed as asked', () => given(decider, []).when(request).then(confirmed))
  test('another window is queued', () => {
    const { answer } = given(decider, []).when({
      ...request,
      data: { ...data, queue: true },
      placed: { ...placed, queued: true },
    })
    expect(answer).toMatchObject([{ type: 'ReservationQueued', data: { latestStart: inHours(25) } }])
  })
  test('an id is used once', () => given(decider, [confirmed]).when(request).thenRefused('ReservationIdTaken'))
})

describe('time', () => {
  test('it becomes active at its start', () =>
    given(decider, [confirmed])
      .when(tick(inHours(1)))
      .then({ type: 'ReservationActivated', data: {} }))
  test('not before', () =>
    given(decider, [confirmed])
      .when(tick(inHours(0.99)))
      .thenNothing())
  test('it waits while a predecessor occupies a bench', () =>
    given(decider, [confirmed])
      .when(tick(inHours(1.1), { occupiedByOther: true }))
      .thenNothing())
  test('a queued one becomes active too', () =>
    given(decider, [queued])
      .when(tick(inHours(1)))
      .then({ type: 'ReservationActivated', data: {} }))
  test('one that never could is expired at its end', () =>
    given(decider, [confirmed])
      .when(tick(inHours(2), { occupiedByOther: true }))
      .then({ type: 'ReservationExpired', data: {} }))
  test('nobody checks in: a no-show', () =>
    given(decider, [confirmed, activated])
      .when(tick(plusMs(inHours(1), 300_000)))
      .then({ type: 'ReservationNoShow', data: {} }))
  test('who occupied a bench has checked in', () =>
    given(decider, [confirmed, activated])
      .when(tick(plusMs(inHours(1), 300_000), { everOccupied: true }))
      .then({ type: 'ReservationCheckedIn', data: { by: 'occupation' } }))
  test('the time to check in counts from when one could', () => {
    const late = { ...activated, at: inHours(1.5) }
    given(decider, [confirmed, late])
      .when(tick(inHours(1.51)))
      .thenNothing()
    expect(given(decider, [confirmed, late]).nextDue).toBe(plusMs(inHours(1.5), 300_000))
  })
  test('it expires at its end', () =>
    given(decider, [confirmed, activated, checkedIn])
      .when(tick(inHours(2)))
      .then({ type: 'ReservationExpired', data: {} }))
  test('after a long silence everything due happens at once, in order', () =>
    given(decider, [confirmed, activated])
      .when(tick(inHours(5), { everOccupied: true }))
      .then({ type: 'ReservationCheckedIn', data: { by: 'occupation' } }, { type: 'ReservationExpired', data: {} }))
  test('it says when it needs attention', () => {
    expect(given(decider, []).nextDue).toBeUndefined()
    expect(given(decider, [confirmed]).nextDue).toBe(inHours(1))
    expect(given(decider, [confirmed, activated]).nextDue).toBe(plusMs(inHours(1), 300_000))
    expect(given(decider, [confirmed, activated, checkedIn]).nextDue).toBe(plusMs(inHours(2), -60_000))
    expect(given(decider, [confirmed, { type: 'ReservationCancelled', data: {} }]).nextDue).toBeUndefined()
  })
})

describe('using', () => {
  test('check-in, once', () => {
    given(decider, [confirmed, activated])
      .when(command('CheckInReservation', {}, inHours(1.01)))
      .then(checkedIn)
    given(decider, [confirmed, activated, checkedIn])
      .when(command('CheckInReservation', {}, inHours(1.02)))
      .thenNothing()
  })
  test('nothing depends on how late the clock is: what is due happens first', () => {
    given(decider, [confirmed])
      .when(command('CheckInReservation', {}, inHours(1)))
      .then({ type: 'ReservationActivated', data: {} }, checkedIn)
    given(decider, [confirmed, activated])
      .when(command('CheckInReservation', {}, inHours(1.2)))
      .thenRefused('ReservationOver', { reservationStatus: 'no-show' })
  })
  test('not before its start', () =>
    given(decider, [confirmed])
      .when(command('CheckInReservation', {}, t0))
      .thenRefused('ReservationNotActive'))
  test('release is for active ones, and not under a running execution', () => {
    given(decider, [confirmed])
      .when(command('ReleaseReservation', {}, t0))
      .thenRefused('ReservationNotActive')
    given(decider, [confirmed, activated])
      .when(command('ReleaseReservation', {}, inHours(1.01), { occupied: true }))
      .thenRefused('ExecutionRunning')
    given(decider, [confirmed, activated])
      .when(command('ReleaseReservation', {}, inHours(1.01)))
      .then({ type: 'ReservationReleased', data: {} })
  })
  test('cancel is for those that are not', () => {
    given(decider, [confirmed])
      .when(command('CancelReservation', {}, t0))
      .then({ type: 'ReservationCancelled', data: {} })
    given(decider, [confirmed, activated])
      .when(command('CancelReservation', {}, inHours(1.01)))
      .thenRefused('ReservationAlreadyActive')
  })
  test('a retired bench takes an active one with it', () =>
    given(decider, [confirmed, activated])
      .when(command('EvictReservation', { benchId: 'b1' }, inHours(1.01)))
      .then({ type: 'ReservationCancelled', data: { retiredBenchId: 'b1' } }))
  test('transfer names the next holder', () =>
    given(decider, [confirmed])
      .when(command('TransferReservation', { holder: 'bob' }, t0))
      .then({ type: 'ReservationTransferred', data: { holder: 'bob', from: 'ada' } }))
})
