/** Dead letters: what a consumer of the history's stream cannot do, and has put aside so that others need not wait. */
import type { Instant, StreamName } from '../domain/ids.ts'

/** The consumers of the history's stream. */
export const streamConsumers = ['project', 'publish'] as const
export type StreamConsumer = (typeof streamConsumers)[number]

/** One commit that a consumer could not deal with, by its position: history has the rest. */
export interface Letter {
  consumer: StreamConsumer
  stream: StreamName
  /** Of the commit's first event. */
  version: number
  sequenceNumber: string
  error: string
  at: Instant
  correlationId?: string
}

/** Part of a shard that was given up as a whole: no more is known of it, and its records are there for 24 h. */
export interface RangeLetter {
  consumer: StreamConsumer
  streamArn: string
  shardId: string
  startSequenceNumber: string
  endSequenceNumber: string
  recordCount: number
  reason: string
  at: Instant
}

/** The reason of a range whose records are gone: how many they were, after that of its sequence number, nobody knows. */
export const recordsLost = 'RecordsLost'

/** Where letters are put. A letter is durable when it resolves; the same one may come twice. Rejects for an outage. */
export interface Letters {
  keep: (letters: readonly Letter[]) => Promise<void>
  keepRange: (letter: RangeLetter) => Promise<void>
}

/** A letter as it lies somewhere, to be redriven. */
export interface FoundLetter {
  letter: Letter | RangeLetter
  /** To be called when it is done with; rejects for an outage, and it is found again. */
  remove: () => Promise<void>
}

export const isRange = (letter: Letter | RangeLetter): letter is RangeLetter => 'shardId' in letter
