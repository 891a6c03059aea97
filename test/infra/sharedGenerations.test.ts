import { expect, test } from 'vitest'
import type { GenerationOf, Register } from '../../adapters/dynamodb/generations.ts'
import { openViews } from '../../adapters/memory/views.ts'
import { fault } from '../../domain/faults.ts'
import { noLog } from '../../infra/log.ts'
import { type FollowingOptions, followGenerations } from '../../infra/shared/generations.ts'
import { wholeOf } from '../../infra/shared/wholeRows.ts'

const rows = (generation: number): GenerationOf => ({ generation, shape: 'now' })

/** A register that is written by the test, and a process that looks at it only when it is to, on a clock of the test's. */
const followed = async (first: Pick<Register, 'serving' | 'building'>, options: Partial<FollowingOptions> = {}) => {
  const rest = { turn: 0, newest: 2, isTidy: true, isFeedLost: false }
  let [register, atMs, isAway, lookCount]: [Register, number, boolean, number] = [{ ...rest, ...first }, 0, false, 0]
  const following = await followGenerations({
    generations: {
      read: async () => {
        if (isAway) throw fault('storage-unusable', 'away')
        lookCount++
        return register
      },
      open: openViews,
    },
    log: noLog,
    everyMs: 0,
    shape: 'now',
    nowMs: () => atMs,
    ...options,
  })
  return {
    following,
    lookCount: () => lookCount,
    pass: (ms: number) => void (atMs += ms),
    switchTo: (next: Pick<Register, 'serving' | 'building'>) => void (register = { ...rest, ...next }),
    away: (is: boolean) => void (isAway = is),
  }
}

test('a process that has stood still does not answer from rows that were given up meanwhile', async () => {
  const { following, pass, switchTo, lookCount } = await followed({ serving: rows(1) })
  switchTo({ serving: rows(2) })
  pass(2_000)
  expect((await following.recent()).generation).toBe(1)
  expect(lookCount()).toBe(1)
  pass(1)
  expect((await following.recent()).generation).toBe(2)
  pass(-10_000)
  switchTo({ serving: rows(3) })
  expect((await following.recent()).generation).toBe(3)
})

test('what was known does in an outage, for less than rows are kept that were given up', async () => {
  const { following, pass, switchTo, away } = await followed({ serving: rows(1) })
  switchTo({ serving: rows(2) })
  away(true)
  pass(60_000)
  expect((await following.recent()).generation).toBe(1)
  pass(1)
  await expect(following.recent()).rejects.toThrow('away')
  away(false)
  expect((await following.recent()).generation).toBe(2)
})

test('that rows are whole now is told as if others served, once; who is told may look again', async () => {
  const told: boolean[] = []
  const onSwitched = async (): Promise<void> => {
    pass(2_001)
    told.push((await following.recent()).isWhole)
  }
  const { following, pass, switchTo } = await followed({ building: rows(1) }, { onSwitched })
  expect(() => wholeOf(following.serving())).toThrow('the views are being built from history: try again')
  await following.look()
  expect(told).toEqual([])
  switchTo({ serving: rows(1) })
  await Promise.all([following.look(), following.look(), following.toWrite()])
  await following.look()
  expect(told).toEqual([true])
  expect(wholeOf(following.serving())).toBe(following.views())
})
