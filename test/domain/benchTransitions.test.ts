import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decider } from '../../domain/bench/decide.ts'
import type { BenchEvent } from '../../domain/bench/events.ts'
import type { BenchState } from '../../domain/bench/state.ts'
import { parseCommand } from '../../domain/contract.ts'
import { given } from '../given.ts'
import { benchStory } from './arbitraries.ts'
import { at, description, held, inHours, registered } from './benchStory.ts'
import { type Drawn, expectAllTold, outcomeOf, tellStory, watchMoves } from './drawn.ts'

const serviceability: Drawn = {
  'in-service': ['maintenance', 'quarantined', 'retired'],
  maintenance: ['in-service', 'quarantined', 'retired'],
  quarantined: ['in-service', 'retired'],
}
const connectivity: Drawn = {
  'never-connected': ['online'],
  // Straight to lost: the sweeper slept through the suspicion.
  online: ['suspected', 'offline', 'lost'],
  // To offline: a suspected session may still be closed.
  suspected: ['online', 'lost', 'offline'],
  lost: ['online'],
  offline: ['online'],
}

const session = { workerId: 'w1', epoch: 1 }
const other = { workerId: 'w2', epoch: 5 }
const window = { reservationId: 'r2', start: inHours(5), end: inHours(6) }
/** One of each command, the same in every state. */
const commands: Readonly<Record<string, object>> = {
  RegisterBench: { benchId: 'hil-1', ...description },
  DescribeBench: { type: 'sil' },
  StartMaintenance: { reason: 'fan' },
  EndMaintenance: {},
  QuarantineBench: { reason: 'smoke' },
  ReturnBenchToService: {},
  RetireBench: { force: true },
  HoldInterval: { ...window, holder: 'ada' },
  MoveInterval: { ...window, reservationId: 'r1' },
  TransferInterval: { reservationId: 'r1', holder: 'bob' },
  FreeInterval: { reservationId: 'r1', used: false },
  OccupyBench: { executionId: 'e1', reservationId: 'r1' },
  VacateBench: { executionId: 'e1' },
  ConnectBench: session,
  DisconnectBench: session,
  SuspectBench: session,
  RecoverBench: session,
  LoseBench: { ...session, lastSeenAt: at },
}

const event = (type: BenchEvent['type'], data: object = {}) => ({ type, data }) as BenchEvent
const booked = [registered, held('r1', 1, 2)]
const online = [...booked, event('BenchOnline', session)]
const states: Readonly<Record<string, readonly BenchEvent[]>> = {
  absent: [],
  'in-service, held': booked,
  maintenance: [...booked, event('BenchMaintenanceStarted', { reason: 'fan' })],
  quarantined: [...booked, event('BenchQuarantined', { reason: 'smoke', evidence: [] })],
  retired: [...booked, event('BenchRetired', { forced: true, reservationIds: ['r1'] })],
  online,
  suspected: [...online, event('BenchSuspected', session)],
  lost: [...online, event('BenchLost', session)],
  offline: [...online, event('BenchOffline', session)],
  'served by another': [...booked, event('BenchOnline', other)],
  occupied: [...online, event('BenchOccupied', { executionId: 'e1', reservationId: 'r1' })],
  'occupied by another': [...online, event('BenchOccupied', { executionId: 'e2', reservationId: 'r2' })],
}

const inService = {
  RegisterBench: 'nothing',
  DescribeBench: 'BenchDescribed',
  StartMaintenance: 'BenchMaintenanceStarted',
  EndMaintenance: 'nothing',
  QuarantineBench: 'BenchQuarantined',
  ReturnBenchToService: 'nothing',
  RetireBench: 'BenchRetired',
  HoldInterval: 'IntervalHeld',
  MoveInterval: 'IntervalMoved',
  TransferInterval: 'IntervalTransferred',
  FreeInterval: 'IntervalFreed',
  OccupyBench: 'BenchOccupied',
  VacateBench: 'nothing',
  ConnectBench: 'BenchOnline',
  DisconnectBench: 'nothing',
  SuspectBench: 'nothing',
  RecoverBench: 'nothing',
  LoseBench: 'nothing',
}
const isOnline = {
  ...inService,
  ConnectBench: 'nothing',
  DisconnectBench: 'BenchOffline',
  SuspectBench: 'BenchSuspected',
  LoseBench: 'BenchLost',
}
const told: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  absent: {
    ...Object.fromEntries(Object.keys(commands).map((type) => [type, 'refused: BenchUnknown'])),
    RegisterBench: 'BenchRegistered',
  },
  'in-service, held': inService,
  maintenance: {
    ...inService,
    StartMaintenance: 'nothing',
    EndMaintenance: 'BenchMaintenanceEnded',
    ReturnBenchToService: 'refused: BenchServiceabilityConflict',
    HoldInterval: 'refused: BenchNotInService',
  },
  quarantined: {
    ...inService,
    StartMaintenance: 'refused: BenchServiceabilityConflict',
    EndMaintenance: 'refused: BenchServiceabilityConflict',
    QuarantineBench: 'nothing',
    ReturnBenchToService: 'BenchReturnedToService',
    HoldInterval: 'refused: BenchNotInService',
  },
  retired: {
    ...inService,
    RegisterBench: 'refused: BenchAlreadyRegistered',
    DescribeBench: 'refused: BenchRetired',
    StartMaintenance: 'refused: BenchRetired',
    EndMaintenance: 'refused: BenchRetired',
    QuarantineBench: 'refused: BenchRetired',
    ReturnBenchToService: 'refused: BenchRetired',
    RetireBench: 'nothing',
    HoldInterval: 'refused: BenchNotInService',
    ConnectBench: 'refused: BenchRetired',
  },
  online: isOnline,
  suspected: { ...isOnline, SuspectBench: 'nothing', RecoverBench: 'BenchRecovered' },
  lost: inService,
  offline: inService,
  'served by another': { ...inService, ConnectBench: 'refused: BenchAlreadyServed' },
  occupied: { ...isOnline, OccupyBench: 'nothing', VacateBench: 'BenchVacated' },
  'occupied by another': { ...isOnline, OccupyBench: 'refused: BenchOccupied' },
}

describe('a bench', () => {
  test('has an answer to every command in every state', () => expectAllTold('bench', told))
  const pairs = Object.entries(told).flatMap(([state, answers]) =>
    Object.entries(answers).map(([type, outcome]) => [state, type, outcome] as const),
  )
  test.each(pairs)('%s: %s is %s', (state, type, outcome) => {
    const parsed = parseCommand('bench', type, commands[type])
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors))
    const command = { type, data: parsed.data, id: 'hil-1', at } as Parameters<typeof decider.decide>[1]
    expect(outcomeOf(given(decider, states[state] ?? []).when(command).answer)).toBe(outcome)
  })

  test('moves along drawn arrows only, whatever is commanded', () => {
    const services = watchMoves('serviceability', serviceability)
    const connections = watchMoves('connectivity', connectivity)
    fc.assert(
      fc.property(benchStory, (commands) => {
        tellStory(decider, commands, {
          onEvent: (from, { type }, to) => {
            const [before, after] = [from as BenchState, to as BenchState]
            if (before.status === 'absent' || after.status === 'absent') return
            services.move(before.serviceability, after.serviceability, type)
            connections.move(before.connectivity, after.connectivity, type)
          },
        })
      }),
      { numRuns: 2_000 },
    )
    expect(services.seen).toEqual(services.arrows)
    expect(connections.seen).toEqual(connections.arrows)
  })
})
