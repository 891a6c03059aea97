import { describe, expect, test } from 'vitest'
import { inHours } from './lab.ts'
import { type ServedLab, servedLab } from './servedLab.ts'

const plan = [{ name: 'a' }, { name: 'b' }, { name: 'clean', needs: ['a', 'b'], runs: 'always' }]

/** Each verdict, by the way to it; `a` has always passed. */
const ways: readonly [verdict: string, (it: ServedLab) => void][] = [
  ['failed', (it) => void it.fail('b')],
  ['errored', (it) => void it.fail('b', 1, { infrastructure: true })],
  ['errored', (it) => void it.lose('b')],
  ['timed-out', (it) => void it.time(inHours(1))],
  [
    'cancelled',
    (it) => {
      it.cancel()
      it.cancelled('b')
    },
  ],
]

const ended = (way: (it: ServedLab) => void): ServedLab => {
  const it = servedLab()
  it.submit(plan)
  it.claim('a')
  it.claim('b')
  it.complete('a')
  way(it)
  it.claim('clean', 'b1', inHours(1))
  it.complete('clean', 1, {}, inHours(1))
  return it
}

describe('an execution that is driven again', () => {
  test.each(ways)(
    'after it was %s runs what did not pass, on its benches again, and can still pass',
    (verdict, way) => {
      const it = ended(way)
      expect([it.verdict(), it.occupants()]).toEqual([verdict, [undefined, undefined]])
      it.redrive(inHours(1.1))
      expect(it.tasks()).toEqual({ a: 'passed', b: 'ready', clean: 'passed' })
      it.claim('b', 'b1', inHours(1.2))
      expect(it.occupants()).toEqual(['e1', 'e1'])
      it.complete('b', 2, {}, inHours(1.3))
      expect([it.verdict(), it.occupants()]).toEqual(['passed', [undefined, undefined]])
    },
  )

  test('and then cancelled still occupies its benches for what always runs', () => {
    const it = servedLab()
    it.submit([{ name: 'a' }, { name: 'clean', runs: 'always' }])
    it.claim('a')
    it.cancel()
    it.cancelled('a')
    it.claim('clean')
    it.fail('clean')
    it.redrive()
    it.cancel()
    expect(it.claim('clean')).toMatchObject([
      { events: [{ type: 'ExecutionResumed' }, { type: 'AttemptStarted', data: { attempt: 2 } }] },
      { stream: 't/bench/b1' },
      { stream: 't/bench/b2' },
    ])
    expect(it.occupants()).toEqual(['e1', 'e1'])
    it.complete('clean', 2)
    expect([it.verdict(), it.occupants()]).toEqual(['cancelled', [undefined, undefined]])
  })

  test('is not, when everything has passed although it was cancelled: it would wait for nothing for ever', () => {
    const it = servedLab()
    it.submit([{ name: 'a' }])
    it.claim('a')
    it.cancel()
    it.complete('a')
    expect(it.verdict()).toBe('cancelled')
    expect(it.redrive()).toMatchObject({ rejection: 'NothingToRedrive' })
    expect(it.execution('e1').status).toBe('finished')
  })

  test('keeps what its late reports say out of the new attempts', () => {
    const it = ended((one) => void one.fail('b'))
    it.redrive(inHours(1.1))
    it.claim('b', 'b1', inHours(1.2))
    expect(it.complete('b', 1, {}, inHours(1.3))).toMatchObject({ rejection: 'StaleAttempt' })
    expect(it.tasks()).toMatchObject({ b: 'running' })
  })

  test('not once its reservation is over', () => {
    const it = ended((one) => void one.fail('b'))
    expect(it.redrive(inHours(2))).toMatchObject({ rejection: 'ReservationNotOpen' })
  })
})
