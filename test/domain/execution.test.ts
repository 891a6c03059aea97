import { describe, expect, test } from 'vitest'
import { decider } from '../../domain/execution/decide.ts'
import { given } from '../given.ts'

import { after, at, cancel, claim, complete, fail, stateAfter, statuses, submit, tick } from './executionStory.ts'

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
