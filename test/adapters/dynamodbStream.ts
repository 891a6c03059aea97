import type { CommitKey } from '../../adapters/dynamodb/feed.ts'
import { layout } from '../../adapters/dynamodb/layout.ts'

/** Calls the engine's Streams over their own protocol: the engine asks for credentials, and takes any. */
const callTo =
  (endpoint: string) =>
  async (operation: string, input: object): Promise<Answer> => {
    const response = await fetch(endpoint, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-target': `DynamoDBStreams_20120810.${operation}`,
        authorization:
          'AWS4-HMAC-SHA256 Credential=local/20260101/local/dynamodb/aws4_request, SignedHeaders=host, Signature=0',
      },
      body: JSON.stringify(input),
    })
    const answer = await response.text()
    if (!response.ok) throw new Error(`${operation}: ${answer}`)
    return JSON.parse(answer) as Answer
  }

interface Answer {
  Streams?: { StreamArn: string }[]
  StreamDescription?: { Shards: { ShardId: string }[] }
  ShardIterator?: string
  NextShardIterator?: string
  Records?: StreamRecord[]
}

export interface StreamRecord {
  eventName: 'INSERT' | 'MODIFY' | 'REMOVE'
  dynamodb: { Keys: Record<string, { S?: string; N?: string }>; NewImage?: Record<string, unknown> }
}

export const keyOf = ({ dynamodb }: StreamRecord): CommitKey => {
  const { hashKey, rangeKey } = layout.tables.history
  return { stream: dynamodb.Keys[hashKey.name]?.S ?? '', version: Number(dynamodb.Keys[rangeKey.name]?.N) }
}

/** Reads a table's stream from its beginning: each call answers what has come since, mostly nothing. The engine has one shard. */
export const streamOf = (endpoint: string, table: string) => {
  const call = callTo(endpoint)
  let iterator: string | undefined
  const begin = async (): Promise<string | undefined> => {
    const { Streams } = await call('ListStreams', { TableName: table })
    const StreamArn = Streams?.[0]?.StreamArn
    const { StreamDescription } = await call('DescribeStream', { StreamArn })
    const ShardId = StreamDescription?.Shards[0]?.ShardId
    const options = { StreamArn, ShardId, ShardIteratorType: 'TRIM_HORIZON' }
    return (await call('GetShardIterator', options)).ShardIterator
  }
  return async (): Promise<readonly StreamRecord[]> => {
    iterator ??= await begin()
    const { Records = [], NextShardIterator } = await call('GetRecords', { ShardIterator: iterator, Limit: 1_000 })
    iterator = NextShardIterator
    return Records
  }
}
