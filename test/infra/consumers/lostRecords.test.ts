import { describe, expect, test, vi } from 'vitest'
import type { FakeShard } from './fakeStreams.ts'
import { numbered } from './records.ts'
import { counted, opened } from './shardRuns.ts'

/** The mark of what was lost after a record. */
const lostAt = (n: number) => ({
  startSequenceNumber: numbered(n),
  endSequenceNumber: numbered(n),
  recordCount: 0,
  reason: 'RecordsLost',
})

describe('what the stream had, and nobody has read', () => {
  test('records that were trimmed before they were read are told of, and the rest is read', async () => {
    const shards: FakeShard[] = [{ id: 'a', records: counted('a', 10) }]
    const { run, keysSeen, trim, logged, checkpoints, box } = opened(shards)
    await checkpoints.saveCheckpoint(
      'stream/project',
      JSON.stringify({ streamArn: 'arn:new', shards: { a: numbered(2) } }),
    )
    trim('a', 6)
    run()
    await vi.waitFor(() => expect(keysSeen('a')).toEqual([7, 8, 9, 10]))
    expect(logged.join()).toContain('redrive')
    expect(box.ranges).toMatchObject([{ ...lostAt(2), shardId: 'a' }])
  })

  test('records that stay out of reach though an iterator was given are told of, and the rest is read', async () => {
    const shards: FakeShard[] = [{ id: 'a', records: counted('a', 4) }]
    const { run, keysSeen, follow, logged, checkpoints } = opened(shards)
    const reached = JSON.stringify({ streamArn: 'arn:new', shards: { a: numbered(2) } })
    await checkpoints.saveCheckpoint('stream/project', reached)
    let outOfReachCount = 2
    follow((call) => (call === 'GetRecords' && outOfReachCount-- > 0 ? 'TrimmedDataAccessException' : undefined))
    const runner = run()
    await vi.waitFor(() => expect(keysSeen('a')).toEqual([1, 2, 3, 4]))
    expect(logged.join()).toContain('redrive')
    await vi.waitFor(() => expect(runner.stuck()).toBeUndefined())
  })

  test('a shard that has gone, not done, while nobody read it is told of and noted once', async () => {
    const shards: FakeShard[] = [{ id: 'a', records: counted('a', 1) }]
    const { run, keysSeen, remove, logged, box } = opened(shards)
    const first = run()
    await vi.waitFor(() => expect(keysSeen('a')).toEqual([1]))
    await first.stop()
    shards[0]!.records.push({ key: 'a', n: 2 })
    remove('a')
    shards.push({ id: 'b', records: counted('b', 1, 3) })
    for (const count of [1, 2]) {
      const runner = run()
      await vi.waitFor(() => expect(keysSeen('b')).toEqual([3]))
      shards.push({ id: `c${count}`, records: counted(`c${count}`, 1, 4) })
      await vi.waitFor(() => expect(keysSeen(`c${count}`)).toEqual([4]))
      await runner.stop()
    }
    expect(logged.join()).toContain('redrive')
    expect(box.ranges).toMatchObject([{ ...lostAt(1), streamArn: 'arn:new', shardId: 'a' }])
  })

  test('so is one of a stream that the table has no more, and none is forgotten before it is noted', async () => {
    const { run, keysSeen, checkpoints, box } = opened([{ id: 'b', records: counted('b', 1, 3) }])
    const reached = { streamArn: 'arn:old', shards: { a: numbered(1), done: 'end' } }
    await checkpoints.saveCheckpoint('stream/project', JSON.stringify(reached))
    let outageCount = 2
    const keepRange: typeof box.keepRange = async (range) => {
      if (outageCount-- > 0) throw new Error('no room')
      return box.keepRange(range)
    }
    run(undefined, { letters: { keepRange } })
    await vi.waitFor(() => expect(keysSeen('b')).toEqual([3]))
    expect(box.ranges).toMatchObject([{ ...lostAt(1), streamArn: 'arn:old', shardId: 'a' }])
  })

  test('a shard that goes while it is read, and cannot be noted at once, is noted before its children are read', async () => {
    const shards: FakeShard[] = [
      { id: 'a', records: counted('a', 1) },
      { id: 'b', parentId: 'a', records: counted('b', 1, 10) },
    ]
    const { run, keysSeen, remove, box } = opened(shards)
    let outageCount = 2
    const keepRange: typeof box.keepRange = async (range) => {
      if (outageCount-- > 0) throw new Error('no room')
      return box.keepRange(range)
    }
    run(undefined, { letters: { keepRange }, discoverEveryMs: 60_000 })
    await vi.waitFor(() => expect(keysSeen('a')).toEqual([1]))
    remove('a')
    await vi.waitFor(() => expect(keysSeen('b')).toEqual([10]))
    expect(box.ranges).toMatchObject([{ ...lostAt(1), shardId: 'a' }])
  })
})
