import { DeleteItemCommand, GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { layout, tableName } from '../../adapters/dynamodb/layout.ts'
import { eventStoreContract } from '../contract/eventStore.ts'
import type { Damage } from '../contract/medium.ts'
import { temporaryDirectories } from './directories.ts'
import { openPublished } from './dynamodbHistory.ts'
import { localEngine } from './dynamodbLocal.ts'

const engine = localEngine()
const { closing } = temporaryDirectories()

/** Changes an item as whoever may write to the table can. */
const damage = async (tablePrefix: string, stream: string, version: number, how: Damage): Promise<void> => {
  const client = engine.client()
  const where = { TableName: tableName('history', tablePrefix), Key: { pk: { S: stream }, sk: { N: String(version) } } }
  const { attributes } = layout.items.commit
  const set = async (attribute: string, value: { S: string } | { B: Uint8Array }) =>
    client.send(
      new UpdateItemCommand({
        ...where,
        UpdateExpression: 'SET #attribute = :value',
        ExpressionAttributeNames: { '#attribute': attribute },
        ExpressionAttributeValues: { ':value': value },
      }),
    )
  if (how.kind === 'removed') await client.send(new DeleteItemCommand(where))
  else if (how.kind === 'hash') await set(attributes.hash, { B: Buffer.from(how.hash, 'hex') })
  else if (how.kind === 'state') await set(attributes.state, { S: how.state })
  else {
    const { Item } = await client.send(new GetItemCommand(where))
    await set(attributes.body, { S: how.change(Item?.[attributes.body]?.S ?? '') })
  }
}

eventStoreContract('DynamoDB', async (options = {}) => {
  const tablePrefix = await engine.tables()
  const { open, settled, close } = openPublished(engine.client(), engine.endpoint(), tablePrefix)
  closing({ close })
  const store = closing(open(options))
  return {
    store,
    isUnordered: true as const,
    settled,
    reopen: async () => {
      await store.close()
      return closing(open(options))
    },
    tamper: async (stream, version, how) => {
      await store.close()
      await damage(tablePrefix, stream, version, how)
      return closing(open(options))
    },
  }
})
