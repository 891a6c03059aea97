import { afterEach, expect, test, vi } from 'vitest'
import { openHistory } from '../../adapters/memory/history.ts'
import type { Commit } from '../../domain/event.ts'
import type { EventStore } from '../../domain/ports.ts'
import { openCounters } from '../../infra/counters.ts'
import { openProgress } from '../../infra/progress.ts'
import { type Follower, startFollower } from '../../infra/shared/follower.ts'
import { openLines } from './house.ts'

const started: Follower[] = []
afterEach(async () => {
  for (const follower of started.splice(0)) await follower.stop()
})

const append = async (history: EventStore, from: number, count = 1): Promise<void> => {
  for (let n = from; n < from + count; n++)
    await history.append([
      {
        stream: `default/bench/b${n}`,
        version: 1,
        events: [{ type: 'BenchRegistered', schemaVersion: 1, data: {} }],
        at: '2026-03-02T08:00:00.000Z',
        actor: { kind: 'user', id: 'ada' },
        commandId: `c${n}`,
        commandHash: 'h',
        correlationId: 'c',
        previousHash: null,
      },
    ])
}

const follow = (history: EventStore, cursor = '0', fails: () => boolean = () => false) => {
  const heard: Commit[] = []
  const followed: (string | undefined)[] = []
  const counters = openCounters()
  const { lines, log } = openLines()
  let leapCount = 0
  const follower = startFollower(
    {
      history,
      counters,
      log,
      now: () => '2026-03-02T08:00:01.000Z',
      progress: openProgress(),
      onPage: async ({ commits }) => {
        if (fails()) throw new Error('the rows are gone')
        heard.push(...commits.map(({ commit }) => commit))
      },
      onFollowed: (after) => void followed.push(after),
      onLeap: async () => void leapCount++,
    },
    cursor,
  )
  started.push(follower)
  return { follower, heard, followed, counters, lines, leapCount: () => leapCount }
}

test('it tells of what comes after it was opened, once, and where each page was read from', async () => {
  const history = openHistory()
  await append(history, 1, 3)
  const { follower, heard, followed } = follow(history, await history.feedEnd())
  await vi.waitFor(() => expect(follower.hasCaughtUp()).toBe(true))
  expect(heard).toEqual([])
  await append(history, 4)
  await vi.waitFor(() => expect(heard.map(({ stream }) => stream)).toEqual(['default/bench/b4']))
  expect([follower.cursor(), followed]).toEqual(['4', ['3']])
})

test('a page that could not be told of is told of again, and meanwhile it says that it is stuck', async () => {
  const history = openHistory()
  let failures = 2
  await append(history, 1)
  const { follower, heard, counters, lines } = follow(history, '0', () => failures-- > 0)
  await vi.waitFor(() => expect(follower.stuck()?.error).toMatchObject({ message: 'the rows are gone' }))
  await vi.waitFor(() => expect(heard).toHaveLength(1))
  await vi.waitFor(() => expect(follower.stuck()).toBeUndefined())
  expect([counters.projectionOutages, lines.filter(({ level }) => level === 'error').length]).toEqual([2, 2])
})

test('far behind it goes to the end, and lets everybody look again first', async () => {
  const history = openHistory()
  await append(history, 1, 10_501)
  const { follower, heard, leapCount } = follow(history)
  await vi.waitFor(() => expect(follower.cursor()).toBe('10501'))
  expect([leapCount(), heard.length]).toEqual([1, 0])
  await append(history, 20_000)
  await vi.waitFor(() => expect(heard).toHaveLength(1))
})

test('a feed that was written anew, and is shorter, is followed from its end', async () => {
  const history = openHistory()
  await append(history, 1, 2)
  const { follower, heard, leapCount } = follow(history, '900')
  await vi.waitFor(() => expect(follower.cursor()).toBe('2'))
  await append(history, 3)
  await vi.waitFor(() => expect(heard).toHaveLength(1))
  expect(leapCount()).toBe(1)
})
