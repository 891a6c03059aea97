import { describe, expect, test } from 'vitest'
import { artifactCountMax, artifactPath } from '../../domain/execution/commands.ts'
import { decider, type ExecutionCommand } from '../../domain/execution/decide.ts'
import type { ExecutionEvent } from '../../domain/execution/events.ts'
import { given } from '../given.ts'
import { after, at, cancel, claim, complete, fail, session, stateAfter, submit } from './executionStory.ts'

const bytes = { bytes: 3, sha256: '0'.repeat(64) }
const data = (path: string, by = session) => ({ taskName: 'a', attempt: 1, ...by, path })
const announce = (path: string, isFenced = false, by = session): ExecutionCommand => ({
  type: 'AnnounceArtifact',
  isFenced,
  data: data(path, by),
  id: 'e1',
  at: at(1),
})
const record = (path: string, isFenced = false): ExecutionCommand => ({
  type: 'RecordArtifact',
  isFenced,
  data: { ...data(path), ...bytes },
  id: 'e1',
  at: at(1),
})
const running = [submit([{ name: 'a' }]), claim('a')]

describe('an upload that is announced', () => {
  test('changes nothing while the attempt runs', () =>
    given(decider, after(...running))
      .when(announce('a.log'))
      .thenNothing())
  test('is refused with its evidence when the session is not the attempt’s, or not its worker’s any more', () => {
    for (const command of [announce('a.log', true), announce('a.log', false, { workerId: 'w1', epoch: 2 })])
      given(decider, after(...running))
        .when(command)
        .thenRefused('StaleEpoch', { evidence: [expect.objectContaining({ type: 'AttemptReportRejected' })] })
  })
  test('is refused once the attempt has ended, unless it may be the retry of one that was taken', () => {
    const ended = after(...running, record('a.log'), complete('a'))
    given(decider, ended).when(announce('b.log')).thenRefused('StaleAttempt')
    given(decider, ended).when(announce('a.log')).thenNothing()
    given(decider, ended).when(record('a.log')).thenNothing()
  })
  test('is refused when the attempt has left as many as it may', () => {
    const [first, ...rest] = after(...running, record('0.log')).toReversed()
    const more = Array.from({ length: artifactCountMax - 1 }, (_, n) => ({
      ...(first as Extract<ExecutionEvent, { type: 'ArtifactRecorded' }>),
      data: { ...data(`${n + 1}.log`), ...bytes },
    }))
    const full = [...rest.toReversed(), ...(first === undefined ? [] : [first]), ...more]
    given(decider, full).when(announce('one-more.log')).thenRefused('TooManyArtifacts')
    given(decider, full).when(record('one-more.log')).thenRefused('TooManyArtifacts')
    given(decider, full).when(announce('0.log')).thenNothing()
  })
})

test('a path is one of files below the attempt, and names nothing else', () => {
  const is = (path: string): boolean => artifactPath.safeParse(path).success
  for (const path of ['a', 'a/b.xml', '.hidden', 'a..b', 'constructor', 'x'.repeat(512), 'a b/c_d-e'])
    expect(is(path), path).toBe(true)
  const hostile = [
    '',
    '.',
    '..',
    '/a',
    'a/',
    'a//b',
    'a/../b',
    'a/./b',
    'a\\b',
    'a\0',
    'a\n',
    'ä',
    '__proto__',
    'x'.repeat(513),
  ]
  for (const path of hostile) expect(is(path), JSON.stringify(path)).toBe(false)
})

test('what a failed attempt found out is kept with its failure', () => {
  const result = { tests: { total: 3, failed: 1 } }
  const failing = fail('a') as Extract<ExecutionCommand, { type: 'FailAttempt' }>
  const failed = after(...running, { ...failing, data: { ...failing.data, result } })
  expect(failed.find(({ type }) => type === 'AttemptFailed')?.data).toMatchObject({ reason: 'exit 1', result })
  expect(after(...running, failing).find(({ type }) => type === 'AttemptFailed')?.data).not.toHaveProperty('result')
})

describe('who is to be told', () => {
  const url = 'https://ci.example.com/hook'
  test('is known from the submission to each end, however it comes about', () => {
    const told = [submit([{ name: 'a' }], { callback: { url } }), claim('a')]
    expect(stateAfter(...told).callback).toEqual({ url })
    for (const end of [complete('a'), fail('a')])
      expect(after(...told, end).at(-1)).toMatchObject({ type: 'ExecutionFinished', data: { callback: { url } } })
    expect(after(submit([{ name: 'a' }], { callback: { url } }), cancel()).at(-1)?.data).toMatchObject({
      callback: { url },
    })
  })
  test('is nobody, when nobody is named', () => {
    const [submitted, ...rest] = after(submit([{ name: 'a' }]), cancel())
    expect(submitted?.data).not.toHaveProperty('callback')
    expect(rest.at(-1)?.data).not.toHaveProperty('callback')
  })
})
