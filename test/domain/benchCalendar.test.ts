import { describe, expect, test } from 'vitest'
import { decider } from '../../domain/bench/decide.ts'
import type { BenchEvent } from '../../domain/bench/events.ts'
import { intervalCountMax } from '../../domain/bench/rejections.ts'
import { occupancyOf, type RegisteredBench } from '../../domain/bench/state.ts'
import { given } from '../given.ts'

import { at, command, held, hold, inHours, registered, withBuffers } from './benchStory.ts'

describe('intervals', () => {
  test('a free window is held with its buffers', () =>
    given(decider, [withBuffers])
      .when(hold('r1', 1, 2))
      .then({
        type: 'IntervalHeld',
        data: {
          reservationId: 'r1',
          holder: 'ada',
          start: inHours(1),
          end: inHours(2),
          heldFrom: inHours(0.75),
          heldUntil: inHours(2.5),
        },
      }))
  test('an overlap names what is in the way', () =>
    given(decider, [registered, held('r1', 1, 3)])
      .when(hold('r2', 2, 4))
      .thenRefused('IntervalConflict', {
        conflicts: [{ benchId: 'hil-1', start: inHours(1), end: inHours(3), reservationId: 'r1', holder: 'ada' }],
      }))
  test('windows that touch do not overlap', () => {
    expect(given(decider, [registered, held('r1', 1, 2)]).when(hold('r2', 2, 3)).answer).toHaveLength(1)
    expect(given(decider, [registered, held('r1', 1, 2)]).when(hold('r2', 0, 1)).answer).toHaveLength(1)
  })
  test('buffers overlap too', () =>
    given(decider, [
      withBuffers,
      {
        ...held('r1', 1, 2),
        data: { ...held('r1', 1, 2).data, heldFrom: inHours(0.75), heldUntil: inHours(2.5) },
      } as BenchEvent,
    ])
      .when(hold('r2', 2.6, 3))
      .thenRefused('IntervalConflict', {
        conflicts: [expect.objectContaining({ end: inHours(2), heldFrom: inHours(0.75), heldUntil: inHours(2.5) })],
      }))
  test('a bench that is not in service is not booked', () =>
    given(decider, [registered, { type: 'BenchMaintenanceStarted', data: { reason: 'fan' } }])
      .when(hold('r1', 1, 2))
      .thenRefused('BenchNotInService', { serviceability: 'maintenance' }))
  test('a calendar is full after so many', () => {
    const many = Array.from({ length: intervalCountMax }, (_, index) => held(`r${index}`, index * 2, index * 2 + 1))
    given(decider, [registered, ...many])
      .when(hold('one-more', 5_000, 5_001))
      .thenRefused('CalendarFull')
  })
  test('moving keeps what is not moved, and does not meet itself', () =>
    given(decider, [registered, held('r1', 1, 2)])
      .when(command('MoveInterval', { reservationId: 'r1', start: inHours(1), end: inHours(3) }))
      .then({
        type: 'IntervalMoved',
        data: {
          reservationId: 'r1',
          start: inHours(1),
          end: inHours(3),
          heldFrom: inHours(1),
          heldUntil: inHours(3),
          from: { start: inHours(1), end: inHours(2) },
        },
      }))
  test('moving into another is refused', () =>
    given(decider, [registered, held('r1', 1, 2), held('r2', 2, 3)])
      .when(command('MoveInterval', { reservationId: 'r1', start: inHours(1), end: inHours(2.5) }))
      .thenRefused('IntervalConflict'))
  test('a used bench stays held for its teardown, counted from the release', () => {
    const own = { ...held('r1', 0, 2), data: { ...held('r1', 0, 2).data, heldUntil: inHours(2.5) } } as BenchEvent
    const free = command('FreeInterval', { reservationId: 'r1', used: true }, inHours(1))
    const { answer } = given(decider, [withBuffers, own]).when(free)
    expect(answer).toMatchObject([{ type: 'IntervalFreed', data: { teardownUntil: inHours(1.5) } }])
    const after = given(decider, [withBuffers, own, { ...(answer as BenchEvent[])[0]!, at: inHours(1) }])
    const early = command(
      'HoldInterval',
      { reservationId: 'r2', holder: 'bob', start: inHours(1.6), end: inHours(3) },
      inHours(1),
    )
    after.when(early).thenRefused('IntervalConflict')
    const late = command(
      'HoldInterval',
      { reservationId: 'r2', holder: 'bob', start: inHours(1.75), end: inHours(3) },
      inHours(1),
    )
    expect(after.when(late).answer).toHaveLength(1)
  })
  test('freeing what is not held is nothing', () =>
    given(decider, [registered])
      .when(command('FreeInterval', { reservationId: 'r1', used: false }))
      .thenNothing())
  test('retirement is refused while intervals are held, unless forced', () => {
    const history = [registered, held('r1', 1, 2)]
    given(decider, history)
      .when(command('RetireBench', { force: false }))
      .thenRefused('IntervalsHeld', { reservationIds: ['r1'] })
    given(decider, history)
      .when(command('RetireBench', { force: true }))
      .then({ type: 'BenchRetired', data: { forced: true, reservationIds: ['r1'] } })
  })
})

