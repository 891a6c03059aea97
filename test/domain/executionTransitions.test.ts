import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseCommand } from '../../domain/contract.ts'
import { decider, type ExecutionCommand } from '../../domain/execution/decide.ts'
import type { ExecutionState } from '../../domain/execution/state.ts'
import { given } from '../given.ts'
import { executionStory } from './arbitraries.ts'
import { type Drawn, expectAllTold, outcomeOf, tellStory, watchMoves } from './drawn.ts'
import { after, at, cancel, claim, complete, fail, session, submit, tick } from './executionStory.ts'

const lifecycle: Drawn = {
  absent: ['queued'],
  queued: ['running', 'cancelling', 'finished'],
  running: ['cancelling', 'interrupted', 'finished'],
  interrupted: ['running', 'cancelling', 'finished'],
  cancelling: ['finished'],
  finished: ['queued'],
}
const redriven = ['pending', 'ready']
/** From commit to commit: what happens within one is seen by nobody. */
const task: Drawn = {
  pending: ['ready', 'skipped'],
  ready: ['running', 'skipped'],
  // Lost: ready again, or errored when no attempt is left.
  running: ['passed', 'failed', 'errored', 'timed-out', 'cancelled', 'waiting-retry', 'ready'],
  'waiting-retry': ['running', 'skipped'],
  failed: redriven,
  errored: redriven,
  'timed-out': redriven,
  cancelled: redriven,
  skipped: redriven,
}
const attempt: Drawn = { started: ['passed', 'failed', 'timed-out', 'cancelled', 'lost'] }

/** `a`, and what always runs after it. */
const begun = [
  submit([
    { name: 'a', retry: { attemptCountMax: 2 } },
    { name: 'clean', needs: ['a'], runs: 'always' },
  ]),
]
const running = [...begun, claim('a')]
const lose = { type: 'LoseAttempt', data: { taskName: 'a', attempt: 1, ...session, reason: 'gone' } }
const states: Readonly<Record<string, readonly ExecutionCommand[]>> = {
  absent: [],
  queued: begun,
  running,
  'running, to be retried': [...running, fail('a')],
  'running, its window about to end': [
    ...running,
    { type: 'ExtendGrace', data: {}, id: 'e1', at: at(1), ending: { cancelAt: at(500), until: at(900) } },
  ],
  interrupted: [...running, { ...lose, id: 'e1', at: at(1) } as ExecutionCommand],
  cancelling: [...running, cancel(1)],
  finished: [submit([{ name: 'a' }]), claim('a'), fail('a')],
  'finished, passed': [submit([{ name: 'a' }]), claim('a'), complete('a')],
}

const report = { taskName: 'a', attempt: 1, ...session }
const bodies: Readonly<Record<string, object>> = {
  SubmitExecution: { reservationId: 'r1', tasks: [{ name: 'a', run: {} }] },
  ClaimTask: { taskName: 'a', benchId: 'b1', ...session },
  CompleteAttempt: report,
  FailAttempt: { ...report, reason: 'exit 1' },
  AcknowledgeCancel: report,
  AnnounceArtifact: { ...report, path: 'a.log' },
  RecordArtifact: { ...report, path: 'a.log', bytes: 1, sha256: '0'.repeat(64) },
  LoseAttempt: lose.data,
  EndExecution: { reason: 'the reservation is over' },
}
const facts = {
  benchIds: ['b2'],
  windowEnd: at(86_400_000),
  graceMs: 60_000,
  ending: { cancelAt: at(500), until: at(900) },
  isExtended: false,
  isFenced: false,
}
const commandOf = (type: string): ExecutionCommand => {
  const parsed = parseCommand('execution', type, bodies[type] ?? {})
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors))
  return { ...facts, type, data: parsed.data, id: 'e1', at: at(10) } as ExecutionCommand
}

