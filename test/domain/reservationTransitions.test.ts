import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { plusMs } from '../../domain/ids.ts'
import { decider, type ReservationCommand } from '../../domain/reservation/decide.ts'
import type { ReservationEvent } from '../../domain/reservation/events.ts'
import { isOver, type ReservationState } from '../../domain/reservation/state.ts'
import { given } from '../given.ts'
import { reservationStory } from './arbitraries.ts'
import { type Drawn, expectAllTold, outcomeOf, tellStory, watchMoves } from './drawn.ts'
import {
  activated,
  checkedIn,
  command,
  confirmed,
  ending,
  extended,
  inHours,
  placed,
  queued,
  request,
} from './reservationStory.ts'

const drawn: Drawn = {
  absent: ['confirmed', 'queued'],
  // Expired without ever being active: a predecessor stayed on a bench until its end.
  confirmed: ['active', 'cancelled', 'expired'],
  queued: ['active', 'cancelled', 'expired'],
  active: ['released', 'expired', 'no-show', 'cancelled'],
}

/** Nothing is due by itself: before the start, or in the middle of the window. */
const before = inHours(0.5)
const amid = inHours(1.5)
const inGrace = plusMs(inHours(2), 1_000)
const used = [confirmed, activated, checkedIn]
const happened = (type: ReservationEvent['type']) => ({ type, data: {} }) as ReservationEvent
const states: Readonly<Record<string, { history: readonly ReservationEvent[]; at: string; occupied?: true }>> = {
  absent: { history: [], at: before },
  confirmed: { history: [confirmed], at: before },
  queued: { history: [queued], at: before },
  active: { history: used, at: amid },
  'active, occupied': { history: used, at: amid, occupied: true },
  'active, ending': { history: [...used, ending], at: plusMs(inHours(2), -30_000), occupied: true },
  'active, in grace': {
    history: [...used, ending, extended, happened('ReservationGraceEntered')],
    at: inGrace,
    occupied: true,
  },
  released: { history: [...used, happened('ReservationReleased')], at: amid },
  expired: { history: [...used, happened('ReservationExpired')], at: amid },
  'no-show': { history: [confirmed, activated, happened('ReservationNoShow')], at: amid },
  cancelled: { history: [confirmed, happened('ReservationCancelled')], at: before },
}

const bodies = (type: string, at: string): unknown => {
  switch (type) {
    case 'AmendReservation':
      return { end: inHours(3) }
    case 'TransferReservation':
      return { holder: 'bob' }
    case 'EvictReservation':
      return { benchId: 'b1' }
    case 'ExtendHold':
      return { until: plusMs(at, 60_000) }
    default:
      return {}
  }
}
const commandFor = (type: string, state: string): ReservationCommand => {
  const { at = before, occupied = false } = states[state] ?? {}
  if (type === 'RequestReservation') return request
  if (type === 'PullForward')
    return { type, data: {}, id: 'r1', at, placed: { ...placed, start: inHours(0.6), end: inHours(1.6) } }
  return command(type as 'Tick', bodies(type, at) as never, at, { occupied, everOccupied: occupied })
}

const waiting = {
  RequestReservation: 'refused: ReservationIdTaken',
  AmendReservation: 'ReservationAmended',
  TransferReservation: 'ReservationTransferred',
  CheckInReservation: 'refused: ReservationNotActive',
  ReleaseReservation: 'refused: ReservationNotActive',
  CancelReservation: 'ReservationCancelled',
  PullForward: 'nothing',
  EvictReservation: 'ReservationCancelled',
  ExtendHold: 'nothing',
  Tick: 'nothing',
}
const active = {
  ...waiting,
  CheckInReservation: 'nothing',
  ReleaseReservation: 'ReservationReleased',
  CancelReservation: 'refused: ReservationAlreadyActive',
}
const over = {
  RequestReservation: 'refused: ReservationIdTaken',
  AmendReservation: 'refused: ReservationOver',
  TransferReservation: 'refused: ReservationOver',
  CheckInReservation: 'refused: ReservationOver',
  ReleaseReservation: 'refused: ReservationOver',
  CancelReservation: 'refused: ReservationOver',
  PullForward: 'nothing',
  EvictReservation: 'nothing',
  ExtendHold: 'nothing',
  Tick: 'nothing',
}
const told: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  absent: {
    ...Object.fromEntries(Object.keys(waiting).map((type) => [type, 'refused: ReservationUnknown'])),
    RequestReservation: 'ReservationConfirmed',
  },
  confirmed: waiting,
  queued: { ...waiting, PullForward: 'ReservationPulledForward' },
  active,
  'active, occupied': { ...active, ReleaseReservation: 'refused: ExecutionRunning' },
  'active, ending': {
    ...active,
    ReleaseReservation: 'refused: ExecutionRunning',
    ExtendHold: 'ReservationGraceExtended',
  },
  'active, in grace': { ...active, ReleaseReservation: 'refused: ExecutionRunning' },
  released: { ...over, ReleaseReservation: 'nothing' },
  expired: over,
  'no-show': over,
  cancelled: { ...over, CancelReservation: 'nothing' },
}

describe('a reservation', () => {
  test('has an answer to every command in every state', () => expectAllTold('reservation', told))
  const pairs = Object.entries(told).flatMap(([state, answers]) =>
    Object.entries(answers).map(([type, outcome]) => [state, type, outcome] as const),
  )
  test.each(pairs)('%s: %s is %s', (state, type, outcome) => {
    const { answer } = given(decider, states[state]?.history ?? []).when(commandFor(type, state))
    expect(outcomeOf(answer)).toBe(outcome)
  })

  test('moves along drawn arrows only, and nothing moves what is over', () => {
    const moves = watchMoves('status', drawn)
    fc.assert(
      fc.property(reservationStory, (commands) => {
        tellStory(decider, commands, {
          onEvent: (from, { type }, to) => {
            const [one, next] = [from as ReservationState, to as ReservationState]
            if (isOver(one)) throw new Error(`${type} happened to what is ${one.status}`)
            moves.move(one.status, next.status, type)
          },
        })
      }),
      { numRuns: 2_000 },
    )
    expect(moves.seen).toEqual(moves.arrows)
  })
})
