import { describe, expect, test } from 'vitest'
import { SubmitExecution } from '../../domain/execution/commands.ts'
import { decider, type ExecutionCommand, rejectedReportCountMax } from '../../domain/execution/decide.ts'
import type { ExecutionEvent } from '../../domain/execution/events.ts'
import type { Execution } from '../../domain/execution/state.ts'
import { plusMs } from '../../domain/ids.ts'
import { given } from '../given.ts'

const t0 = '2026-03-01T09:00:00.000Z'
const at = (ms: number) => plusMs(t0, ms)
const session = { workerId: 'w1', epoch: 1 }
type Plan = Record<string, unknown> & { name: string }
const submit = (tasks: readonly Plan[], rest: Record<string, unknown> = {}, benchIds = ['b1']): ExecutionCommand => ({
  type: 'SubmitExecution',
  data: SubmitExecution.parse({ reservationId: 'r1', ...rest, tasks: tasks.map((task) => ({ run: {}, ...task })) }),
  id: 'e1',
  at: t0,
  benchIds,
})
const claim = (taskName: string, ms = 0, benchId = 'b1'): ExecutionCommand => ({
  type: 'ClaimTask',
  data: { taskName, benchId, ...session },
  id: 'e1',
  at: at(ms),
})
const complete = (taskName: string, attempt = 1, ms = 1, by = session): ExecutionCommand => ({
  type: 'CompleteAttempt',
  data: { taskName, attempt, ...by, artifacts: [] },
  id: 'e1',
  at: at(ms),
})
const fail = (taskName: string, attempt = 1, ms = 1, infrastructure = false): ExecutionCommand => ({
  type: 'FailAttempt',
  data: { taskName, attempt, ...session, reason: 'exit 1', infrastructure },
  id: 'e1',
  at: at(ms),
})
const cancel = (ms = 1): ExecutionCommand => ({ type: 'CancelExecution', data: {}, id: 'e1', at: at(ms) })
const tick = (ms: number): ExecutionCommand => ({ type: 'Tick', data: {}, id: 'e1', at: at(ms) })

/** Everything that the commands lead to, each of them taken. */
const after = (...commands: readonly ExecutionCommand[]): (ExecutionEvent & { at: string })[] => {
  const history: (ExecutionEvent & { at: string })[] = []
  for (const command of commands) {
    const { answer } = given(decider, history).when(command)
    if ('rejection' in answer) throw new Error(`${command.type}: ${answer.detail}`)
    history.push(...answer.map((event) => ({ ...event, at: command.at })))
  }
  return history
}
const stateAfter = (...commands: readonly ExecutionCommand[]) => given(decider, after(...commands)).state as Execution
const statuses = (state: Execution) => Object.fromEntries(state.tasks.map((task) => [task.name, task.status]))

describe('a plan', () => {
  test.each([
    [
      'a circle, with its path',
      [
        { name: 'a', needs: ['c'] },
        { name: 'b', needs: ['a'] },
        { name: 'c', needs: ['b'] },
      ],
      'tasks',
      /a → c → b → a|c → b → a → c|b → a → c → b/,
    ],
    ['a task that needs itself', [{ name: 'a', needs: ['a'] }], 'tasks', /a → a/],
    ['an unknown need', [{ name: 'a' }, { name: 'b', needs: ['x'] }], 'tasks.1.needs.0', /there is no task x/],
    ['a name twice', [{ name: 'a' }, { name: 'a' }], 'tasks.1.name', /twice \(first as tasks.0\)/],
    ['a bench that the reservation does not have', [{ name: 'a', bench: 1 }], 'tasks.0.bench', /1 bench/],
  ])('is none with %s', (_, tasks, path, message) => {
    given(decider, [])
      .when(submit(tasks))
      .thenRefused('PlanInvalid', { errors: [{ path, message: expect.stringMatching(message) }] })
  })
  test('shows all its faults at once', () => {
    const { answer } = given(decider, []).when(
      submit([
        { name: 'a', needs: ['x', 'y'] },
        { name: 'a', bench: 3 },
      ]),
    )
    expect(answer).toMatchObject({ errors: [{}, {}, {}, {}] })
  })
  test('of a thousand tasks in a row is taken', () => {
    const tasks = Array.from({ length: 1_000 }, (_, index) => ({
      name: `t${index}`,
      needs: index === 0 ? [] : [`t${index - 1}`],
    }))
    expect(stateAfter(submit(tasks)).tasks[0]?.status).toBe('ready')
  })
})

