import {
  ConditionalCheckFailedException,
  CreateTableCommand,
  type DynamoDBClient,
  PutItemCommand,
  QueryCommand,
} from '@aws-sdk/client-dynamodb'
import { payloadOf } from './commands.ts'
import { followed, keyed, type Peer } from './peer.ts'

const table = 'raw'

/**
 * The measure: one conditional PutItem with the whole command's payload as one text, and nothing else. It decides nothing
 * and folds nothing: cold it reads the stream's items and takes the last one's number; having lost it tries the next.
 */
export const raw: Peer = {
  name: 'raw conditional PutItem',
  createTables: async (client) => {
    const { schema, attributes } = keyed('pk', 'sk:N')
    await client.send(
      new CreateTableCommand({
        TableName: table,
        BillingMode: 'PAY_PER_REQUEST',
        ...followed,
        KeySchema: schema,
        AttributeDefinitions: attributes,
      }),
    )
  },
  open: (client) => {
    const versions = new Map<string, number>()
    return {
      handle: async (command) => {
        const pk = `default/bench/${command.benchId}`
        const isNew = command.type === 'RegisterBench'
        let version = isNew ? 0 : (versions.get(pk) ?? (await lastVersion(client, pk)))
        for (;;) {
          const lost = await put(client, pk, ++version, payloadOf(command))
          if (!lost) break
        }
        versions.set(pk, version)
      },
      forget: () => versions.clear(),
    }
  },
}

const put = async (client: DynamoDBClient, pk: string, version: number, body: string): Promise<boolean> => {
  try {
    await client.send(
      new PutItemCommand({
        TableName: table,
        Item: { pk: { S: pk }, sk: { N: String(version) }, body: { S: body } },
        ConditionExpression: 'attribute_not_exists(pk)',
      }),
    )
    return false
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return true
    throw error
  }
}

/** One page: the streams of this benchmark are far below its 1 MB. */
const lastVersion = async (client: DynamoDBClient, pk: string): Promise<number> => {
  const { Items = [] } = await client.send(
    new QueryCommand({
      TableName: table,
      KeyConditionExpression: 'pk = :pk',
      ExpressionAttributeValues: { ':pk': { S: pk } },
      ConsistentRead: true,
    }),
  )
  for (const { body } of Items) JSON.parse(body?.S ?? '')
  return Number(Items.at(-1)?.sk?.N)
}
