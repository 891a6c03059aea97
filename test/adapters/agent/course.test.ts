import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { newCourse } from '../../../adapters/agent/course.ts'
import { newFence } from '../../../adapters/agent/fence.ts'
import type { Outcome, Running } from '../../../adapters/agent/runner.ts'

const passed: Outcome = { kind: 'passed' }

/** Something that runs until it is told to end. */
const endless = () => {
  const { promise, resolve } = Promise.withResolvers<Outcome>()
  const stops: number[] = []
  const running: Running = { ended: promise, stop: (graceMs) => void stops.push(graceMs) }
  return { running, stops, end: () => resolve(passed) }
}

describe('the course of an attempt', () => {
  test('what was asked to end first is the reason, and nothing more is started', async () => {
    const course = newCourse()
    const { running, stops, end } = endless()
    const ended = course.step(() => running)
    course.stop({ because: 'cancelled', detail: 'enough' }, 500)
    course.stop({ because: 'timed-out', detail: 'too long' }, 100)
    end()
    expect([await ended, stops, course.stopped()]).toEqual([
      passed,
      [500, 100],
      { because: 'cancelled', detail: 'enough' },
    ])
    expect(await course.step(() => endless().running)).toBeUndefined()
    expect(course.isFenced()).toBe(false)
  })

  test('the last step runs whatever was asked, but for the fence', async () => {
    const course = newCourse()
    course.stop({ because: 'cancelled', detail: 'enough' }, 500)
    const { running, stops, end } = endless()
    const ended = course.last(() => running)
    course.stop({ because: 'cancelled', detail: 'really' }, 400)
    expect(stops).toEqual([])
    course.stop({ because: 'fenced', detail: 'lost' }, 300)
    end()
    await ended
    expect([stops, course.isFenced(), course.stopped()?.because]).toEqual([[300], true, 'cancelled'])
  })

  test('fenced while nothing runs, nothing needs to be powered off; asked after its end, it is no reason', async () => {
    const course = newCourse()
    await course.step(() => ({ ended: Promise.resolve(passed), stop: () => undefined }))
    course.close()
    course.stop({ because: 'fenced', detail: 'lost' }, 300)
    expect([course.isFenced(), course.stopped()]).toEqual([false, undefined])
  })

  test.each([
    ['throws', () => Promise.reject(new Error('bang')), /its runner broke: Error: bang/],
    ['answers nothing', () => Promise.resolve(undefined as unknown as Outcome), /is no outcome/],
    ['answers what is none', () => Promise.resolve({ kind: 'fine' } as unknown as Outcome), /"fine"} is no outcome/],
    ['fails without a reason', () => Promise.resolve({ kind: 'failed' } as Outcome), /is no outcome/],
  ])('a runner that %s is at fault, not the test', async (_, ended, reason) => {
    const outcome = await newCourse().step(() => ({ ended: ended(), stop: () => undefined }))
    expect(outcome).toEqual({ kind: 'errored', reason: expect.stringMatching(reason) })
  })
})

describe('with a clock of its own', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  test('a runner that does not end when it is told to is not waited for', async () => {
    const course = newCourse()
    const ended = course.step(() => endless().running)
    course.stop({ because: 'cancelled', detail: 'enough' }, 5_000)
    await vi.advanceTimersByTimeAsync(14_999)
    expect(await Promise.race([ended, Promise.resolve('not yet')])).toBe('not yet')
    await vi.advanceTimersByTimeAsync(1)
    expect(await ended).toEqual({ kind: 'errored', reason: 'its runner did not end when it was told to' })
  })

  test('a session acts while its lease is held, waits once it has lapsed, and goes on when a beat was answered', async () => {
    const lost = new AbortController()
    const fence = newFence(lost.signal)
    fence.set(performance.now() + 1_000)
    expect([await fence.held(), fence.leftMs()]).toEqual([true, 1_000])
    await vi.advanceTimersByTimeAsync(1_000)
    const held = fence.held()
    expect([await Promise.race([held, Promise.resolve('waits')]), fence.leftMs()]).toEqual(['waits', 0])
    fence.set(performance.now() + 500)
    expect(await held).toBe(true)
    // A server whose leases are shorter from now on is believed.
    fence.set(performance.now() + 100)
    expect(fence.leftMs()).toBe(100)
    await vi.advanceTimersByTimeAsync(100)
    const never = fence.held()
    lost.abort()
    expect([await never, await fence.held()]).toEqual([false, false])
  })

  test('the wall clock has no say in it', async () => {
    const fence = newFence(new AbortController().signal)
    fence.set(performance.now() + 1_000)
    vi.setSystemTime(Date.now() + 3_600_000)
    expect(fence.leftMs()).toBe(1_000)
    vi.setSystemTime(Date.now() - 7_200_000)
    expect(fence.leftMs()).toBe(1_000)
  })
})
