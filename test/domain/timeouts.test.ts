import { describe, expect, test } from 'vitest'
import { plusMs } from '../../domain/ids.ts'
import { inHours, t0 } from './lab.ts'
import { servedLab } from './servedLab.ts'

const at = (ms: number) => plusMs(t0, ms)
const retry = { attemptCountMax: 3, backoffMs: 1_000, factor: 2 }

describe('a task that takes too long', () => {
  test('is tried again after its backoff, which grows, and in the end leaves the verdict timed-out', () => {
    const it = servedLab()
    it.submit([{ name: 'a', timeoutMs: 10_000, retry }])
    it.claim('a')
    it.time(at(10_000))
    expect(it.claim('a', 'b1', at(10_999))).toMatchObject({ rejection: 'TaskNotReady' })
    it.claim('a', 'b1', at(11_000))
    it.time(at(21_000))
    expect(it.execution('e1').tasks[0]).toMatchObject({ status: 'waiting-retry', retryAt: at(23_000) })
    it.claim('a', 'b1', at(23_000))
    it.time(at(33_000))
    expect([it.tasks(), it.verdict()]).toEqual([{ a: 'timed-out' }, 'timed-out'])
  })
  test('may fail once, time out once, and pass', () => {
    const it = servedLab()
    it.submit([{ name: 'a', timeoutMs: 10_000, retry }])
    it.claim('a')
    it.fail('a', 1, {}, at(5))
    it.claim('a', 'b1', at(1_005))
    it.time(at(11_005))
    it.claim('a', 'b1', at(13_005))
    it.complete('a', 3, {}, at(13_006))
    expect(it.verdict()).toBe('passed')
    expect(it.execution('e1').tasks[0]?.attempts.map(({ status }) => status)).toEqual(['failed', 'timed-out', 'passed'])
  })
  test('is not timed out by a Tick that comes a millisecond early', () => {
    const it = servedLab()
    it.submit([{ name: 'a', timeoutMs: 10_000 }])
    it.claim('a')
    expect(it.time(at(9_999))).toEqual([])
    expect(it.tasks()).toEqual({ a: 'running' })
  })
})

describe('an execution that takes too long', () => {
  test('ends as a whole: what runs is timed out, what waits is skipped, a retry too', () => {
    const it = servedLab()
    it.submit([{ name: 'a', retry }, { name: 'b' }, { name: 'c', needs: ['a', 'b'], runs: 'always' }], {
      timeoutMs: 60_000,
    })
    it.claim('a')
    it.claim('b')
    it.fail('a', 1, {}, at(59_500))
    it.time(at(60_000))
    expect([it.tasks(), it.verdict()]).toEqual([{ a: 'skipped', b: 'timed-out', c: 'skipped' }, 'timed-out'])
    expect(it.occupants()).toEqual([undefined, undefined])
  })
  test('counts from its start, not from when it was submitted', () => {
    const it = servedLab()
    it.submit([{ name: 'a' }], { timeoutMs: 60_000 })
    expect(it.time(inHours(1))).toEqual([])
    it.claim('a', 'b1', inHours(1))
    it.time(plusMs(inHours(1), 59_999))
    expect(it.execution('e1').status).toBe('running')
    it.time(plusMs(inHours(1), 60_000))
    expect(it.verdict()).toBe('timed-out')
  })
})

describe('what always runs', () => {
  const plan = [
    { name: 'a' },
    { name: 'clean', needs: ['a'], runs: 'always' },
    { name: 'last', needs: ['clean'], runs: 'always' },
  ]
  test('is waited for when an execution is cancelled, one after the other', () => {
    const it = servedLab()
    it.submit(plan)
    it.claim('a')
    it.cancel()
    expect(it.tasks()).toEqual({ a: 'running', clean: 'pending', last: 'pending' })
    expect(it.claim('clean')).toMatchObject({ rejection: 'TaskNotReady' })
    it.time(at(60_000))
    expect(it.tasks()).toEqual({ a: 'timed-out', clean: 'ready', last: 'pending' })
    it.claim('clean', 'b1', at(60_001))
    it.fail('clean', 1, {}, at(60_002))
    it.claim('last', 'b1', at(60_003))
    expect(it.verdict()).toBeUndefined()
    it.complete('last', 1, {}, at(60_004))
    expect([it.tasks(), it.verdict()]).toEqual([{ a: 'timed-out', clean: 'failed', last: 'passed' }, 'cancelled'])
  })
  test('is not stopped by the grace of a cancel, but by its own time', () => {
    const it = servedLab()
    it.submit([{ name: 'clean', runs: 'always', timeoutMs: 600_000 }])
    it.claim('clean')
    it.cancel()
    expect(it.time(at(60_000))).toEqual([])
    it.time(at(600_000))
    expect([it.tasks(), it.verdict()]).toEqual([{ clean: 'timed-out' }, 'cancelled'])
  })
  test('a cancelled execution that nobody tears down ends with its window', () => {
    const it = servedLab()
    it.submit(plan)
    it.claim('a')
    it.cancel()
    it.cancelled('a')
    expect(it.tasks()).toEqual({ a: 'cancelled', clean: 'ready', last: 'pending' })
    it.send('execution', 'e1', 'EndExecution', { reason: 'the reservation is over' }, inHours(2))
    expect([it.tasks(), it.verdict()]).toEqual([{ a: 'cancelled', clean: 'skipped', last: 'skipped' }, 'cancelled'])
  })
})
