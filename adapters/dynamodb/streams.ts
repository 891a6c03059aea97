import {
  type _Record,
  DescribeStreamCommand,
  DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
  ListStreamsCommand,
} from '@aws-sdk/client-dynamodb-streams'
import { fault } from '../../domain/faults.ts'
import type { StreamRecord } from '../../projections/handler.ts'
import { type ConnectOptions, connectionOf } from '../awsConnection.ts'
import { imageOf } from './streamRecords.ts'

/** A client of the engine's streams. Close it with `destroy()`. */
export const connectStreams = (options: ConnectOptions = {}): DynamoDBStreamsClient =>
  new DynamoDBStreamsClient(connectionOf(options))

export type StreamsClient = Pick<DynamoDBStreamsClient, 'send'>

export interface Shard {
  id: string
  /** What it goes on from; it may be gone already. */
  parentId: string | undefined
}

/** From where on a shard is read: all that is there, from a record on, or after it. */
export type From = { kind: 'oldest' } | { kind: 'at' | 'after'; sequenceNumber: string }

/** The newest stream of a table. Throws the fault `storage-unusable` when it has none. */
export const streamOf = async (client: StreamsClient, table: string, signal?: AbortSignal): Promise<string> => {
  let newest: { arn: string; label: string } | undefined
  let start: string | undefined
  do {
    const request = { TableName: table, ...(start === undefined ? {} : { ExclusiveStartStreamArn: start }) }
    const { Streams = [], LastEvaluatedStreamArn } = await client.send(new ListStreamsCommand(request), sent(signal))
    // Labels are instants: a table that was created anew has the old one's stream for another day.
    for (const { StreamArn: arn = '', StreamLabel: label = '' } of Streams)
      if (newest === undefined || label > newest.label) newest = { arn, label }
    start = LastEvaluatedStreamArn
  } while (start !== undefined)
  if (newest === undefined) throw fault('storage-unusable', `the table ${table} has no stream, or is not there`)
  return newest.arn
}

/** All shards that are known, the ended ones of the last day among them. */
export const shardsOf = async (client: StreamsClient, arn: string, signal?: AbortSignal): Promise<readonly Shard[]> => {
  const shards: Shard[] = []
  let start: string | undefined
  do {
    const request = { StreamArn: arn, ...(start === undefined ? {} : { ExclusiveStartShardId: start }) }
    const { StreamDescription } = await client.send(new DescribeStreamCommand(request), sent(signal))
    for (const { ShardId: id = '', ParentShardId: parentId } of StreamDescription?.Shards ?? [])
      shards.push({ id, parentId })
    start = StreamDescription?.LastEvaluatedShardId
  } while (start !== undefined)
  return shards
}

const iteratorTypes = { oldest: 'TRIM_HORIZON', at: 'AT_SEQUENCE_NUMBER', after: 'AFTER_SEQUENCE_NUMBER' } as const

/** Good for 15 minutes. */
export const iteratorOf = async (
  client: StreamsClient,
  arn: string,
  shardId: string,
  from: From,
  signal?: AbortSignal,
): Promise<string> => {
  const request = {
    StreamArn: arn,
    ShardId: shardId,
    ShardIteratorType: iteratorTypes[from.kind],
    ...(from.kind === 'oldest' ? {} : { SequenceNumber: from.sequenceNumber }),
  }
  const { ShardIterator } = await client.send(new GetShardIteratorCommand(request), sent(signal))
  if (ShardIterator === undefined) throw fault('storage-unusable', `the shard ${shardId} gives no iterator`)
  return ShardIterator
}

export interface RecordPage {
  records: readonly StreamRecord[]
  /** Absent: the shard has ended, and all of it was read. */
  next: string | undefined
}

/** None, often, though there are more: an iterator goes on through what is empty. */
export const recordsAt = async (
  client: StreamsClient,
  iterator: string,
  limit: number,
  signal?: AbortSignal,
): Promise<RecordPage> => {
  const request = { ShardIterator: iterator, Limit: limit }
  const { Records = [], NextShardIterator } = await client.send(new GetRecordsCommand(request), sent(signal))
  return { records: Records.map(lambdaForm), next: NextShardIterator }
}

const sent = (abortSignal: AbortSignal | undefined) => (abortSignal === undefined ? {} : { abortSignal })

/** As Lambda would be given it: JSON, so bytes in base64 and instants in seconds. */
const lambdaForm = ({ eventID, eventName, dynamodb: { Keys, NewImage, ...rest } = {} }: _Record): StreamRecord => ({
  ...(eventID === undefined ? {} : { eventID }),
  ...(eventName === undefined ? {} : { eventName }),
  dynamodb: {
    ...(rest.ApproximateCreationDateTime === undefined
      ? {}
      : { ApproximateCreationDateTime: Math.floor(rest.ApproximateCreationDateTime.getTime() / 1_000) }),
    ...(Keys === undefined ? {} : { Keys: imageOf(Keys) }),
    ...(NewImage === undefined ? {} : { NewImage: imageOf(NewImage) }),
    ...(rest.SequenceNumber === undefined ? {} : { SequenceNumber: rest.SequenceNumber }),
  },
})