describe('a run', () => {
  const diamond = [
    { name: 'a' },
    { name: 'b', needs: ['a'] },
    { name: 'c', needs: ['a'] },
    { name: 'd', needs: ['b', 'c'] },
  ]
  test('goes through its needs, and passes', () => {
    const run = [submit(diamond), claim('a'), complete('a'), claim('b'), claim('c'), complete('b'), complete('c')]
    expect(statuses(stateAfter(...run))).toEqual({ a: 'passed', b: 'passed', c: 'passed', d: 'ready' })
    expect(stateAfter(...run, claim('d'), complete('d'))).toMatchObject({ status: 'finished', verdict: 'passed' })
  })
  test('starts with its first claim, once', () => {
    expect(after(submit(diamond), claim('a')).map((event) => event.type)).toEqual([
      'ExecutionSubmitted',
      'ExecutionStarted',
      'AttemptStarted',
    ])
    expect(
      after(submit(diamond), claim('a'), complete('a'), claim('b')).filter(
        (event) => event.type === 'ExecutionStarted',
      ),
    ).toHaveLength(1)
  })
  test('a task is claimed once, when its needs have passed, on its bench', () => {
    given(decider, after(submit(diamond), claim('a')))
      .when(claim('a'))
      .thenRefused('TaskNotReady')
    given(decider, after(submit(diamond)))
      .when(claim('b'))
      .thenRefused('TaskNotReady')
    given(decider, after(submit(diamond)))
      .when(claim('a', 0, 'b2'))
      .thenRefused('TaskNotReady')
    given(decider, after(submit([{ name: 'a', relocatable: true }], {}, ['b1', 'b2'])))
      .when(claim('a', 0, 'b2'))
      .then({ type: 'ExecutionStarted', data: { benchIds: ['b1', 'b2'] } }, expect.anything() as never)
  })
  test('a failure skips what needs it, but not what always runs', () => {
    const plan = [
      { name: 'a' },
      { name: 'b', needs: ['a'] },
      { name: 'c', needs: ['b'] },
      { name: 'z', needs: ['c'], runs: 'always' },
    ]
    const failed = [submit(plan), claim('a'), fail('a')]
    expect(statuses(stateAfter(...failed))).toEqual({ a: 'failed', b: 'skipped', c: 'skipped', z: 'ready' })
    expect(stateAfter(...failed, claim('z'), complete('z'))).toMatchObject({ status: 'finished', verdict: 'failed' })
  })
  test('the verdict is the first that holds', () => {
    const two = [{ name: 'a' }, { name: 'b' }]
    expect(stateAfter(submit(two), claim('a'), claim('b'), fail('a'), fail('b', 1, 1, true)).verdict).toBe('errored')
    expect(
      stateAfter(
        submit([{ name: 'a', timeoutMs: 1_000 }, { name: 'b' }]),
        claim('b'),
        fail('b'),
        claim('a'),
        tick(1_000),
      ).verdict,
    ).toBe('timed-out')
    expect(stateAfter(submit(two), claim('a'), cancel(), fail('a')).verdict).toBe('cancelled')
  })
})

describe('retries', () => {
  const flaky = [{ name: 'a', retry: { attemptCountMax: 3, backoffMs: 1_000, factor: 2 } }]
  test('wait longer each time', () => {
    const first = after(submit(flaky), claim('a'), fail('a', 1, 10))
    expect(first.at(-1)).toMatchObject({ type: 'TaskRetryScheduled', data: { attempt: 2, dueAt: at(1_010) } })
    given(decider, first).when(claim('a', 1_009)).thenRefused('TaskNotReady')
    const second = after(submit(flaky), claim('a'), fail('a', 1, 10), claim('a', 1_010), fail('a', 2, 1_020))
    expect(second.at(-1)).toMatchObject({ data: { attempt: 3, dueAt: at(3_020) } })
  })
  test('a new attempt each, until they are used up', () => {
    const run = [submit(flaky), claim('a'), fail('a'), claim('a', 5_000), fail('a', 2, 5_001), claim('a', 50_000)]
    expect(stateAfter(...run, complete('a', 3, 50_001)).verdict).toBe('passed')
    expect(stateAfter(...run, fail('a', 3, 50_001))).toMatchObject({
      verdict: 'failed',
      tasks: [{ attempts: [{}, {}, {}] }],
    })
  })
})