const reports = ['CompleteAttempt', 'FailAttempt', 'AcknowledgeCancel', 'AnnounceArtifact', 'RecordArtifact']
const allStale = Object.fromEntries(reports.map((type) => [type, 'refused: StaleAttempt']))
const queued = {
  ...allStale,
  SubmitExecution: 'refused: ExecutionIdTaken',
  CancelExecution: 'ExecutionCancelRequested TaskSkipped',
  RedriveExecution: 'refused: ExecutionNotFinished',
  ClaimTask: 'ExecutionStarted AttemptStarted',
  LoseAttempt: 'nothing',
  ExtendGrace: 'nothing',
  FollowReservation: 'ExecutionMoved',
  EndExecution: 'TaskSkipped TaskSkipped ExecutionFinished',
  Tick: 'nothing',
}
const isRunning = {
  ...queued,
  CancelExecution: 'ExecutionCancelRequested',
  ClaimTask: 'refused: TaskNotReady',
  CompleteAttempt: 'AttemptPassed',
  FailAttempt: 'AttemptFailed TaskRetryScheduled',
  AcknowledgeCancel: 'refused: CancelNotRequested',
  AnnounceArtifact: 'nothing',
  RecordArtifact: 'ArtifactRecorded',
  LoseAttempt: 'AttemptLost ExecutionInterrupted',
  ExtendGrace: 'ExecutionEnding',
  FollowReservation: 'nothing',
  EndExecution: 'AttemptTimedOut TaskSkipped ExecutionFinished',
}
const between = {
  ...queued,
  CancelExecution: 'ExecutionCancelRequested TaskSkipped',
  ExtendGrace: 'ExecutionEnding',
  FollowReservation: 'nothing',
}
const finished = {
  ...allStale,
  SubmitExecution: 'refused: ExecutionIdTaken',
  CancelExecution: 'refused: ExecutionOver',
  RedriveExecution: 'ExecutionRedriven',
  ClaimTask: 'refused: ExecutionOver',
  LoseAttempt: 'nothing',
  ExtendGrace: 'nothing',
  FollowReservation: 'nothing',
  EndExecution: 'nothing',
  Tick: 'nothing',
}
const told: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  absent: {
    ...Object.fromEntries(Object.keys(queued).map((type) => [type, 'refused: ExecutionUnknown'])),
    SubmitExecution: 'ExecutionSubmitted',
  },
  queued,
  running: isRunning,
  'running, to be retried': { ...between, ClaimTask: 'refused: TaskNotReady', FailAttempt: 'nothing' },
  'running, its window about to end': { ...isRunning, ExtendGrace: 'nothing' },
  interrupted: { ...between, ClaimTask: 'ExecutionResumed AttemptStarted' },
  cancelling: {
    ...isRunning,
    CancelExecution: 'nothing',
    FailAttempt: 'AttemptFailed',
    AcknowledgeCancel: 'AttemptCancelled',
    LoseAttempt: 'AttemptLost',
  },
  finished: { ...finished, FailAttempt: 'nothing' },
  'finished, passed': { ...finished, CompleteAttempt: 'nothing', RedriveExecution: 'refused: NothingToRedrive' },
}

describe('an execution', () => {
  test('has an answer to every command in every state', () => expectAllTold('execution', told))
  const pairs = Object.entries(told).flatMap(([state, answers]) =>
    Object.entries(answers).map(([type, outcome]) => [state, type, outcome] as const),
  )
  test.each(pairs)('%s: %s is %s', (state, type, outcome) => {
    const history = after(...(states[state] ?? []))
    expect(outcomeOf(given(decider, history).when(commandOf(type)).answer)).toBe(outcome)
  })
  test('ends what runs at a Tick that comes when its window does', () => {
    const { answer } = given(decider, after(...(states['running, its window about to end'] ?? []))).when(tick(500))
    expect(outcomeOf(answer)).toBe('ExecutionCancelRequested')
  })

  test('and its tasks and attempts move along drawn arrows only, whatever is commanded', () => {
    const lives = watchMoves('execution', lifecycle)
    const tasks = watchMoves('task', task)
    const attempts = watchMoves('attempt', attempt)
    const tasksOf = (state: ExecutionState) => (state.status === 'absent' ? [] : state.tasks)
    const watch = (commands: readonly ExecutionCommand[]): void =>
      tellStory(decider, commands, {
        onEvent: (before, { type }, next) =>
          lives.move((before as ExecutionState).status, (next as ExecutionState).status, type),
        onCommit: (from, { type }, to) => {
          const before = tasksOf(from as ExecutionState)
          for (const [index, one] of tasksOf(to as ExecutionState).entries()) {
            tasks.move(before[index]?.status, one.status, type)
            for (const [n, { status }] of one.attempts.entries())
              attempts.move(before[index]?.attempts[n]?.status, status, type)
          }
        },
      })
    for (const [state, type] of pairs) watch([...(states[state] ?? []), commandOf(type)])
    fc.assert(fc.property(executionStory, watch), { numRuns: 2_000 })
    expect(attempts.seen).toEqual(attempts.arrows)
    expect(lives.seen).toEqual(lives.arrows)
  })
})
