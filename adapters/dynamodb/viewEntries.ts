import { DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb'
import { type Attributes, type Engine, number, text } from './engine.ts'
import { layout } from './layout.ts'
import type { PlaceKey } from './viewKeys.ts'

export const keyAttributes = (partition: string, sort: string): Attributes => ({
  [layout.tables.views.hashKey.name]: text(partition),
  [layout.tables.views.rangeKey.name]: text(sort),
})

/**
 * Entries that carry no row know the version of the row that put them there, and the newest wins: one that a newer version has put is
 * neither overwritten nor removed by an older, however late that comes. So being refused is no failure.
 */
export const openEntries = (engine: Engine, identity: Attributes) => {
  const { version: field } = layout.items.entry.attributes
  const guardedBy = (condition: string, version: number) => ({
    TableName: engine.table,
    ConditionExpression: condition,
    ExpressionAttributeNames: { '#version': field },
    ExpressionAttributeValues: { ':version': number(version) },
  })
  return {
    enter: async ({ partition, place }: PlaceKey, version: number): Promise<void> => {
      const Item = { ...keyAttributes(partition, place), ...identity, [field]: number(version) }
      const guard = guardedBy('attribute_not_exists(#version) OR #version < :version', version)
      await engine.attempt(async (client) => client.send(new PutItemCommand({ ...guard, Item })))
    },
    /** Unless a newer version than this has put it there. */
    leave: async ({ partition, place }: PlaceKey, version: number): Promise<void> => {
      const guard = guardedBy('#version <= :version', version)
      await engine.attempt(async (client) =>
        client.send(new DeleteItemCommand({ ...guard, Key: keyAttributes(partition, place) })),
      )
    },
  }
}
