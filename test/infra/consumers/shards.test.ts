import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import type { FakeShard } from './fakeStreams.ts'
import { numbered } from './records.ts'
import { counted, opened } from './shardRuns.ts'

describe('several shards', () => {
  test('are read side by side, each in its order, and children after their parents', async () => {
    const shards: FakeShard[] = [
      { id: 'child', parentId: 'parent', records: counted('child', 30, 500) },
      { id: 'parent', records: counted('parent', 250), isClosed: true },
      { id: 'other', records: counted('other', 40, 300) },
      { id: 'orphan', parentId: 'long-gone', records: counted('orphan', 5, 700) },
    ]
    const { run, seen, keysSeen } = opened(shards)
    run()
    await vi.waitFor(() => expect(seen).toHaveLength(325))
    for (const { records } of shards) expect(keysSeen(records[0]!.key)).toEqual(records.map(({ n }) => n))
    const lastOfParent = seen.findLastIndex(({ key }) => key === 'parent')
    expect(seen.findIndex(({ key }) => key === 'child')).toBeGreaterThan(lastOfParent)
  })

  test('that appear later are found, and one that fails holds up no other', async () => {
    const shards: FakeShard[] = [{ id: 'a', records: counted('a', 3) }]
    const { run, keysSeen, note } = opened(shards)
    const runner = run(async (event) => {
      if (event.Records[0]?.dynamodb?.Keys?.['pk']?.S === 'a') throw new Error('a is poison')
      return note(event)
    })
    shards.push({ id: 'b', records: counted('b', 3) })
    await vi.waitFor(() => expect(keysSeen('b')).toEqual([1, 2, 3]))
    await vi.waitFor(() =>
      expect(runner.stuck()).toMatchObject({ consumer: 'project', error: new Error('a is poison') }),
    )
  })

  test('that have ended are not read again by who starts anew', async () => {
    const shards: FakeShard[] = [
      { id: 'a', records: counted('a', 3), isClosed: true },
      { id: 'b', parentId: 'a', records: counted('b', 3, 10) },
    ]
    const { run, seen } = opened(shards)
    const first = run()
    await vi.waitFor(() => expect(seen).toHaveLength(6))
    await first.stop()
    shards[1]!.records.push({ key: 'b', n: 13 })
    run()
    await vi.waitFor(() => expect(seen).toHaveLength(7))
    expect(seen.at(-1)).toEqual({ key: 'b', n: 13 })
  })
})

describe('what the service may answer', () => {
  test('an expired iterator is replaced, and nothing is read twice', async () => {
    const shards: FakeShard[] = [{ id: 'a', records: counted('a', 3) }]
    const { run, keysSeen, follow } = opened(shards)
    const runner = run()
    await vi.waitFor(() => expect(keysSeen('a')).toHaveLength(3))
    let isExpired = true
    follow((call) =>
      call === 'GetRecords' && isExpired ? 'ExpiredIteratorException' : ((isExpired = false), undefined),
    )
    shards[0]!.records.push({ key: 'a', n: 4 })
    isExpired = true
    await wait(10)
    isExpired = false
    await vi.waitFor(() => expect(keysSeen('a')).toEqual([1, 2, 3, 4]))
    expect(runner.stuck()).toBeUndefined()
  })

  test('an iterator whose first record is out of reach is replaced without a word: nothing is lost', async () => {
    const shards: FakeShard[] = [{ id: 'a', records: counted('a', 3) }]
    const { run, keysSeen, follow, logged } = opened(shards)
    let outOfReachCount = 1
    follow((call) => (call === 'GetRecords' && outOfReachCount-- > 0 ? 'TrimmedDataAccessException' : undefined))
    const runner = run()
    await vi.waitFor(() => expect(keysSeen('a')).toEqual([1, 2, 3]))
    expect([logged, runner.stuck()]).toEqual([[], undefined])
  })

  test('a shard that is gone lets its children be read', async () => {
    const shards: FakeShard[] = [
      { id: 'a', records: counted('a', 1) },
      { id: 'b', parentId: 'a', records: counted('b', 2, 10) },
    ]
    const { run, keysSeen, remove } = opened(shards)
    run()
    await vi.waitFor(() => expect(keysSeen('a')).toEqual([1]))
    remove('a')
    await vi.waitFor(() => expect(keysSeen('b')).toEqual([10, 11]))
  })

  test.each(['LimitExceededException', 'InternalServerError'])('%s passes, wherever it is met', async (name) => {
    const shards: FakeShard[] = [{ id: 'a', records: counted('a', 5) }]
    const { run, keysSeen, follow } = opened(shards)
    const failed = new Map<string, number>()
    follow((call) => {
      const count = (failed.get(call) ?? 0) + 1
      failed.set(call, count)
      return count <= 2 ? name : undefined
    })
    const runner = run()
    await vi.waitFor(() => expect(keysSeen('a')).toEqual([1, 2, 3, 4, 5]))
    await vi.waitFor(() => expect(runner.stuck()).toBeUndefined())
    expect(failed.size).toBe(4)
  })

  test('an idle shard is asked no more often than told', async () => {
    const { run, calls } = opened([{ id: 'a', records: [] }])
    run(undefined, { pollEveryMs: 40 })
    await wait(400)
    const count = calls.filter((call) => call === 'GetRecords').length
    expect(count).toBeGreaterThan(2)
    expect(count).toBeLessThan(12)
  })

  test('who appends itself need not wait for the next look', async () => {
    const shards: FakeShard[] = [{ id: 'a', records: [] }]
    const { run, keysSeen, calls } = opened(shards)
    const runner = run(undefined, { pollEveryMs: 60_000 })
    await vi.waitFor(() => expect(calls).toContain('GetRecords'))
    shards[0]!.records.push({ key: 'a', n: 1 })
    runner.wake()
    await vi.waitFor(() => expect(keysSeen('a')).toEqual([1]))
  })
})

