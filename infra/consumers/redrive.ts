import type { CommitKey } from '../../adapters/dynamodb/feed.ts'
import { mappings } from '../../adapters/dynamodb/mappings.ts'
import type { ShardRange } from '../../adapters/dynamodb/streamRange.ts'
import type { StreamHandler, StreamRecord } from '../../projections/handler.ts'
import {
  type FoundLetter,
  isRange,
  type Letter,
  type Letters,
  type RangeLetter,
  recordsLost,
  type StreamConsumer,
} from '../../projections/letters.ts'

export interface RedrivePorts {
  /** The consumer's own handler; what it would put aside it gives to these letters. */
  handlerOf: (consumer: StreamConsumer, letters: Pick<Letters, 'keep'>) => StreamHandler
  /** What lies in history at a position, as a record. */
  stored: (key: CommitKey, sequenceNumber: string) => Promise<StreamRecord | undefined>
  /** The records of a range; undefined: the stream does not have them any more. */
  recordsIn: (range: ShardRange, batchSize: number) => Promise<AsyncIterable<readonly StreamRecord[]> | undefined>
  /** Where single commits of a range go that fail again. */
  letters: Pick<Letters, 'keep'>
}

export type Redriven =
  | { kind: 'done'; recordCount: number; keptCount: number }
  /** The letter stays where it is. */
  | { kind: 'failed'; reason: string }
  /** Its records are in the stream no more; history has them, but the letter does not tell which they were. */
  | { kind: 'gone'; reason: string }

/** Does again what a letter tells of, and takes it away only when that has succeeded. Never rejects. */
export const redrive = async (ports: RedrivePorts, { letter, remove }: FoundLetter): Promise<Redriven> => {
  try {
    const answer = isRange(letter) ? await redriveRange(ports, letter) : await redriveCommit(ports, letter)
    if (answer.kind === 'done') await remove()
    return answer
  } catch (error) {
    return { kind: 'failed', reason: error instanceof Error ? error.message : String(error) }
  }
}

const redriveCommit = async ({ handlerOf, stored }: RedrivePorts, letter: Letter): Promise<Redriven> => {
  const record = await stored(letter, letter.sequenceNumber)
  if (record === undefined) return { kind: 'failed', reason: 'history has no such commit: verify it' }
  const kept: Letter[] = []
  const { batchItemFailures } = await handlerOf(letter.consumer, boxOf(kept))({ Records: [record] })
  if (batchItemFailures.length > 0) return { kind: 'failed', reason: 'it has met an outage: try again' }
  const [again] = kept
  return again === undefined ? { kind: 'done', recordCount: 1, keptCount: 0 } : { kind: 'failed', reason: again.error }
}

const boxOf = (kept: Letter[]): Pick<Letters, 'keep'> => ({
  keep: async (letters) => void kept.push(...letters),
})

const redriveRange = async (ports: RedrivePorts, letter: RangeLetter): Promise<Redriven> => {
  const isLost = letter.reason === recordsLost
  const batches = isLost ? undefined : await ports.recordsIn(letter, mappings[letter.consumer].batchSize)
  if (batches === undefined) return { kind: 'gone', reason: remedies[letter.consumer] }
  const kept: Letter[] = []
  const handler = ports.handlerOf(letter.consumer, boxOf(kept))
  let recordCount = 0
  for await (const records of batches) {
    const { batchItemFailures } = await handler({ Records: records })
    if (batchItemFailures.length > 0) return { kind: 'failed', reason: 'it has met an outage: try again' }
    recordCount += records.length
  }
  // By the commit's position from now on: the range has served its turn.
  if (kept.length > 0) await ports.letters.keep(kept)
  return { kind: 'done', recordCount, keptCount: kept.length }
}

const remedies: Readonly<Record<StreamConsumer, string>> = {
  project: 'its records are gone: do again what the feed lacks (benchplane redrive --feed)',
  publish: 'its records are gone: who follows the bus reads them from the API (GET /v1/events)',
}
