import { type ReadRecord, readRecord } from '../../adapters/dynamodb/streamRecords.ts'
import type { Commit } from '../../domain/event.ts'
import { isFault } from '../../domain/faults.ts'
import type { Instant } from '../../domain/ids.ts'
import { type BatchAnswer, failedAt, type StreamHandler, type StreamRecord } from '../../projections/handler.ts'
import type { Letter, Letters, StreamConsumer } from '../../projections/letters.ts'
import type { Counters } from '../counters.ts'
import type { Log } from '../log.ts'

export interface BatchPorts {
  letters: Pick<Letters, 'keep'>
  log: Log
  counters: Counters
  now: () => Instant
}

/** What came of the commits of a batch; an index is that of a commit among them. */
export interface Worked {
  /** No repetition mends these: they are put aside. */
  poison: readonly { index: number; error: unknown }[]
  /** The lowest commit that has met an outage: it and all after it come again. */
  failed?: { index: number; error: unknown }
}

export const isOutage = (error: unknown): boolean =>
  isFault(error, 'storage-unusable') || isFault(error, 'storage-full')

/** A record's commit, or why there is none, with where the record stands. */
type Place = { record: number; sequenceNumber: string }
type Poison = Place & Pick<Letter, 'stream' | 'version'> & { correlationId?: string; error: unknown }

/**
 * A handler of batches of the history's stream. Only what was inserted is worked on: whatever else was done to history was
 * done to it against its rules. What is no commit, and what the work calls poison, is put aside by its position; so much of
 * it as comes before the first record that failed.
 */
export const handling =
  (consumer: StreamConsumer, ports: BatchPorts, work: (commits: readonly Commit[]) => Promise<Worked>): StreamHandler =>
  async ({ Records }) => {
    const read = Records.map(readRecord)
    const found = read.flatMap((each, record) => (each.kind === 'commit' ? [{ ...each, record }] : []))
    const commits = found.map(({ commit }) => commit)
    const { poison, failed } = commits.length === 0 ? { poison: [] } : await work(commits)
    const letters = [
      ...read.flatMap(unreadable),
      ...poison.flatMap(({ index, error }) => poisonOf(found[index], error)),
    ]
    const failedRecord = failed === undefined ? Records.length : (found[failed.index]?.record ?? 0)
    if (failed !== undefined) tellOutage(consumer, ports, failed.error, found[failed.index]?.commit)
    const kept = await putAside(consumer, ports, letters, failedRecord)
    alarm(consumer, ports, read.slice(0, kept))
    return answer(Records, kept)
  }

const answer = (records: readonly StreamRecord[], failedRecord: number): BatchAnswer => {
  const failed = records[failedRecord]
  return failed === undefined ? failedAt() : failedAt(failed.dynamodb?.SequenceNumber ?? '')
}

const unreadable = (read: ReadRecord, record: number): readonly Poison[] =>
  read.kind === 'unreadable' ? [{ ...read, record }] : []

const poisonOf = (found: (ReadRecord & Place & { kind: 'commit' }) | undefined, error: unknown): readonly Poison[] => {
  if (found === undefined) return []
  const { commit, record, sequenceNumber } = found
  const { stream, version, correlationId } = commit
  return [{ stream, version, correlationId, record, sequenceNumber, error }]
}

/** Answers the first record that is not done with: that of a letter that could not be written, if it comes before. */
const putAside = async (
  consumer: StreamConsumer,
  { letters, log, counters, now }: BatchPorts,
  poison: readonly Poison[],
  failedRecord: number,
): Promise<number> => {
  const due = poison.filter(({ record }) => record < failedRecord).sort((a, b) => a.record - b.record)
  const [first] = due
  if (first === undefined) return failedRecord
  const at = now()
  try {
    await letters.keep(due.map((each) => letterOf(consumer, each, at)))
  } catch (error) {
    const count = ++counters.consumerOutages
    log.error({ consumer, count, err: error }, 'dead letters cannot be written: the batch comes again')
    return first.record
  }
  for (const { record: _, error, ...position } of due) {
    const count = ++counters.deadRecords
    log.error({ consumer, ...position, count, err: error }, 'a commit cannot be dealt with: it is put aside')
  }
  return failedRecord
}

const errorCharsMax = 1_000

const letterOf = (consumer: StreamConsumer, { record: _, error, ...position }: Poison, at: Instant): Letter => ({
  consumer,
  ...position,
  error: (error instanceof Error ? error.message : String(error)).slice(0, errorCharsMax),
  at,
})

/** Somebody with the rights to do so has changed or removed what never changes: not to be projected, to be looked into. */
const alarm = (consumer: StreamConsumer, { log, counters }: BatchPorts, read: readonly ReadRecord[]): void => {
  for (const record of read) {
    if (record.kind !== 'tampering') continue
    const { stream, version, sequenceNumber, what } = record
    const count = ++counters.tamperedRecords
    log.error({ consumer, stream, version, sequenceNumber, what, count }, 'history was tampered with: verify it')
  }
}

const tellOutage = (
  consumer: StreamConsumer,
  { log, counters }: BatchPorts,
  error: unknown,
  commit: Commit | undefined,
): void => {
  const count = ++counters.consumerOutages
  const { stream, version, correlationId } = commit ?? {}
  log.error({ consumer, stream, version, correlationId, count, err: error }, 'a batch cannot be done, and comes again')
}
