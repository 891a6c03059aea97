import { describe, expect, test } from 'vitest'
import { decider, type ExecutionCommand } from '../../domain/execution/decide.ts'
import { given } from '../given.ts'
import { after, at, cancel, claim, complete, session, stateAfter, statuses, submit, tick } from './executionStory.ts'

describe('the end of the window', () => {
  const extend = (cancelAt: number, until: number): ExecutionCommand => ({
    type: 'ExtendGrace',
    data: {},
    id: 'e1',
    at: at(0),
    ending: { cancelAt: at(cancelAt), until: at(until) },
  })
  const plan = [{ name: 'a' }, { name: 'b' }, { name: 'z', needs: ['a'], runs: 'always' }]
  const running = [submit(plan), claim('a'), extend(1_000, 2_000)]
  test('asks what runs to stop at its end, and times out what has not at the end of the grace', () => {
    expect(given(decider, after(...running)).nextDue).toBe(at(1_000))
    expect(stateAfter(...running, tick(1_000))).toMatchObject({
      status: 'cancelling',
      cancel: { by: 'window', dueAt: at(2_000) },
    })
    expect(stateAfter(...running, tick(1_000), tick(2_000))).toMatchObject({ status: 'finished', verdict: 'timed-out' })
  })
  test('what stops in time still leaves the verdict timed-out, and lets what always runs run', () => {
    const acknowledge: ExecutionCommand = {
      type: 'AcknowledgeCancel',
      isFenced: false,
      data: { taskName: 'a', attempt: 1, ...session },
      id: 'e1',
      at: at(1_100),
    }
    const stopped = [...running, tick(1_000), acknowledge]
    expect(statuses(stateAfter(...stopped))).toEqual({ a: 'cancelled', b: 'skipped', z: 'ready' })
    expect(stateAfter(...stopped, claim('z', 1_200), complete('z', 1, 1_300)).verdict).toBe('timed-out')
  })
  test('that was extended in time ends nothing', () => {
    expect(after(...running, tick(1_000, true)).at(-1)?.type).toBe('ExecutionEndingLifted')
    expect(stateAfter(...running, tick(1_000, true))).toMatchObject({ status: 'running' })
  })
  test('after it only what always runs is started', () => {
    const ended = { ...claim('b', 1_500), windowEnd: at(1_000) } as ExecutionCommand
    given(decider, after(submit(plan), claim('a')))
      .when(ended)
      .thenRefused('TaskNotReady')
    const always = { ...claim('z', 1_500), windowEnd: at(1_000) } as ExecutionCommand
    expect(given(decider, after(submit(plan), claim('a'), complete('a'))).when(always).answer).toHaveLength(1)
  })
  test('is nothing to one that does not run', () =>
    given(decider, after(submit(plan)))
      .when(extend(1, 2))
      .thenNothing())
})

describe('a cancel', () => {
  test('that is not answered within its grace is a time-out of the attempt', () => {
    const run = [submit([{ name: 'a' }, { name: 'z', needs: ['a'], runs: 'always' }]), claim('a'), cancel(10)]
    expect(given(decider, after(...run)).nextDue).toBe(at(60_010))
    expect(statuses(stateAfter(...run, tick(60_010)))).toEqual({ a: 'timed-out', z: 'ready' })
    expect(stateAfter(...run, tick(60_010), claim('z', 60_011), complete('z', 1, 60_012)).verdict).toBe('cancelled')
  })
})

describe('artifacts', () => {
  const record = (path: string, digit = '0'): ExecutionCommand => ({
    type: 'RecordArtifact',
    isFenced: false,
    data: { taskName: 'a', attempt: 1, ...session, path, bytes: 3, sha256: digit.repeat(64) },
    id: 'e1',
    at: at(1),
  })
  const withArtifacts = (...artifacts: string[]): ExecutionCommand => ({
    type: 'CompleteAttempt',
    isFenced: false,
    data: { taskName: 'a', attempt: 1, ...session, artifacts },
    id: 'e1',
    at: at(2),
  })
  const running = [submit([{ name: 'a' }]), claim('a')]
  test('are recorded once; the same bytes again are nothing, others are refused', () => {
    expect(after(...running, record('junit.xml')).at(-1)).toMatchObject({
      type: 'ArtifactRecorded',
      data: { path: 'junit.xml', bytes: 3 },
    })
    given(decider, after(...running, record('junit.xml')))
      .when(record('junit.xml'))
      .thenNothing()
    given(decider, after(...running, record('junit.xml')))
      .when(record('junit.xml', '1'))
      .thenRefused('ArtifactDiffers')
  })
  test('that were never uploaded can not be reported', () => {
    given(decider, after(...running, record('a.log')))
      .when(withArtifacts('a.log', 'b.log'))
      .thenRefused('ArtifactMissing', { paths: ['b.log'] })
    expect(stateAfter(...running, record('a.log'), withArtifacts('a.log')).verdict).toBe('passed')
  })
  test('come while the attempt runs', () =>
    given(decider, after(...running, complete('a')))
      .when(record('late.log'))
      .thenRefused('StaleAttempt'))
})
