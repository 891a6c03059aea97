import { describe, expect, test } from 'vitest'
import { plusMs } from '../../domain/ids.ts'
import { RequestReservation } from '../../domain/reservation/commands.ts'
import { type BenchesSeen, decider, type Placed, type ReservationCommand } from '../../domain/reservation/decide.ts'
import type { ReservationEvent } from '../../domain/reservation/events.ts'
import { given } from '../given.ts'

const t0 = '2026-03-01T09:00:00.000Z'
const hour = 3_600_000
const inHours = (hours: number) => plusMs(t0, hours * hour)
const decision = { rule: 'by-id' as const, candidates: ['b1'], candidateCount: 1, exclusions: [], exclusionCounts: {} }
const placed: Placed = {
  start: inHours(1),
  end: inHours(2),
  benchIds: ['b1'],
  queued: false,
  decision,
  earliestStart: inHours(1),
  latestStart: inHours(25),
}
const data = RequestReservation.parse({
  holder: 'ada',
  benches: [{ benchId: 'b1' }],
  start: inHours(1),
  end: inHours(2),
})
const request: ReservationCommand = { type: 'RequestReservation', data, id: 'r1', at: t0, placed }
const asked = {
  holder: 'ada',
  benches: [{ benchId: 'b1' }],
  benchIds: ['b1'],
  start: inHours(1),
  end: inHours(2),
  earliestStart: inHours(1),
  priority: 50,
  queue: false,
  checkInWithinMs: 300_000,
  graceMs: 60_000,
  decision,
}
const confirmed: ReservationEvent = { type: 'ReservationConfirmed', data: asked }
const queued: ReservationEvent = {
  type: 'ReservationQueued',
  data: { ...asked, queue: true, latestStart: inHours(25), earliestStart: t0 },
}
const activated: ReservationEvent & { at?: string } = { type: 'ReservationActivated', data: {}, at: inHours(1) }
const checkedIn: ReservationEvent = { type: 'ReservationCheckedIn', data: { by: 'request' } }
const nobody: BenchesSeen = { occupied: false, occupiedByOther: false, everOccupied: false }
type Seen = Exclude<ReservationCommand, { placed: unknown }>
const command = <Type extends Seen['type']>(
  type: Type,
  body: Extract<Seen, { type: Type }>['data'],
  at: string,
  seen: Partial<BenchesSeen> = {},
) => ({ type, data: body, id: 'r1', at, seen: { ...nobody, ...seen } }) as ReservationCommand
const tick = (at: string, seen?: Partial<BenchesSeen>) => command('Tick', {}, at, seen)

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
    expect(given(decider, [confirmed, activated, checkedIn]).nextDue).toBe(inHours(2))
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
      .thenRefused('ReservationOver', { status: 'no-show' })
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
