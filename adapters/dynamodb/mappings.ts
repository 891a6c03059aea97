import type { StreamConsumer } from '../../projections/letters.ts'
import { pageEntriesMax } from './feed.ts'

/** How a consumer is fed from the history's stream. */
export interface Mapping {
  startingPosition: 'TRIM_HORIZON'
  /** Records of one batch at most. */
  batchSize: number
  /** How long a batch is waited for to become full. */
  batchingWindowSeconds: number
  /** Batches of one shard at a time. */
  parallelizationFactor: number
  reportBatchItemFailures: boolean
  bisectBatchOnFunctionError: boolean
  /** Beside the first attempt; after them the batch is given up, and goes to the queue of what failed. */
  retryAttemptCountMax: number
  /** Older records are given up the same way, tried or not. */
  recordAgeSecondsMax: number
}

/**
 * - TRIM_HORIZON: what was appended before the mapping was there is not skipped.
 * - A batch is what one page of the feed names, and waits for nobody: who waits are people and workers.
 * - One batch of a shard at a time: a page each, whose writers would only meet at the feed's end.
 * - What no repetition mends a handler puts aside itself, by the commit's position; so a batch that fails has met an outage or
 *   a bug. Thirty attempts outlast a quarter of an hour of the former, and hold up a shard no longer for the latter.
 * - Records live for 24 h: what is given up after six is there for another 18, for whoever reads the queue.
 */
const mapping: Mapping = {
  startingPosition: 'TRIM_HORIZON',
  batchSize: pageEntriesMax,
  batchingWindowSeconds: 0,
  parallelizationFactor: 1,
  reportBatchItemFailures: true,
  bisectBatchOnFunctionError: true,
  retryAttemptCountMax: 30,
  recordAgeSecondsMax: 6 * 3_600,
}

/** Two readers of a shard are all that the engine allows for: policies are behind the bus. */
export const mappings: Readonly<Record<StreamConsumer, Mapping>> = { project: mapping, publish: mapping }

/** How `react` is fed from its queue. */
export const queueMapping = {
  /** Messages of one batch at most: a queue's own limit without a window. */
  batchSize: 10,
  reportBatchItemFailures: true,
  /**
   * Six times the function's timeout, as the service asks for: so a message that fails comes again after minutes. Whatever
   * passes sooner the function waits out itself: races that were lost, and views that are behind.
   */
  visibilityTimeoutSeconds: 360,
  functionTimeoutSeconds: 60,
  /** Then a message goes to the dead-letter queue: two hours of trying. */
  receiveCountMax: 20,
} as const
