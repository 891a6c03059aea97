import { describe, expect, test } from 'vitest'
import { decider, type ExecutionCommand } from '../../domain/execution/decide.ts'
import { given } from '../given.ts'
import { after, at, claim, complete, fail, session, stateAfter, statuses, submit, tick } from './executionStory.ts'

describe('a lost worker', () => {
  const lose = (taskName: string, attempt = 1, ms = 5): ExecutionCommand => ({
    type: 'LoseAttempt',
    data: { taskName, attempt, ...session, reason: 'the session expired' },
    id: 'e1',
    at: at(ms),
  })
  const patient = [{ name: 'a', retry: { attemptCountMax: 2 } }]
  test('leaves the outcome unknown, and the task ready while attempts remain', () => {
    const run = [submit(patient), claim('a'), lose('a')]
    expect(
      after(...run)
        .slice(-2)
        .map((event) => event.type),
    ).toEqual(['AttemptLost', 'ExecutionInterrupted'])
    expect(stateAfter(...run)).toMatchObject({
      status: 'interrupted',
      tasks: [{ status: 'ready', attempts: [{ status: 'lost' }] }],
    })
  })
  test('interrupts only once nothing runs any more', () => {
    const two = [{ name: 'a', retry: { attemptCountMax: 2 } }, { name: 'b' }]
    expect(stateAfter(submit(two), claim('a'), claim('b'), lose('a'))).toMatchObject({ status: 'running' })
  })
  test('is resumed by the next claim', () => {
    const run = [submit(patient), claim('a'), lose('a'), claim('a', 10)]
    expect(
      after(...run)
        .slice(-2)
        .map((event) => event.type),
    ).toEqual(['ExecutionResumed', 'AttemptStarted'])
    expect(stateAfter(...run, complete('a', 2, 11))).toMatchObject({ status: 'finished', verdict: 'passed' })
  })
  test('with no attempt left is an error, not a failure', () =>
    expect(stateAfter(submit([{ name: 'a' }]), claim('a'), lose('a'))).toMatchObject({
      status: 'finished',
      verdict: 'errored',
    }))
  test('loses nothing that it has reported, and nothing of another session', () => {
    given(decider, after(submit(patient), claim('a'), complete('a')))
      .when(lose('a'))
      .thenNothing()
    const other = {
      ...lose('a'),
      data: { taskName: 'a', attempt: 1, workerId: 'w1', epoch: 2, reason: 'x' },
    } as ExecutionCommand
    given(decider, after(submit(patient), claim('a')))
      .when(other)
      .thenNothing()
  })
  test('that comes back too late is refused, and what it says is kept', () =>
    given(decider, after(submit(patient), claim('a'), lose('a')))
      .when(complete('a', 1, 20))
      .thenRefused('StaleAttempt', { evidence: [{ type: 'AttemptReportRejected' }] }))
})

describe('driving again', () => {
  const redrive: ExecutionCommand = { type: 'RedriveExecution', data: {}, id: 'e1', at: at(50) }
  const plan = [
    { name: 'a' },
    { name: 'b', needs: ['a'], retry: { attemptCountMax: 2, backoffMs: 0 } },
    { name: 'c', needs: ['b'] },
  ]
  const failed = [
    submit(plan),
    claim('a'),
    complete('a'),
    claim('b', 2),
    fail('b', 1, 3),
    claim('b', 3),
    fail('b', 2, 4),
  ]
  test('gives what did not pass all its attempts again', () => {
    expect(stateAfter(...failed).verdict).toBe('failed')
    expect(statuses(stateAfter(...failed, redrive))).toEqual({ a: 'passed', b: 'ready', c: 'pending' })
    const again = [
      ...failed,
      redrive,
      claim('b', 51),
      fail('b', 3, 52),
      claim('b', 52),
      complete('b', 4, 53),
      claim('c', 54),
      complete('c', 1, 55),
    ]
    expect(stateAfter(...again)).toMatchObject({ status: 'finished', verdict: 'passed' })
  })
  test('is for finished executions that did not pass', () => {
    given(decider, after(submit(plan), claim('a')))
      .when(redrive)
      .thenRefused('ExecutionNotFinished')
    given(decider, after(submit([{ name: 'a' }]), claim('a'), complete('a')))
      .when(redrive)
      .thenRefused('NothingToRedrive')
    given(decider, after(...failed, redrive))
      .when(redrive)
      .thenNothing()
  })
  test('counts the time of the whole anew', () => {
    const slow = [submit([{ name: 'a' }], { timeoutMs: 1_000 }), claim('a'), tick(1_000)]
    const again = [...slow, { ...redrive, at: at(5_000) }, claim('a', 6_000)]
    expect(given(decider, after(...again)).nextDue).toBe(at(7_000))
  })
})
