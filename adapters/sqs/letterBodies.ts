import { z } from 'zod'
import { type Letter, type RangeLetter, type StreamConsumer, streamConsumers } from '../../projections/letters.ts'

const consumer = z.enum(streamConsumers)
const text = z.string().max(2_000)

const OwnLetter = z.object({
  consumer,
  stream: text,
  version: z.int().min(1),
  sequenceNumber: text,
  error: text,
  at: text,
  correlationId: text.optional(),
})

const OwnRange = z.object({
  consumer,
  streamArn: text,
  shardId: text,
  startSequenceNumber: text,
  endSequenceNumber: text,
  recordCount: z.int().min(0),
  reason: text,
  at: text,
})

/** What an event source mapping sends to its OnFailure queue: where the records were, not what they held. */
const GivenUp = z.object({
  requestContext: z.object({ functionArn: text, condition: text.default('') }),
  timestamp: text,
  DDBStreamBatchInfo: z.object({
    streamArn: text,
    shardId: text,
    startSequenceNumber: text,
    endSequenceNumber: text,
    batchSize: z.int().min(0).default(0),
  }),
})

/** The letter that a message holds, or why it holds none. `known` says whose ranges these are where their function's name does not. */
export const letterIn = (
  body: string,
  known: StreamConsumer | undefined,
): Letter | RangeLetter | { kind: 'other'; why: string } => {
  const value = json(body)
  const own = OwnLetter.safeParse(value)
  if (own.success) {
    const { correlationId, ...letter } = own.data
    return correlationId === undefined ? letter : { ...letter, correlationId }
  }
  const range = OwnRange.safeParse(value)
  if (range.success) return range.data
  const givenUp = GivenUp.safeParse(value)
  if (!givenUp.success) return { kind: 'other', why: 'no letter of a consumer of the history’s stream' }
  const { requestContext, timestamp: at, DDBStreamBatchInfo } = givenUp.data
  const whose = consumerIn(requestContext.functionArn) ?? known
  if (whose === undefined)
    return { kind: 'other', why: `${requestContext.functionArn} does not tell its consumer: name it by --consumer` }
  const { batchSize: recordCount, ...place } = DDBStreamBatchInfo
  return { consumer: whose, ...place, recordCount, reason: requestContext.condition, at }
}

/** The function's own name, without an alias or a version. */
const consumerIn = (functionArn: string): StreamConsumer | undefined => {
  const name = (functionArn.split(':')[6] ?? '').toLowerCase()
  return streamConsumers.find((each) => new RegExp(`(?:^|[-_])${each}(?:[-_]|$)`).test(name))
}

const json = (body: string): unknown => {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
