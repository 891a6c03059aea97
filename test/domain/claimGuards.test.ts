import { describe, expect, test } from 'vitest'
import { inHours } from './lab.ts'
import { servedLab, session } from './servedLab.ts'

const started = (taskName: string, attempt: number, benchId: string) => ({
  events: [{ type: 'AttemptStarted', data: { taskName, attempt, benchId } }],
})

describe('a session that has expired', () => {
  test('claims nothing, though its benches have not been told yet', () => {
    const it = servedLab()
    it.submit([{ name: 'a' }])
    it.send('worker', 'w1', 'ExpireSession', { epoch: 1, lastSeenAt: inHours(0) })
    expect(it.bench('b1')).toMatchObject({ connectivity: 'online', session })
    expect(it.claim('a')).toMatchObject({ rejection: 'StaleEpoch' })
    expect(it.occupants()).toEqual([undefined, undefined])
  })
})

describe('an attempt that says it was cancelled', () => {
  test('is refused when nobody asked: it would be neither passed nor failed', () => {
    const it = servedLab()
    it.submit([{ name: 'a' }])
    it.claim('a')
    expect(it.cancelled('a')).toMatchObject({ rejection: 'CancelNotRequested', taskName: 'a' })
    expect(it.tasks()).toEqual({ a: 'running' })
  })
  test('is believed when somebody did, or its window ends', () => {
    const it = servedLab()
    it.submit([{ name: 'a', timeoutMs: 36_000_000 }])
    it.claim('a')
    it.tick('r1', inHours(2 - 1 / 60))
    it.send('execution', 'e1', 'ExtendGrace', {}, inHours(2 - 1 / 60))
    it.time(inHours(2))
    it.cancelled('a', 1, {}, inHours(2))
    expect([it.tasks(), it.verdict()]).toEqual([{ a: 'cancelled' }, 'timed-out'])
  })
})

describe('a report after the end', () => {
  test.each([
    ['complete', 'CompleteAttempt', {}],
    ['fail', 'FailAttempt', { reason: 'late' }],
    ['cancelled', 'AcknowledgeCancel', {}],
    ['artifact', 'RecordArtifact', { path: 'a.log', bytes: 1, sha256: '0'.repeat(64) }],
  ])('of the execution (%s) changes nothing, and is kept', (report, type, more) => {
    const it = servedLab()
    it.submit([{ name: 'a', timeoutMs: 60_000 }])
    it.claim('a')
    it.time(inHours(1))
    const before = it.execution('e1')
    const answer = it.send('execution', 'e1', type, { taskName: 'a', attempt: 1, ...session, ...more }, inHours(1.1))
    const evidence = { type: 'AttemptReportRejected', data: { report, rejection: 'StaleAttempt', epoch: 1 } }
    expect(answer).toMatchObject({ rejection: 'StaleAttempt', evidence: [{ events: [evidence] }] })
    expect(it.execution('e1')).toEqual(before)
  })
})

describe('two executions under one reservation', () => {
  test('run one after the other, the second on what the first has left', () => {
    const it = servedLab()
    it.submit([{ name: 'a' }])
    it.send('execution', 'e2', 'SubmitExecution', { reservationId: 'r1', tasks: [{ name: 'a', run: {} }] })
    it.claim('a')
    expect(it.claim('a', 'b1', inHours(0), 'e2')).toMatchObject({ rejection: 'BenchOccupied', executionId: 'e1' })
    it.complete('a')
    expect(it.claim('a', 'b1', inHours(0), 'e2')).toHaveLength(3)
    expect(it.occupants()).toEqual(['e2', 'e2'])
  })
  test('the first keeps its benches between its tasks and through a loss', () => {
    const it = servedLab()
    it.submit([{ name: 'a', retry: { attemptCountMax: 2 } }, { name: 'b' }])
    it.send('execution', 'e2', 'SubmitExecution', { reservationId: 'r1', tasks: [{ name: 'a', run: {} }] })
    it.claim('a')
    it.lose('a')
    expect([it.execution('e1').status, it.occupants()]).toEqual(['interrupted', ['e1', 'e1']])
    expect(it.claim('a', 'b1', inHours(0), 'e2')).toMatchObject({ rejection: 'BenchOccupied', executionId: 'e1' })
  })
})

describe('the tasks of a gang', () => {
  test('run each on the bench it names, and relocatable ones on any of them', () => {
    const it = servedLab()
    it.submit([{ name: 'first' }, { name: 'second', bench: 1 }, { name: 'any', relocatable: true }])
    expect(it.claim('first', 'b2')).toMatchObject({ rejection: 'TaskNotReady' })
    expect(it.claim('first', 'b1')).toHaveLength(3)
    expect(it.claim('second', 'b1')).toMatchObject({ rejection: 'TaskNotReady' })
    expect(it.claim('second', 'b2')).toMatchObject([started('second', 1, 'b2')])
    expect(it.claim('any', 'b2')).toMatchObject([started('any', 1, 'b2')])
    expect(it.claim('any', 'b1')).toMatchObject({ rejection: 'TaskNotReady' })
  })
  test('a lost relocatable one goes on on the bench that is left, the others wait for theirs', () => {
    const it = servedLab()
    const retry = { attemptCountMax: 2 }
    it.submit([
      { name: 'bound', retry },
      { name: 'free', retry, relocatable: true },
    ])
    it.claim('bound', 'b1')
    it.claim('free', 'b1')
    it.send('bench', 'b1', 'LoseBench', { ...session, lastSeenAt: inHours(0) })
    it.lose('bound')
    it.lose('free')
    expect(it.claim('bound', 'b1')).toMatchObject({ rejection: 'StaleEpoch' })
    expect(it.claim('bound', 'b2')).toMatchObject({ rejection: 'TaskNotReady' })
    expect(it.claim('free', 'b2')).toMatchObject([
      { events: [{ type: 'ExecutionResumed' }, { type: 'AttemptStarted', data: { attempt: 2, benchId: 'b2' } }] },
    ])
    expect(it.execution('e1').status).toBe('running')
  })
  test('on a bench that none of them names are not claimed, and nobody is told that it does not exist', () => {
    const it = servedLab()
    it.send('bench', 'b3', 'RegisterBench', { benchId: 'b3', type: 'hil' })
    it.submit([{ name: 'a', relocatable: true }])
    expect(it.claim('a', 'b3')).toMatchObject({ rejection: 'StaleEpoch', benchId: 'b3' })
  })
})