describe('reports', () => {
  const running = after(submit([{ name: 'a' }]), claim('a'))
  test('the same report again is no error', () => {
    given(decider, after(submit([{ name: 'a' }, { name: 'b' }]), claim('a'), complete('a')))
      .when(complete('a'))
      .thenNothing()
    given(decider, after(submit([{ name: 'a' }]), claim('a'), complete('a')))
      .when(complete('a'))
      .thenNothing()
  })
  test('of another session is refused and kept', () =>
    given(decider, running)
      .when(complete('a', 1, 1, { workerId: 'w1', epoch: 2 }))
      .thenRefused('StaleEpoch', {
        evidence: [
          {
            type: 'AttemptReportRejected',
            data: { taskName: 'a', attempt: 1, workerId: 'w1', epoch: 2, report: 'complete', rejection: 'StaleEpoch' },
          },
        ],
      }))
  test('of another attempt is refused and kept', () => {
    given(decider, running).when(complete('a', 2)).thenRefused('StaleAttempt')
    given(decider, after(submit([{ name: 'a' }]), claim('a'), fail('a')))
      .when(complete('a'))
      .thenRefused('StaleAttempt')
  })
  test('a worker that never stops is not kept without end', () => {
    const one: ExecutionEvent = {
      type: 'AttemptReportRejected',
      data: { taskName: 'a', attempt: 2, ...session, report: 'complete', rejection: 'StaleAttempt' },
    }
    const { answer } = given(decider, [...running, ...Array.from({ length: rejectedReportCountMax }, () => one)]).when(
      complete('a', 2),
    )
    expect(answer).not.toHaveProperty('evidence')
  })
})

describe('cancelling', () => {
  test('before it started, it is over at once', () =>
    expect(stateAfter(submit([{ name: 'a' }]), cancel())).toMatchObject({
      status: 'finished',
      verdict: 'cancelled',
      tasks: [{ status: 'skipped' }],
    }))
  test('what runs is asked to stop, what always runs still does', () => {
    const plan = [{ name: 'a' }, { name: 'b' }, { name: 'z', needs: ['a'], runs: 'always' }]
    const cancelled = [submit(plan), claim('a'), cancel()]
    expect(stateAfter(...cancelled)).toMatchObject({ status: 'cancelling' })
    const acknowledge: ExecutionCommand = {
      type: 'AcknowledgeCancel',
      data: { taskName: 'a', attempt: 1, ...session },
      id: 'e1',
      at: at(2),
    }
    expect(statuses(stateAfter(...cancelled, acknowledge))).toEqual({ a: 'cancelled', b: 'skipped', z: 'ready' })
    expect(stateAfter(...cancelled, acknowledge, claim('z', 3), complete('z', 1, 4)).verdict).toBe('cancelled')
  })
  test('again is no error; after the end it is', () => {
    given(decider, after(submit([{ name: 'a' }]), claim('a'), cancel()))
      .when(cancel(2))
      .thenNothing()
    given(decider, after(submit([{ name: 'a' }]), claim('a'), complete('a')))
      .when(cancel(2))
      .thenRefused('ExecutionOver')
  })
})

describe('time', () => {
  test('an attempt past its time is timed out', () => {
    const run = [submit([{ name: 'a', timeoutMs: 5_000 }]), claim('a', 10)]
    expect(given(decider, after(...run)).nextDue).toBe(at(5_010))
    given(decider, after(...run))
      .when(tick(5_009))
      .thenNothing()
    expect(stateAfter(...run, tick(5_010)).verdict).toBe('timed-out')
  })
  test('several at once, each by its own rule', () => {
    const plan = [
      { name: 'a', timeoutMs: 1_000, retry: { attemptCountMax: 2 } },
      { name: 'b', timeoutMs: 2_000 },
    ]
    expect(statuses(stateAfter(submit(plan), claim('a'), claim('b'), tick(9_000)))).toEqual({
      a: 'waiting-retry',
      b: 'timed-out',
    })
  })
  test('the whole execution past its time ends, with all that is left of it', () => {
    const run = [submit([{ name: 'a' }, { name: 'b', needs: ['a'] }], { timeoutMs: 3_000 }), claim('a'), tick(3_000)]
    expect(stateAfter(...run)).toMatchObject({
      status: 'finished',
      verdict: 'timed-out',
      tasks: [{ status: 'timed-out' }, { status: 'skipped' }],
    })
  })
  test('the reservation is over: so is it', () => {
    const end: ExecutionCommand = {
      type: 'EndExecution',
      data: { reason: 'the reservation is over' },
      id: 'e1',
      at: at(5),
    }
    expect(stateAfter(submit([{ name: 'a' }]), end)).toMatchObject({ status: 'finished', verdict: 'timed-out' })
    given(decider, after(submit([{ name: 'a' }]), end))
      .when(end)
      .thenNothing()
  })
})