describe('what is given up', () => {
  test('because it is too old goes aside as a range, and what is younger is delivered', async () => {
    const nowMs = Date.parse('2026-03-01T12:00:00.000Z')
    const records = [1, 2, 3, 4].map((n) => ({ key: 'a', n, createdAtMs: nowMs - (n <= 2 ? 7 : 1) * 3_600_000 }))
    const { run, keysSeen, box } = opened([{ id: 'a', records }])
    run(undefined, { now: () => new Date(nowMs).toISOString() })
    await vi.waitFor(() => expect(keysSeen('a')).toEqual([3, 4]))
    expect(box.ranges).toEqual([
      {
        consumer: 'project',
        streamArn: 'arn:new',
        shardId: 'a',
        startSequenceNumber: numbered(1),
        endSequenceNumber: numbered(2),
        recordCount: 2,
        reason: 'RecordAgeExceeded',
        at: '2026-03-01T12:00:00.000Z',
      },
    ])
  })

  test('after its attempts goes aside alone, thanks to halving', async () => {
    const { run, seen, box, note } = opened([{ id: 'a', records: counted('a', 100) }])
    let poisonCount = 0
    run(
      async (event) => {
        if (event.Records.some(({ dynamodb }) => dynamodb?.SequenceNumber === numbered(37))) {
          if (event.Records.length === 1) poisonCount++
          throw new Error('unforeseen')
        }
        return note(event)
      },
      { mapping: { retryAttemptCountMax: 3 } },
    )
    await vi.waitFor(() => expect(seen).toHaveLength(99))
    expect(box.ranges).toMatchObject([{ startSequenceNumber: numbered(37), endSequenceNumber: numbered(37) }])
    expect(poisonCount).toBe(4)
  })

  test('is not given up while that can be noted nowhere', async () => {
    const { run, seen, note, box } = opened([{ id: 'a', records: counted('a', 2) }])
    let outageCount = 3
    const keepRange: typeof box.keepRange = async (range) => {
      if (outageCount-- > 0) throw new Error('no room')
      return box.keepRange(range)
    }
    run(
      async (event) => {
        if (event.Records.some(({ dynamodb }) => dynamodb?.SequenceNumber === numbered(1))) throw new Error('bug')
        return note(event)
      },
      { mapping: { retryAttemptCountMax: 0 }, letters: { keepRange } },
    )
    await vi.waitFor(() => expect(seen).toEqual([{ key: 'a', n: 2 }]))
    expect(box.ranges).toHaveLength(1)
    expect(outageCount).toBeLessThan(0)
  })
})

test('a stop waits for what is being dealt with, and notes it', async () => {
  const { run, checkpoints } = opened([{ id: 'a', records: counted('a', 5) }])
  const begun = Promise.withResolvers<void>()
  const goOn = Promise.withResolvers<void>()
  const runner = run(
    async () => {
      begun.resolve()
      await goOn.promise
      return { batchItemFailures: [] }
    },
    { saveEveryMs: 60_000 },
  )
  await begun.promise
  let isStopped = false
  const stopping = runner.stop().then(() => {
    isStopped = true
  })
  await wait(20)
  expect(isStopped).toBe(false)
  goOn.resolve()
  await stopping
  expect(JSON.parse((await checkpoints.checkpoint('stream/project')) ?? '')).toEqual({
    streamArn: 'arn:new',
    shards: { a: numbered(5) },
  })
})
