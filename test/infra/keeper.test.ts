import { afterEach, expect, test, vi } from 'vitest'
import { openCounters } from '../../infra/counters.ts'
import { type Keeper, startKeeper } from '../../infra/shared/keeper.ts'
import { openLines } from './house.ts'

const started: Keeper[] = []
afterEach(async () => {
  for (const keeper of started.splice(0)) await keeper.stop()
})

/** A clock that says what it is told to, and duties that take their time. */
const opened = (begins: () => Promise<void> = async () => {}) => {
  const told: string[] = []
  const clock: { says: boolean | Error } = { says: false }
  const counters = openCounters()
  const { lines, log } = openLines()
  const keeper = startKeeper({
    clock: {
      turn: async () => {
        if (clock.says instanceof Error) throw clock.says
        return clock.says
      },
      handOver: async () => void told.push('handed over'),
    },
    everyMs: 5,
    begin: async () => {
      await begins()
      told.push('begun')
      return { end: async () => void told.push('ended') }
    },
    log,
    counters,
  })
  started.push(keeper)
  return { keeper, clock, told, counters, lines }
}

test('who keeps the clock has duties, as long as it does, and once each time', async () => {
  const { keeper, clock, told } = opened()
  expect(keeper.isKeeper()).toBe(false)
  clock.says = true
  await vi.waitFor(() => expect(told).toEqual(['begun']))
  expect(keeper.isKeeper()).toBe(true)
  clock.says = false
  await vi.waitFor(() => expect(told).toEqual(['begun', 'ended']))
  clock.says = true
  await vi.waitFor(() => expect(told).toEqual(['begun', 'ended', 'begun']))
})

test('in an outage of the clock it stays what it was, and says so', async () => {
  const { keeper, clock, told, counters } = opened()
  clock.says = true
  await vi.waitFor(() => expect(told).toEqual(['begun']))
  clock.says = new Error('the table is gone')
  await vi.waitFor(() => expect(counters.keeperFailures).toBeGreaterThan(1))
  expect([keeper.isKeeper(), told]).toEqual([true, ['begun']])
})

test('duties that cannot begin are begun again, unless the clock is lost before', async () => {
  let failures = 1
  const { clock, told, counters } = opened(async () => {
    if (failures-- > 0) throw new Error('where it had stopped cannot be read')
  })
  clock.says = true
  await vi.waitFor(() => expect(told).toEqual(['begun']), { timeout: 3_000 })
  expect(counters.keeperFailures).toBe(1)
})

test('a clock that is lost while duties begin ends them as soon as they have', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const { clock, told, keeper } = opened(async () => promise)
  clock.says = true
  await vi.waitFor(() => expect(keeper.isKeeper()).toBe(true))
  clock.says = false
  await vi.waitFor(() => expect(keeper.isKeeper()).toBe(false))
  resolve()
  await vi.waitFor(() => expect(told).toEqual(['begun', 'ended']))
})

test('in the end the duties are over before the clock is handed over', async () => {
  const { clock, told, keeper } = opened()
  clock.says = true
  await vi.waitFor(() => expect(told).toEqual(['begun']))
  await keeper.stop()
  expect(told).toEqual(['begun', 'ended', 'handed over'])
})
