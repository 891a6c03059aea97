/**
 * What consumers of the history's stream are given and answer: the form in which AWS Lambda has it, so that one handler runs
 * as a function and in a server of ours. A batch goes in, the ids of what failed come out.
 */

/** A value as the engine writes it in JSON; bytes are base64. */
export interface StreamValue {
  S?: string
  N?: string
  B?: string
}
export type StreamImage = Readonly<Record<string, StreamValue>>

/** What happened to one item of the table. */
export interface StreamRecord {
  eventID?: string
  eventName?: 'INSERT' | 'MODIFY' | 'REMOVE'
  dynamodb?: {
    /** In whole seconds since 1970. */
    ApproximateCreationDateTime?: number
    Keys?: StreamImage
    NewImage?: StreamImage
    /** The record's position in its shard, in decimals: the later the larger. */
    SequenceNumber?: string
  }
}

export interface StreamEvent {
  Records: readonly StreamRecord[]
}

/**
 * Of a stream: the lowest sequence number that failed; what is before it is done, it and all after it come again. Of a
 * queue: each message that failed. Empty: all are done.
 */
export interface BatchAnswer {
  batchItemFailures: { itemIdentifier: string }[]
}

/** Throws for what it cannot tell from a bug: the batch comes again, by halves. */
export type StreamHandler = (event: StreamEvent) => Promise<BatchAnswer>

/** A message of a queue. */
export interface QueueRecord {
  messageId: string
  body: string
}
export interface QueueEvent {
  Records: readonly QueueRecord[]
}
export type QueueHandler = (event: QueueEvent) => Promise<BatchAnswer>

export const failedAt = (...itemIdentifiers: readonly string[]): BatchAnswer => ({
  batchItemFailures: itemIdentifiers.map((itemIdentifier) => ({ itemIdentifier })),
})
