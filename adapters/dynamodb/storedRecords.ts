import { GetItemCommand } from '@aws-sdk/client-dynamodb'
import type { StreamRecord } from '../../projections/handler.ts'
import { openEngine } from './engine.ts'
import type { EntityOptions } from './entities.ts'
import type { CommitKey } from './feed.ts'
import { layout } from './layout.ts'
import { imageOf } from './streamRecords.ts'

const { hashKey, rangeKey } = layout.tables.history

/**
 * What lies in history as a record of its stream would tell of it: for who does a record again whose own has gone. Undefined:
 * nothing is there. Throws the fault `storage-unusable` for an outage.
 */
export const openStoredRecords = (options: EntityOptions) => {
  const engine = openEngine(options, 'history')
  return async ({ stream, version }: CommitKey, sequenceNumber: string): Promise<StreamRecord | undefined> => {
    const Key = { [hashKey.name]: { S: stream }, [rangeKey.name]: { N: String(version) } }
    const request = { TableName: engine.table, Key, ConsistentRead: true }
    const { Item } = await engine.ask(async (client) => client.send(new GetItemCommand(request)))
    if (Item === undefined) return undefined
    return { eventName: 'INSERT', dynamodb: { Keys: Key, NewImage: imageOf(Item), SequenceNumber: sequenceNumber } }
  }
}
