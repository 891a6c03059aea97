import type { StreamHandler, StreamRecord } from '../../projections/handler.ts'
import type { Mapping } from './mappings.ts'

export type BatchMapping = Pick<
  Mapping,
  'retryAttemptCountMax' | 'recordAgeSecondsMax' | 'bisectBatchOnFunctionError' | 'reportBatchItemFailures'
>

export interface BatchOptions {
  mapping: BatchMapping
  handler: StreamHandler
  /** All up to this record are done with, one way or the other. */
  onDone: (record: StreamRecord) => void
  /** Given up. Rejects when that cannot be noted anywhere: then they come again. */
  giveUp: (records: readonly StreamRecord[], reason: 'RetryAttemptsExhausted' | 'RecordAgeExceeded') => Promise<void>
  onTrouble: (error: unknown, attempt: number) => void
  /** Between two attempts; ends early when all is to end. */
  pause: (attempt: number) => Promise<void>
  isStopped: () => boolean
  nowMs: () => number
}

interface Batch {
  records: readonly StreamRecord[]
  /** Failed attempts; halving counts as none. */
  attemptCount: number
}

/**
 * Delivers records to a handler as the event source mapping does: in order; after a partial failure from the lowest failed
 * one on; after a thrown error by halves; so often, and no longer than so old, then given up as a range. Resolves when all are
 * done with, or all is to end.
 */
export const deliver = async (options: BatchOptions, records: readonly StreamRecord[]): Promise<void> => {
  const waiting: Batch[] = [{ records, attemptCount: 0 }]
  for (let batch = waiting.shift(); batch !== undefined && !options.isStopped(); batch = waiting.shift()) {
    const rest = await attempt(options, batch)
    if (rest.length > 0) waiting.unshift(...rest)
  }
}

/** One attempt; answers what is left to be done of the batch. */
const attempt = async (options: BatchOptions, batch: Batch): Promise<readonly Batch[]> => {
  const young = await withoutOld(options, batch)
  if (young !== batch) return young === undefined ? [] : [young]
  const { records, attemptCount } = batch
  try {
    const failedIndex = lowestFailed(records, await options.handler({ Records: records }))
    if (failedIndex === undefined) return done(options, records)
    done(options, records.slice(0, failedIndex))
    options.onTrouble(new Error(`${records.length - failedIndex} records of a batch have failed`), attemptCount + 1)
    const failedCount = failedIndex > 0 ? 1 : attemptCount + 1
    return await again(options, { records: records.slice(failedIndex), attemptCount: failedCount })
  } catch (error) {
    options.onTrouble(error, attemptCount + 1)
    if (records.length > 1 && options.mapping.bisectBatchOnFunctionError) {
      await options.pause(attemptCount)
      return halves(batch)
    }
    return again(options, { records, attemptCount: attemptCount + 1 })
  }
}

const done = ({ onDone }: BatchOptions, records: readonly StreamRecord[]): readonly Batch[] => {
  const last = records.at(-1)
  if (last !== undefined) onDone(last)
  return []
}

/** Undefined: none has failed. A name that is none of the batch's fails all of it, as it would in the service. */
const lowestFailed = (
  records: readonly StreamRecord[],
  answer: { batchItemFailures?: readonly { itemIdentifier: string }[] } | undefined,
): number | undefined => {
  const failures = answer?.batchItemFailures ?? []
  if (failures.length === 0) return undefined
  const indexes = failures.map(({ itemIdentifier }) =>
    records.findIndex(({ dynamodb }) => dynamodb?.SequenceNumber === itemIdentifier),
  )
  return Math.max(0, Math.min(...indexes))
}

const halves = ({ records, attemptCount }: Batch): readonly Batch[] => {
  const middle = Math.ceil(records.length / 2)
  return [records.slice(0, middle), records.slice(middle)].map((half) => ({ records: half, attemptCount }))
}

const again = async (options: BatchOptions, batch: Batch): Promise<readonly Batch[]> => {
  const { attemptCount } = batch
  if (attemptCount > options.mapping.retryAttemptCountMax) return givenUp(options, batch, 'RetryAttemptsExhausted')
  await options.pause(attemptCount)
  return [batch]
}

const givenUp = async (
  options: BatchOptions,
  { records, attemptCount }: Batch,
  reason: 'RetryAttemptsExhausted' | 'RecordAgeExceeded',
): Promise<readonly Batch[]> => {
  try {
    await options.giveUp(records, reason)
    return done(options, records)
  } catch (error) {
    options.onTrouble(error, attemptCount)
    await options.pause(attemptCount)
    return [{ records, attemptCount }]
  }
}

/** The batch itself when none of it is too old. */
const withoutOld = async (options: BatchOptions, batch: Batch): Promise<Batch | undefined> => {
  const horizonSeconds = options.nowMs() / 1_000 - options.mapping.recordAgeSecondsMax
  const young = batch.records.findIndex(
    ({ dynamodb }) => (dynamodb?.ApproximateCreationDateTime ?? Number.POSITIVE_INFINITY) >= horizonSeconds,
  )
  if (young === 0) return batch
  const split = young < 0 ? batch.records.length : young
  const [left] = await givenUp(options, { ...batch, records: batch.records.slice(0, split) }, 'RecordAgeExceeded')
  const rest = [...(left?.records ?? []), ...batch.records.slice(split)]
  return rest.length === 0 ? undefined : { ...batch, records: rest }
}
