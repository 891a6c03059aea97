import { describe, expect, test } from 'vitest'
import { decider, type ExecutionCommand } from '../../domain/execution/decide.ts'
import type { ExecutionEvent } from '../../domain/execution/events.ts'
import { rejectedReportCountMax } from '../../domain/execution/reports.ts'

import { given } from '../given.ts'

import {
  after,
  at,
  cancel,
  claim,
  complete,
  fail,
  session,
  stateAfter,
  statuses,
  submit,
  tick,
} from './executionStory.ts'

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
      isFenced: false,
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
