import { describe, expect, test } from 'vitest'
import { plusMs } from '../../domain/ids.ts'
import { decider } from '../../domain/reservation/decide.ts'
import type { ReservationEvent } from '../../domain/reservation/events.ts'
import { given } from '../given.ts'
import { activated, asked, checkedIn, command, confirmed, ending, extended, inHours, tick } from './reservationStory.ts'

describe('the end, with its grace', () => {
  const running = [confirmed, activated, checkedIn]
  const occupied = { occupied: true, everOccupied: true }
  const last = plusMs(inHours(2), -60_000)
  test('is announced to what runs, once', () => {
    given(decider, running)
      .when(tick(plusMs(last, -1)))
      .thenNothing()
    given(decider, running).when(tick(last)).then(ending)
    given(decider, [...running, ending])
      .when(tick(last))
      .thenNothing()
  })
  test('is not announced without a grace', () => {
    const strict: ReservationEvent = { type: 'ReservationConfirmed', data: { ...asked, graceMs: 0 } }
    given(decider, [strict, activated, checkedIn]).when(tick(last)).thenNothing()
  })
  test('keeps it active while something runs and the hold was extended', () => {
    given(decider, [...running, ending, extended])
      .when(tick(inHours(2), occupied))
      .then({ type: 'ReservationGraceEntered', data: {} })
    given(decider, [...running, ending])
      .when(tick(inHours(2), occupied))
      .then({ type: 'ReservationExpired', data: {} })
  })
  test('expires the moment nothing runs any more, and at the latest with its grace', () => {
    const inGrace = [...running, ending, extended, { type: 'ReservationGraceEntered', data: {} } as const]
    given(decider, inGrace)
      .when(tick(plusMs(inHours(2), 1_000), occupied))
      .thenNothing()
    given(decider, inGrace)
      .when(tick(plusMs(inHours(2), 1_000), { everOccupied: true }))
      .then({ type: 'ReservationExpired', data: {} })
    given(decider, inGrace)
      .when(tick(plusMs(inHours(2), 60_000), occupied))
      .then({ type: 'ReservationExpired', data: {} })
  })
  test('an extended window is announced anew', () => {
    const amended: ReservationEvent = {
      type: 'ReservationAmended',
      data: { start: inHours(1), end: inHours(3), from: { start: inHours(1), end: inHours(2) } },
    }
    const { state, nextDue } = given(decider, [...running, ending, extended, amended])
    expect(state).not.toHaveProperty('graceUntil')
    expect(nextDue).toBe(plusMs(inHours(3), -60_000))
  })
  test('a hold is extended once, and only after the announcement', () => {
    const hold = command('ExtendHold', { until: plusMs(inHours(2), 60_000) }, last)
    given(decider, [...running, ending])
      .when(hold)
      .then(extended)
    given(decider, [...running, ending, extended])
      .when(hold)
      .thenNothing()
  })
})
