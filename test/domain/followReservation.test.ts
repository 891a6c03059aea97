import { describe, expect, test } from 'vitest'
import { inHours, window } from './lab.ts'
import { bothBenches, servedLab } from './servedLab.ts'

/** An execution that waits under a queued reservation, which is then pulled forward to another bench. */
const pulled = (tasks: readonly Record<string, unknown>[] = [{ name: 'a', run: {} }]) => {
  const it = servedLab()
  it.send('reservation', 'r1', 'ReleaseReservation', {})
  it.book('far', { benches: [{ benchId: 'b1' }], ...window(0.5, 4) })
  it.book('near', { benches: [{ benchId: 'b2' }], ...window(0.5, 2) })
  it.book('q', { benches: [{ query: ['can'] }], ...window(0.6, 1.6), queue: true })
  it.send('execution', 'e1', 'SubmitExecution', { reservationId: 'q', tasks })
  expect(it.execution('e1').benchIds).toEqual(['b2'])
  it.send('reservation', 'far', 'CancelReservation', {})
  it.send('reservation', 'q', 'PullForward', {}, inHours(0.1))
  expect(it.reservation('q').benchIds).toEqual(['b1'])
  return it
}
const follow = (it: ReturnType<typeof pulled>, at = inHours(0.1)) =>
  it.send('execution', 'e1', 'FollowReservation', {}, at)

describe('an execution whose reservation was pulled forward to another bench', () => {
  test('follows it there before it starts', () => {
    const it = pulled()
    expect(follow(it)).toMatchObject([{ events: [{ type: 'ExecutionMoved', data: { benchIds: ['b1'] } }] }])
    expect(follow(it)).toEqual([])
    it.tick('q', inHours(0.6))
    expect(it.claim('a', 'b2', inHours(0.6))).toMatchObject({ rejection: 'ReservationNotActive' })
    expect(it.claim('a', 'b1', inHours(0.6))).toHaveLength(2)
    expect(it.occupants()).toEqual(['e1', undefined])
  })

  test('is not claimed on a bench that the reservation has left', () => {
    const it = pulled()
    it.tick('q', inHours(0.6))
    expect(it.claim('a', 'b2', inHours(0.6))).toMatchObject({ rejection: 'ReservationNotActive', benchId: 'b2' })
  })

  test('follows it when it is being cancelled too, for what always runs', () => {
    const it = pulled([
      { name: 'a', run: {} },
      { name: 'clean', run: {}, runs: 'always' },
    ])
    it.cancel(inHours(0.1))
    expect(follow(it)).toHaveLength(1)
    it.tick('q', inHours(0.6))
    expect(it.claim('clean', 'b1', inHours(0.6))).toHaveLength(2)
  })

  test('stays where it runs, whatever is said', () => {
    const it = servedLab()
    it.submit([{ name: 'a' }])
    it.claim('a')
    expect(follow(it)).toEqual([])
    expect(it.execution('e1').benchIds).toEqual(bothBenches.map(({ benchId }) => benchId))
  })
})
