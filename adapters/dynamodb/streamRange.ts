import type { StreamRecord } from '../../projections/handler.ts'
import { isNamed } from './outages.ts'
import { iteratorOf, recordsAt, type StreamsClient } from './streams.ts'

/** Part of a shard, both ends inclusive. */
export interface ShardRange {
  streamArn: string
  shardId: string
  startSequenceNumber: string
  endSequenceNumber: string
}

/** Pages without a record in a row: more, and the range's end is not there. */
const emptyPageCountMax = 100

/** The records of a range, in batches, as long as the engine has them: for a day. Undefined: they are gone. */
export const recordsIn = async (
  client: StreamsClient,
  range: ShardRange,
  batchSize: number,
): Promise<AsyncGenerator<readonly StreamRecord[]> | undefined> => {
  const { streamArn, shardId, startSequenceNumber, endSequenceNumber } = range
  try {
    const from = { kind: 'at', sequenceNumber: startSequenceNumber } as const
    const iterator = await iteratorOf(client, streamArn, shardId, from)
    return pages(client, iterator, BigInt(endSequenceNumber), batchSize)
  } catch (error) {
    if (isNamed(error, 'TrimmedDataAccessException') || isNamed(error, 'ResourceNotFoundException')) return undefined
    throw error
  }
}

async function* pages(
  client: StreamsClient,
  first: string,
  end: bigint,
  batchSize: number,
): AsyncGenerator<readonly StreamRecord[]> {
  let iterator: string | undefined = first
  for (let emptyCount = 0; iterator !== undefined && emptyCount < emptyPageCountMax; ) {
    const { records, next } = await recordsAt(client, iterator, batchSize)
    const own = records.filter(({ dynamodb }) => BigInt(dynamodb?.SequenceNumber ?? 0) <= end)
    if (own.length > 0) yield own
    if (own.length < records.length || BigInt(records.at(-1)?.dynamodb?.SequenceNumber ?? 0) >= end) return
    emptyCount = records.length === 0 ? emptyCount + 1 : 0
    iterator = next
  }
  throw new Error(`the range does not come to its end, ${end}`)
}
