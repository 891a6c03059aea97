import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseCommand } from '../../domain/contract.ts'
import { decider, type WorkerCommand } from '../../domain/worker/decide.ts'
import type { WorkerEvent } from '../../domain/worker/events.ts'
import type { WorkerState } from '../../domain/worker/state.ts'
import { given } from '../given.ts'
import { workerStory } from './arbitraries.ts'
import { type Drawn, expectAllTold, outcomeOf, tellStory, watchMoves } from './drawn.ts'

const t0 = '2026-03-01T09:00:00.000Z'
/** A worker has a session or none; a second one supersedes the first by closing it. */
const drawn: Drawn = { 'no session': ['session'], session: ['no session'] }

const opened = (epoch: number): WorkerEvent => ({
  type: 'WorkerSessionOpened',
  data: { epoch, benchIds: ['b1'], agentVersion: '1' },
})
const closed: WorkerEvent = { type: 'WorkerSessionClosed', data: { epoch: 1, benchIds: ['b1'], reason: 'closed' } }
const expired: WorkerEvent = { type: 'WorkerSessionExpired', data: { epoch: 1, benchIds: ['b1'], lastSeenAt: t0 } }
const enrolled: WorkerEvent = { type: 'WorkerEnrolled', data: { labels: {} } }
const states: Readonly<Record<string, readonly WorkerEvent[]>> = {
  absent: [],
  enrolled: [enrolled],
  'session 1': [enrolled, opened(1)],
  'session 1 closed': [enrolled, opened(1), closed],
  'session 1 expired': [enrolled, opened(1), expired],
  'session 2': [enrolled, opened(1), expired, opened(2)],
}
/** All about session 1. */
const commands: Readonly<Record<string, object>> = {
  EnrolWorker: { labels: {} },
  OpenSession: { benches: ['b1'], agentVersion: '1' },
  CloseSession: { epoch: 1 },
  ExpireSession: { epoch: 1, lastSeenAt: t0 },
}
const told: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  absent: {
    EnrolWorker: 'WorkerEnrolled',
    OpenSession: 'refused: WorkerUnknown',
    CloseSession: 'refused: WorkerUnknown',
    ExpireSession: 'refused: WorkerUnknown',
  },
  enrolled: {
    EnrolWorker: 'nothing',
    OpenSession: 'WorkerSessionOpened',
    CloseSession: 'refused: StaleEpoch',
    ExpireSession: 'nothing',
  },
  'session 1': {
    EnrolWorker: 'nothing',
    OpenSession: 'WorkerSessionClosed WorkerSessionOpened',
    CloseSession: 'WorkerSessionClosed',
    ExpireSession: 'WorkerSessionExpired',
  },
  'session 1 closed': {
    EnrolWorker: 'nothing',
    OpenSession: 'WorkerSessionOpened',
    CloseSession: 'nothing',
    ExpireSession: 'nothing',
  },
  'session 1 expired': {
    EnrolWorker: 'nothing',
    OpenSession: 'WorkerSessionOpened',
    CloseSession: 'nothing',
    ExpireSession: 'nothing',
  },
  'session 2': {
    EnrolWorker: 'nothing',
    OpenSession: 'WorkerSessionClosed WorkerSessionOpened',
    CloseSession: 'refused: StaleEpoch',
    ExpireSession: 'nothing',
  },
}

const sessionOf = (state: WorkerState): string | undefined =>
  state.status === 'absent' ? undefined : state.session === null ? 'no session' : 'session'

describe('a worker', () => {
  test('has an answer to every command in every state', () => expectAllTold('worker', told))
  const pairs = Object.entries(told).flatMap(([state, answers]) =>
    Object.entries(answers).map(([type, outcome]) => [state, type, outcome] as const),
  )
  test.each(pairs)('%s: %s is %s', (state, type, outcome) => {
    const parsed = parseCommand('worker', type, commands[type])
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors))
    const command = { type, data: parsed.data, id: 'w1', at: t0 } as WorkerCommand
    expect(outcomeOf(given(decider, states[state] ?? []).when(command).answer)).toBe(outcome)
  })

  test('opens each session with an epoch of its own, one more than the last, and only after the one before is over', () => {
    const moves = watchMoves('session', drawn)
    fc.assert(
      fc.property(workerStory, (commands) => {
        tellStory(decider, commands, {
          onEvent: (from, event, to) => {
            const [before, after] = [from as WorkerState, to as WorkerState]
            moves.move(sessionOf(before), sessionOf(after), event.type)
            if (before.status === 'absent' || after.status === 'absent') return
            const isOpened = event.type === 'WorkerSessionOpened'
            expect(after.epoch - before.epoch).toBe(isOpened ? 1 : 0)
            if (isOpened) expect(before.session).toBeNull()
          },
        })
      }),
      { numRuns: 1_000 },
    )
    expect(moves.seen).toEqual(moves.arrows)
  })
})
