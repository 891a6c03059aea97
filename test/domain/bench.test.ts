import { describe, expect, test } from 'vitest'
import { type BenchCommand, decider } from '../../domain/bench/decide.ts'
import type { BenchEvent } from '../../domain/bench/events.ts'
import { intervalCountMax } from '../../domain/bench/rejections.ts'
import { occupancyOf, type RegisteredBench } from '../../domain/bench/state.ts'
import { plusMs } from '../../domain/ids.ts'
import { given } from '../given.ts'

const at = '2026-03-01T09:00:00.000Z'
const hour = 3_600_000
const inHours = (hours: number) => plusMs(at, hours * hour)
const description = { type: 'hil', capabilities: ['can-fd'], setupMs: 0, teardownMs: 0, labels: {} }
const registered: BenchEvent = { type: 'BenchRegistered', data: { benchId: 'hil-1', ...description } }
const withBuffers: BenchEvent = {
  type: 'BenchRegistered',
  data: { benchId: 'hil-1', ...description, setupMs: hour / 4, teardownMs: hour / 2 },
}
const held = (reservationId: string, from: number, to: number): BenchEvent => ({
  type: 'IntervalHeld',
  data: {
    reservationId,
    holder: 'ada',
    start: inHours(from),
    end: inHours(to),
    heldFrom: inHours(from),
    heldUntil: inHours(to),
  },
})
const command = <Type extends BenchCommand['type']>(
  type: Type,
  data: Extract<BenchCommand, { type: Type }>['data'],
  when = at,
) => ({ type, data, id: 'hil-1', at: when }) as BenchCommand
const hold = (reservationId: string, from: number, to: number) =>
  command('HoldInterval', { reservationId, holder: 'ada', start: inHours(from), end: inHours(to) })

describe('a bench is registered', () => {
  const register = command('RegisterBench', { benchId: 'hil-1', ...description })
  test('for the first time', () => given(decider, []).when(register).then(registered))
  test('again with the same content, in any order: nothing changes', () => {
    given(decider, [registered]).when(register).thenNothing()
    const two = { ...description, capabilities: ['a', 'b'], labels: { x: '1', y: '2' } }
    const stored: BenchEvent = { type: 'BenchRegistered', data: { benchId: 'hil-1', ...two } }
    const again = {
      labels: { y: '2', x: '1' },
      teardownMs: 0,
      setupMs: 0,
      capabilities: ['b', 'a'],
      type: 'hil',
      benchId: 'hil-1',
    }
    given(decider, [stored]).when(command('RegisterBench', again)).thenNothing()
  })
  test('again with other content: it says so', () =>
    given(decider, [registered])
      .when(command('RegisterBench', { benchId: 'hil-1', ...description, type: 'sil' }))
      .thenRefused('BenchAlreadyRegistered', { benchId: 'hil-1' }))
  test('before anything else can happen to it', () =>
    given(decider, [])
      .when(command('StartMaintenance', { reason: 'x' }))
      .thenRefused('BenchUnknown'))
})

describe('a bench is described', () => {
  test('by what differs, the rest stays', () =>
    given(decider, [registered])
      .when(command('DescribeBench', { location: 'lab 2' }))
      .then({ type: 'BenchDescribed', data: { ...description, location: 'lab 2' } }))
  test('null takes an optional field away', () =>
    given(decider, [registered, { type: 'BenchDescribed', data: { ...description, location: 'lab 2' } }])
      .when(command('DescribeBench', { location: null }))
      .then({ type: 'BenchDescribed', data: description }))
  test('what is already so is no event', () =>
    given(decider, [registered])
      .when(command('DescribeBench', { type: 'hil' }))
      .thenNothing())
  test('its etag follows operators, not bookings', () => {
    const { state } = given(decider, [
      registered,
      { type: 'BenchDescribed', data: { ...description, type: 'sil' } },
      held('r1', 1, 2),
    ])
    expect((state as RegisteredBench).descriptionVersion).toBe(2)
  })
})

describe('serviceability', () => {
  const history = {
    'in-service': [],
    maintenance: [{ type: 'BenchMaintenanceStarted', data: { reason: 'fan' } }],
    quarantined: [{ type: 'BenchQuarantined', data: { reason: 'burnt', evidence: [] } }],
    retired: [{ type: 'BenchRetired', data: { forced: false, reservationIds: [] } }],
  } satisfies Record<string, readonly BenchEvent[]>
  const moves: Record<string, BenchCommand> = {
    StartMaintenance: command('StartMaintenance', { reason: 'fan' }),
    EndMaintenance: command('EndMaintenance', {}),
    QuarantineBench: command('QuarantineBench', { reason: 'burnt', evidence: [] }),
    ReturnBenchToService: command('ReturnBenchToService', {}),
    RetireBench: command('RetireBench', { force: false }),
  }
  const table: readonly [from: keyof typeof history, move: string, result: string][] = [
    ['in-service', 'StartMaintenance', 'BenchMaintenanceStarted'],
    ['in-service', 'EndMaintenance', 'nothing'],
    ['in-service', 'QuarantineBench', 'BenchQuarantined'],
    ['in-service', 'ReturnBenchToService', 'nothing'],
    ['in-service', 'RetireBench', 'BenchRetired'],
    ['maintenance', 'StartMaintenance', 'nothing'],
    ['maintenance', 'EndMaintenance', 'BenchMaintenanceEnded'],
    ['maintenance', 'QuarantineBench', 'BenchQuarantined'],
    ['maintenance', 'ReturnBenchToService', 'refused'],
    ['maintenance', 'RetireBench', 'BenchRetired'],
    ['quarantined', 'StartMaintenance', 'refused'],
    ['quarantined', 'EndMaintenance', 'refused'],
    ['quarantined', 'QuarantineBench', 'nothing'],
    ['quarantined', 'ReturnBenchToService', 'BenchReturnedToService'],
    ['quarantined', 'RetireBench', 'BenchRetired'],
    ['retired', 'StartMaintenance', 'refused'],
    ['retired', 'EndMaintenance', 'refused'],
    ['retired', 'QuarantineBench', 'refused'],
    ['retired', 'ReturnBenchToService', 'refused'],
    ['retired', 'RetireBench', 'nothing'],
  ]
  test.each(table)('%s, %s: %s', (from, move, result) => {
    const { answer } = given(decider, [registered, ...history[from]]).when(moves[move]!)
    if (result === 'refused') expect(answer).toHaveProperty('rejection')
    else expect(Array.isArray(answer) ? (answer.map((event) => event.type)[0] ?? 'nothing') : answer).toBe(result)
  })
})

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
      .thenRefused('IntervalConflict'))
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
