import { describe, expect, test } from 'vitest'
import { plusMs } from '../../domain/ids.ts'
import { inHours } from './lab.ts'
import { servedLab } from './servedLab.ts'

const end = inHours(2)
const seconds = (s: number) => plusMs(end, s * 1_000)

/** Something runs, and the end of its window has been announced: a minute before it. */
const announced = (plan: readonly Record<string, unknown>[] = [{ name: 'a', timeoutMs: 36_000_000 }]) => {
  const it = servedLab()
  it.submit(plan)
  it.claim('a')
  it.tick('r1', seconds(-60))
  extendGrace(it, seconds(-60))
  return it
}
const extendGrace = (it: ReturnType<typeof servedLab>, at: string) => it.send('execution', 'e1', 'ExtendGrace', {}, at)
const amend = (it: ReturnType<typeof servedLab>, to: string, at: string) =>
  it.send('reservation', 'r1', 'AmendReservation', { end: to }, at)

describe('a window whose end has been announced', () => {
  test('and is amended to a little later is announced anew: nobody is stopped before its end', () => {
    const it = announced()
    amend(it, seconds(30), seconds(-20))
    it.tick('r1', seconds(-20))
    expect(it.reservation('r1').isEnding).toBe(true)
    extendGrace(it, seconds(-20))
    expect(it.execution('e1').ending).toEqual({ cancelAt: seconds(30), until: seconds(90) })
    expect(it.bench('b1').intervals).toMatchObject([{ end: seconds(90) }])
    expect(it.time(seconds(0))).toEqual([])
    it.time(seconds(30))
    expect(it.execution('e1')).toMatchObject({ status: 'cancelling', cancel: { by: 'window', dueAt: seconds(90) } })
  })
  test('and is shortened stops what runs at the new end', () => {
    const it = announced()
    amend(it, seconds(-10), seconds(-20))
    it.tick('r1', seconds(-20))
    extendGrace(it, seconds(-20))
    it.time(seconds(-10))
    expect(it.execution('e1')).toMatchObject({ status: 'cancelling', cancel: { by: 'window', dueAt: seconds(50) } })
  })
  test('is announced once, however often it is told', () => {
    const it = announced()
    expect(extendGrace(it, seconds(-50))).toEqual([])
    it.time(seconds(0))
    expect(extendGrace(it, seconds(1))).toEqual([])
  })
})

describe('in the grace after the end', () => {
  const plan = [
    { name: 'a', timeoutMs: 36_000_000 },
    { name: 'b', timeoutMs: 36_000_000 },
    { name: 'clean', needs: ['a'], runs: 'always' },
  ]
  test('only what always runs is started, and the last that stops gives the benches back', () => {
    const it = announced(plan)
    it.time(seconds(0))
    it.tick('r1', seconds(0))
    expect(it.tasks()).toEqual({ a: 'running', b: 'skipped', clean: 'pending' })
    it.cancelled('a', 1, {}, seconds(1))
    expect(it.claim('clean', 'b1', seconds(2))).toMatchObject([{ events: [{ type: 'AttemptStarted' }] }])
    it.complete('clean', 1, {}, seconds(3))
    it.tick('r1', seconds(3))
    expect([it.verdict(), it.reservation('r1').status, it.bench('b1').intervals]).toEqual(['timed-out', 'expired', []])
  })
  test('what has not answered when the hold ends is timed out, and nothing starts any more', () => {
    const it = announced(plan)
    it.time(seconds(0))
    it.cancelled('a', 1, {}, seconds(1))
    it.claim('clean', 'b1', seconds(2))
    it.time(seconds(60))
    expect([it.tasks(), it.verdict(), it.occupants()]).toEqual([
      { a: 'cancelled', b: 'skipped', clean: 'timed-out' },
      'timed-out',
      [undefined, undefined],
    ])
  })
  test('somebody’s cancel still tells the verdict', () => {
    const it = announced(plan)
    it.time(seconds(0))
    it.cancel(seconds(1))
    it.cancelled('a', 1, {}, seconds(2))
    it.time(seconds(60))
    expect(it.verdict()).toBe('cancelled')
  })
})

describe('a window with a follower', () => {
  test('asks what runs to stop when the end is announced, and never takes from the next', () => {
    const it = servedLab()
    it.submit([{ name: 'a', timeoutMs: 36_000_000 }])
    it.book('next', { benches: [{ benchId: 'b2' }], start: end, end: inHours(3) })
    it.claim('a')
    it.tick('r1', seconds(-60))
    extendGrace(it, seconds(-60))
    it.time(seconds(-60))
    expect(it.execution('e1')).toMatchObject({ status: 'cancelling', cancel: { by: 'window', dueAt: end } })
    expect(it.bench('b1').intervals).toMatchObject([{ reservationId: 'r1', end }])
    it.tick('next', end)
    expect(it.reservation('next').status).toBe('confirmed')
    it.time(end)
    it.tick('next', end)
    expect([it.verdict(), it.reservation('next').status]).toEqual(['timed-out', 'active'])
  })
})
