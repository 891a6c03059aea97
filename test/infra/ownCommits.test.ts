import { expect, test } from 'vitest'
import type { Commit } from '../../domain/event.ts'
import { openOwnCommits } from '../../infra/shared/ownCommits.ts'

const commit = (version: number): Commit => ({ stream: 'default/bench/b1', version }) as Commit

const opened = () => {
  let nowMs = 0
  const own = openOwnCommits(() => nowMs)
  const pass = (ms: number): void => {
    nowMs += ms
  }
  return { own, pass }
}

test('what was appended before is waited for, and nothing that comes later', async () => {
  const { own } = opened()
  expect(await own.caughtUp()).toBe(true)
  own.expect([commit(1), commit(2)])
  const waiting = own.caughtUp()
  own.expect([commit(3)])
  own.hear([commit(2)])
  own.hear([commit(1), commit(1)])
  expect(await waiting).toBe(true)
  expect(own.count()).toBe(1)
})

test('what others have appended is nothing to wait for', async () => {
  const { own } = opened()
  own.hear([commit(7)])
  expect([own.count(), await own.caughtUp()]).toEqual([0, true])
})

test('for how long none has come is told, not for how long one of many has not', () => {
  const { own, pass } = opened()
  expect(own.waitedMs()).toBe(0)
  own.expect([commit(1)])
  pass(6_000)
  own.expect([commit(2)])
  pass(6_000)
  expect(own.waitedMs()).toBe(12_000)
  own.hear([commit(2)])
  expect(own.waitedMs()).toBe(0)
  pass(3_000)
  expect(own.waitedMs()).toBe(3_000)
})

test('what was put aside on the way is given up once later ones have come for a minute', async () => {
  const { own, pass } = opened()
  own.expect([commit(1)])
  pass(30_000)
  own.expect([commit(2)])
  pass(31_000)
  own.hear([commit(2)])
  expect([own.count(), await own.caughtUp()]).toEqual([0, true])
})

test('after the feed was left unread, the rows tell what has come', async () => {
  const { own } = opened()
  own.expect([commit(1), commit(2)])
  const waiting = own.caughtUp()
  await own.lookAgain(async ({ version }) => version === 1)
  expect(own.count()).toBe(1)
  await own.lookAgain(async () => true)
  expect(await waiting).toBe(true)
})

test('with more under way than can be kept nothing is promised, until all have come', async () => {
  const { own } = opened()
  own.expect(Array.from({ length: 50_001 }, (_, n) => commit(n + 1)))
  own.end()
  expect(await own.caughtUp()).toBe(false)
  own.hear(Array.from({ length: 50_001 }, (_, n) => commit(n + 1)))
  expect(await own.caughtUp()).toBe(true)
})
