import type { CommitKey } from '../../adapters/dynamodb/feed.ts'
import { layout } from '../../adapters/dynamodb/layout.ts'
import { streamOf as arnOf, connectStreams, iteratorOf, recordsAt, shardsOf } from '../../adapters/dynamodb/streams.ts'
import type { StreamRecord } from '../../projections/handler.ts'
import { anybody } from './dynamodbLocal.ts'

export const keyOf = ({ dynamodb: { Keys } = {} }: StreamRecord): CommitKey => {
  const { hashKey, rangeKey } = layout.tables.history
  return { stream: Keys?.[hashKey.name]?.S ?? '', version: Number(Keys?.[rangeKey.name]?.N) }
}

/** Reads a table's stream from its beginning: each call answers what has come since, mostly nothing. The engine has one shard. */
export const streamOf = (endpoint: string, table: string) => {
  const client = connectStreams({ endpoint, ...anybody })
  let iterator: string | undefined
  const begin = async (): Promise<string> => {
    const arn = await arnOf(client, table)
    const [shard] = await shardsOf(client, arn)
    return iteratorOf(client, arn, shard?.id ?? '', { kind: 'oldest' })
  }
  return async (): Promise<readonly StreamRecord[]> => {
    const { records, next } = await recordsAt(client, iterator ?? (await begin()), 1_000)
    iterator = next
    return records
  }
}
