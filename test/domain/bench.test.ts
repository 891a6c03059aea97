import { describe, expect, test } from 'vitest'
import { type BenchCommand, decider } from '../../domain/bench/decide.ts'
import type { BenchEvent } from '../../domain/bench/events.ts'
import type { RegisteredBench } from '../../domain/bench/state.ts'
import { given } from '../given.ts'

import { command, description, held, registered } from './benchStory.ts'

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
