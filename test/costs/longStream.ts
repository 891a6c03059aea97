/** A bench that has been described for years: its stream, as long as wanted, put into the table at once. */
import { BatchWriteItemCommand, type WriteRequest } from '@aws-sdk/client-dynamodb'
import { layout, tableName } from '../../adapters/dynamodb/layout.ts'
import { type HistoryOptions, openHistory } from '../../adapters/memory/history.ts'
import { register } from '../domain/handleStory.ts'
import { writePath } from '../writePath.ts'
import type { Tables } from './writing.ts'

type MemoryRow = NonNullable<HistoryOptions['rows']>[number]

const batchItems = 25

/** The stream `t/bench/b1`; states ride on its commits as they would have. */
export const writeLongStream = async ({ client, tablePrefix }: Tables, commitCount: number): Promise<void> => {
  const rows: MemoryRow[] = []
  const { send } = writePath(openHistory({ rows }))
  await send('bench', 'b1', 'RegisterBench', register('b1', { capabilities: ['can-fd', 'psu.channels=4'] }))
  for (let n = 1; n < commitCount; n++) await send('bench', 'b1', 'DescribeBench', { location: `lab ${n}` })
  const requests = rows.map(requestOf)
  const table = tableName('history', tablePrefix)
  for (let start = 0; start < requests.length; start += batchItems)
    await client.send(
      new BatchWriteItemCommand({ RequestItems: { [table]: requests.slice(start, start + batchItems) } }),
    )
}

const requestOf = ({ stream, version, body, hash, state, reducerVersion }: MemoryRow): WriteRequest => {
  const { attributes } = layout.items.commit
  const riding = { [attributes.state]: { S: state ?? '' }, [attributes.reducerVersion]: { N: String(reducerVersion) } }
  return {
    PutRequest: {
      Item: {
        [attributes.stream]: { S: stream },
        [attributes.version]: { N: String(version) },
        [attributes.body]: { S: body },
        [attributes.hash]: { B: Buffer.from(hash, 'hex') },
        ...(state === null ? {} : riding),
      },
    },
  }
}
