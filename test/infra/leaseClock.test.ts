import { expect, test } from 'vitest'
import { openLeaseClock } from '../../infra/liveness/leaseClock.ts'

const opened = () => {
  const away: number[] = []
  let ms = 5_000
  const clock = openLeaseClock({
    startAt: '2026-03-02T08:00:00.000Z',
    monotonicMs: () => ms,
    stepMsMax: 2_000,
    onAway: (each) => away.push(each),
  })
  const after = (stepMs: number): number => {
    ms += stepMs
    return clock.read() - Date.parse('2026-03-02T08:00:00.000Z')
  }
  return { after, away }
}

test('the lease clock goes with the monotonic clock while it is read', () => {
  const { after, away } = opened()
  expect(after(0)).toBe(0)
  for (let n = 1; n <= 10; n++) expect(after(1_000)).toBe(n * 1_000)
  expect(after(2_000)).toBe(12_000)
  expect(away).toEqual([])
})

test('the lease clock stands still while nobody is there to read it, and says for how long', () => {
  const { after, away } = opened()
  expect(after(300_000)).toBe(2_000)
  expect(after(500)).toBe(2_500)
  expect(away).toEqual([298_000])
})

test('the lease clock never goes back', () => {
  const { after } = opened()
  expect(after(1_000)).toBe(1_000)
  expect(after(-700)).toBe(1_000)
})
