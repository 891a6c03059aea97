import type { StreamRecord } from '../../projections/handler.ts'
import { isNamed } from './outages.ts'
import { type BatchOptions, deliver } from './streamBatches.ts'
import { type Checkpoints, type Reached, shardEnd } from './streamCheckpoints.ts'
import { type From, iteratorOf, recordsAt, type StreamsClient } from './streams.ts'
import type { Waking } from './streamWaking.ts'

export interface ShardOptions extends Pick<BatchOptions, 'mapping' | 'handler' | 'giveUp' | 'nowMs'> {
  client: StreamsClient
  streamArn: string
  shardId: string
  batchSize: number
  checkpoints: Checkpoints
  pollEveryMs: number
  pausesMs: readonly number[]
  waking: Waking
  onTrouble: (error: unknown, shardId: string) => void
  onFine: (shardId: string) => void
  /** Records were there after this one, and can't be read any more. Rejects when that cannot be noted. */
  onTrimmed: (reached: Reached) => Promise<void>
  /** The age of the oldest record that is being dealt with; 0: none is. */
  onLag: (shardId: string, lagMs: number) => void
}

/** Reads one shard to its end, in order, a batch at a time. Resolves when it has ended, or all is to end. Never rejects. */
export const readShard = async (options: ShardOptions): Promise<void> => {
  const { waking, shardId } = options
  let iterator: string | undefined
  let trimmedCount = 0
  for (let failureCount = 0; !waking.isStopped(); )
    try {
      const seen = waking.wakeCount()
      iterator ??= await begin(options, trimmedCount > 1)
      const { records, next } = await recordsAt(options.client, iterator, options.batchSize, waking.signal)
      if (failureCount > 0) options.onFine(shardId)
      failureCount = 0
      trimmedCount = 0
      if (records.length > 0) await dealWith(options, records)
      if (waking.isStopped()) return
      iterator = next
      if (next === undefined) return options.checkpoints.set(shardId, shardEnd)
      if (records.length === 0) await waking.rung(options.pollEveryMs, seen)
    } catch (error) {
      if (waking.isStopped()) return
      iterator = undefined
      if (await isGone(options, error)) return options.checkpoints.set(shardId, shardEnd)
      if (isNamed(error, 'TrimmedDataAccessException')) trimmedCount++
      if (!isStale(error, trimmedCount)) options.onTrouble(error, shardId)
      await waking.pause(pauseMs(options.pausesMs, failureCount++))
    }
}

/** The longer the more often something has failed; anywhere below, so that those who failed together do not come together. */
export const pauseMs = (pausesMs: readonly number[], count: number): number =>
  (pausesMs[Math.min(count, pausesMs.length - 1)] ?? 0) * (0.5 + Math.random() / 2)

/**
 * No trouble: another iterator goes on from the same place. This one has expired, after a batch that took long; or what it
 * was to begin with is out of reach, which the oldest of a shard may be at any time, and for a moment the first record of a
 * shard that was empty. Whether anything is lost shows when the other is asked for.
 */
const isStale = (error: unknown, trimmedCount: number): boolean =>
  isNamed(error, 'ExpiredIteratorException') || (isNamed(error, 'TrimmedDataAccessException') && trimmedCount <= 1)

/** `isTrimmed`: what comes next was out of reach, more than once. */
const begin = async (options: ShardOptions, isTrimmed: boolean): Promise<string> => {
  const { client, streamArn, shardId, checkpoints, waking } = options
  const at = (from: From): Promise<string> => iteratorOf(client, streamArn, shardId, from, waking.signal)
  const reached = checkpoints.of(shardId)
  // Who has read nothing yet begins with the oldest there is, and has lost nothing.
  if (reached === undefined) return at({ kind: 'oldest' })
  if (!isTrimmed)
    try {
      return await at({ kind: 'after', sequenceNumber: reached })
    } catch (error) {
      if (!isNamed(error, 'TrimmedDataAccessException')) throw error
    }
  await options.onTrimmed(reached)
  return at({ kind: 'oldest' })
}

/** A shard that is not there any more had its day, and its records are read by nobody. */
const isGone = async (options: ShardOptions, error: unknown): Promise<boolean> => {
  const { shardId, checkpoints } = options
  if (!isNamed(error, 'ResourceNotFoundException')) return false
  try {
    await options.onTrimmed(checkpoints.of(shardId) ?? '0')
    options.onFine(shardId)
    return true
  } catch (unnoted) {
    options.onTrouble(unnoted, shardId)
    return false
  }
}

const dealWith = async (options: ShardOptions, records: readonly StreamRecord[]): Promise<void> => {
  const { shardId, checkpoints, waking, nowMs } = options
  let done = 0
  const tellLag = (): void => options.onLag(shardId, lagOf(records[done], nowMs()))
  const batches: BatchOptions = {
    ...options,
    isStopped: waking.isStopped,
    onDone: (record) => {
      done = records.indexOf(record) + 1
      checkpoints.set(shardId, record.dynamodb?.SequenceNumber ?? '')
      tellLag()
    },
    onTrouble: (error) => {
      tellLag()
      options.onTrouble(error, shardId)
    },
    pause: (attempt) => waking.pause(pauseMs(options.pausesMs, attempt)),
  }
  tellLag()
  await deliver(batches, records)
  options.onFine(shardId)
}

const lagOf = (record: StreamRecord | undefined, nowMs: number): number => {
  const seconds = record?.dynamodb?.ApproximateCreationDateTime
  return seconds === undefined ? 0 : Math.max(0, nowMs - seconds * 1_000)
}
