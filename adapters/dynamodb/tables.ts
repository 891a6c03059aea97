import {
  CreateTableCommand,
  type CreateTableCommandInput,
  type DynamoDBClient,
  ResourceInUseException,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb'
import { layout, type Table, type TableKey, tableName } from './layout.ts'

const description = ({ hashKey, rangeKey, stream, isProtected }: Table, name: string): CreateTableCommandInput => ({
  TableName: name,
  BillingMode: 'PAY_PER_REQUEST',
  KeySchema: [
    { AttributeName: hashKey.name, KeyType: 'HASH' },
    { AttributeName: rangeKey.name, KeyType: 'RANGE' },
  ],
  AttributeDefinitions: [hashKey, rangeKey].map(({ name: AttributeName, type: AttributeType }) => ({
    AttributeName,
    AttributeType,
  })),
  DeletionProtectionEnabled: isProtected,
  ...(stream === undefined ? {} : { StreamSpecification: { StreamEnabled: true, StreamViewType: stream } }),
})

/** Longest time to wait for a table to be there. */
const waitSecondsMax = 60

/**
 * Creates the tables that are missing, and waits until they can be used: for local use and tests. A deployment describes
 * them itself, with backups and alarms, from the same layout. Answers the names of those that were missing.
 */
export const createTables = async (
  client: DynamoDBClient,
  prefix: string = layout.defaultPrefix,
): Promise<readonly string[]> => {
  const created: string[] = []
  for (const key of Object.keys(layout.tables) as TableKey[]) {
    const name = tableName(key, prefix)
    try {
      const { TableDescription } = await client.send(new CreateTableCommand(description(layout.tables[key], name)))
      created.push(name)
      if (TableDescription?.TableStatus === 'ACTIVE') continue
    } catch (error) {
      if (!(error instanceof ResourceInUseException)) throw error
    }
    await waitUntilTableExists({ client, maxWaitTime: waitSecondsMax, minDelay: 1, maxDelay: 2 }, { TableName: name })
  }
  return created
}