describe('occupancy and sessions', () => {
  const session = { workerId: 'w1', epoch: 1 }
  const online: BenchEvent = { type: 'BenchOnline', data: session }
  const occupied: BenchEvent = { type: 'BenchOccupied', data: { executionId: 'e1', reservationId: 'r1' } }
  test('one execution at a time', () => {
    given(decider, [registered, occupied])
      .when(command('OccupyBench', { executionId: 'e2', reservationId: 'r1' }))
      .thenRefused('BenchOccupied', { executionId: 'e1' })
    given(decider, [registered, occupied])
      .when(command('OccupyBench', { executionId: 'e1', reservationId: 'r1' }))
      .thenNothing()
  })
  test('only its occupant vacates it', () => {
    given(decider, [registered, occupied])
      .when(command('VacateBench', { executionId: 'e2' }))
      .thenNothing()
    expect(
      given(decider, [registered, occupied]).when(command('VacateBench', { executionId: 'e1' })).answer,
    ).toHaveLength(1)
  })
  test('the axes are told apart: free, held, occupied', () => {
    const states = [[registered], [registered, held('r1', 0, 1)], [registered, held('r1', 0, 1), occupied]]
    expect(states.map((history) => occupancyOf(given(decider, history).state as RegisteredBench))).toEqual([
      'free',
      'held',
      'occupied',
    ])
  })
  test('a second worker is turned away while one serves it', () => {
    given(decider, [registered, online])
      .when(command('ConnectBench', { workerId: 'w2', epoch: 1 }))
      .thenRefused('BenchAlreadyServed', session)
    const lost: BenchEvent = { type: 'BenchLost', data: { ...session, lastSeenAt: at } }
    expect(
      given(decider, [registered, online, lost]).when(command('ConnectBench', { workerId: 'w2', epoch: 1 })).answer,
    ).toHaveLength(1)
  })
  test('the next session of the same worker takes over', () =>
    given(decider, [registered, online])
      .when(command('ConnectBench', { workerId: 'w1', epoch: 2 }))
      .then({ type: 'BenchOnline', data: { workerId: 'w1', epoch: 2 } }))
  test('news of an older session change nothing', () =>
    given(decider, [registered, { type: 'BenchOnline', data: { workerId: 'w1', epoch: 2 } }])
      .when(command('LoseBench', { ...session, lastSeenAt: at }))
      .thenNothing())
  test('suspected, recovered, lost, offline: each from where it is drawn', () => {
    given(decider, [registered, online]).when(command('RecoverBench', session)).thenNothing()
    given(decider, [registered, online])
      .when(command('SuspectBench', session))
      .then({ type: 'BenchSuspected', data: session })
    const suspected: BenchEvent = { type: 'BenchSuspected', data: session }
    given(decider, [registered, online, suspected])
      .when(command('RecoverBench', session))
      .then({ type: 'BenchRecovered', data: session })
    given(decider, [registered, online, suspected])
      .when(command('DisconnectBench', session))
      .then({ type: 'BenchOffline', data: session })
    given(decider, [registered]).when(command('DisconnectBench', session)).thenNothing()
  })
})
