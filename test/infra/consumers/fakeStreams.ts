import {
  DescribeStreamCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  ListStreamsCommand,
} from '@aws-sdk/client-dynamodb-streams'
import type { StreamsClient } from '../../../adapters/dynamodb/streams.ts'
import { numbered } from './records.ts'

/** A shard: its records are names, of which a test says whose they are. */
export interface FakeShard {
  id: string
  parentId?: string
  records: { key: string; n: number; createdAtMs?: number }[]
  isClosed?: boolean
}

const named = (name: string): Error => Object.assign(new Error(`${name} by the test`), { name, $metadata: {} })

/** What is told of the shards: which are there, and what is in them. */
const openShards = (shards: readonly FakeShard[]) => {
  const trimmedTo = new Map<string, number>()
  const gone = new Set<string>()
  const shardOf = (id: string): FakeShard => {
    const shard = shards.find((each) => each.id === id)
    if (shard === undefined || gone.has(id)) throw named('ResourceNotFoundException')
    return shard
  }
  return {
    trimmedTo,
    gone,
    described: ({ ExclusiveStartShardId }: DescribeStreamCommand['input']) => {
      const known = shards.filter(({ id }) => !gone.has(id))
      // One shard a page: whoever forgets to turn it finds one shard only.
      const at = known.findIndex(({ id }) => id === ExclusiveStartShardId) + 1
      const Shards = known.slice(at, at + 1).map(({ id, parentId }) => ({ ShardId: id, ParentShardId: parentId }))
      return {
        StreamDescription: { Shards, ...(at + 1 < known.length ? { LastEvaluatedShardId: known[at]?.id } : {}) },
      }
    },
    iterator: ({ ShardId = '', ShardIteratorType, SequenceNumber = '0' }: GetShardIteratorCommand['input']): string => {
      const { id, records } = shardOf(ShardId)
      const oldest = trimmedTo.get(id) ?? 0
      if (ShardIteratorType === 'TRIM_HORIZON') return `${id}/${oldest}`
      const wanted = Number(SequenceNumber) + (ShardIteratorType === 'AFTER_SEQUENCE_NUMBER' ? 1 : 0)
      const found = records.findIndex(({ n }) => n >= wanted)
      const position = found < 0 ? records.length : found
      if (position < oldest) throw named('TrimmedDataAccessException')
      return `${id}/${position}`
    },
    recordsAt: ({ ShardIterator = '', Limit = 1_000 }: GetRecordsCommand['input']) => {
      const [id = '', position = '0'] = ShardIterator.split('/')
      const { records, isClosed = false } = shardOf(id)
      const found = records.slice(Number(position), Number(position) + Limit)
      const next = Number(position) + found.length
      const isOver = isClosed && next >= records.length
      return { Records: found.map(told), ...(isOver ? {} : { NextShardIterator: `${id}/${next}` }) }
    },
  }
}

const told = ({ key, n, createdAtMs }: FakeShard['records'][number]) => ({
  eventName: 'INSERT',
  dynamodb: {
    Keys: { pk: { S: key } },
    SequenceNumber: numbered(n),
    ...(createdAtMs === undefined ? {} : { ApproximateCreationDateTime: new Date(createdAtMs) }),
  },
})

const bothStreams = [
  { StreamArn: 'arn:new', StreamLabel: '2' },
  { StreamArn: 'arn:old', StreamLabel: '1' },
]

/**
 * What the local engine cannot do: several shards, ends of shards, records that were trimmed, iterators that expire, requests
 * that fail. An iterator is `shard/position`.
 */
export const fakeStreams = (shards: FakeShard[]) => {
  const calls: string[] = []
  let plan: (call: string) => string | undefined = () => undefined
  const { trimmedTo, gone, described, iterator, recordsAt } = openShards(shards)
  const answer = (command: object): unknown => {
    if (command instanceof ListStreamsCommand) return { Streams: bothStreams }
    if (command instanceof DescribeStreamCommand) return described(command.input)
    if (command instanceof GetShardIteratorCommand) return { ShardIterator: iterator(command.input) }
    if (command instanceof GetRecordsCommand) return recordsAt(command.input)
    throw new Error('not a call of ours')
  }
  const send = async (command: object): Promise<unknown> => {
    const call = command.constructor.name.replace('Command', '')
    calls.push(call)
    const trouble = plan(call)
    if (trouble !== undefined) throw named(trouble)
    return answer(command)
  }
  return {
    client: { send } as unknown as StreamsClient,
    calls,
    /** What a call is answered by: the name of an error, or as it should be. */
    follow: (next: typeof plan): void => {
      plan = next
    },
    /** The first records of a shard are gone. */
    trim: (id: string, count: number): void => void trimmedTo.set(id, count),
    remove: (id: string): void => void gone.add(id),
  }
}
