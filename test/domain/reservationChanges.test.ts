import { describe, expect, test } from 'vitest'
import { decider, type Placed } from '../../domain/reservation/decide.ts'
import type { ReservationEvent } from '../../domain/reservation/events.ts'
import { given } from '../given.ts'

import { activated, command, confirmed, decision, inHours, placed, queued, t0, tick } from './reservationStory.ts'

describe('amending', () => {
  const from = { start: inHours(1), end: inHours(2) }
  const amend = (body: { start?: string; end?: string }, at = t0) => command('AmendReservation', body, at)
  test('start and end', () =>
    given(decider, [confirmed])
      .when(amend({ start: inHours(3), end: inHours(4) }))
      .then({ type: 'ReservationAmended', data: { start: inHours(3), end: inHours(4), from } }))
  test('as it is already: nothing', () =>
    given(decider, [confirmed])
      .when(amend({ end: inHours(2) }))
      .thenNothing())
  test('once active only the end', () => {
    given(decider, [confirmed, activated])
      .when(amend({ start: inHours(1.5) }, inHours(1.01)))
      .thenRefused('ReservationAlreadyActive')
    expect(given(decider, [confirmed, activated]).when(amend({ end: inHours(5) }, inHours(1.01))).answer).toHaveLength(
      1,
    )
  })
  test.each([
    ['into the past', { start: inHours(-1) }, 'WindowInThePast'],
    ['to an end before its start', { end: inHours(0.5) }, 'WindowLengthInvalid'],
    ['to more than 90 days', { end: inHours(24 * 91) }, 'WindowLengthInvalid'],
    ['too far ahead', { start: inHours(24 * 271), end: inHours(24 * 272) }, 'WindowTooFar'],
  ])('not %s', (_, body, rejection) => {
    given(decider, [confirmed]).when(amend(body)).thenRefused(rejection)
  })
})

describe('pulling forward', () => {
  const earlier: Placed = { ...placed, start: inHours(0.5), end: inHours(1.5), benchIds: ['b2'], queued: true }
  test('a queued one is given what is earlier', () =>
    given(decider, [queued])
      .when({ type: 'PullForward', data: {}, id: 'r1', at: t0, placed: earlier })
      .then({
        type: 'ReservationPulledForward',
        data: {
          start: inHours(0.5),
          end: inHours(1.5),
          benchIds: ['b2'],
          decision,
          from: { start: inHours(1), end: inHours(2), benchIds: ['b1'] },
        },
      }))
  test.each([
    ['later', [queued], { ...earlier, start: inHours(1), end: inHours(2) }],
    ['nowhere', [queued], undefined],
    ['not queued', [confirmed], earlier],
  ] as const)('%s: nothing', (_, history, place) => {
    given(decider, [...history])
      .when({ type: 'PullForward', data: {}, id: 'r1', at: t0, placed: place })
      .thenNothing()
  })
})

describe('over', () => {
  const ends: readonly ReservationEvent[] = [
    { type: 'ReservationReleased', data: {} },
    { type: 'ReservationExpired', data: {} },
    { type: 'ReservationNoShow', data: {} },
    { type: 'ReservationCancelled', data: {} },
  ]
  const commands = [
    command('AmendReservation', { end: inHours(9) }, inHours(1.01)),
    command('TransferReservation', { holder: 'bob' }, inHours(1.01)),
    command('CheckInReservation', {}, inHours(1.01)),
  ]
  test.each(ends)('$type accepts nothing more', (end) => {
    for (const one of commands) given(decider, [confirmed, activated, end]).when(one).thenRefused('ReservationOver')
    given(decider, [confirmed, activated, end])
      .when(tick(inHours(9)))
      .thenNothing()
  })
  test('the same end again is no error', () => {
    given(decider, [confirmed, activated, ends[0]!])
      .when(command('ReleaseReservation', {}, inHours(1.01)))
      .thenNothing()
    given(decider, [confirmed, ends[3]!])
      .when(command('CancelReservation', {}, t0))
      .thenNothing()
    given(decider, [confirmed, activated, ends[1]!])
      .when(command('ReleaseReservation', {}, inHours(3)))
      .thenRefused('ReservationOver')
  })
})
