import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { CustomAttributeType, Entity } from 'electrodb'
import { layout, tableName } from './layout.ts'

export interface EntityOptions {
  client: DynamoDBClient
  /** Default `benchplane-`. */
  tablePrefix?: string
}

export const configOf = (key: keyof typeof layout.items, { client, tablePrefix }: EntityOptions) => ({
  client,
  table: tableName(layout.items[key].table, tablePrefix),
  identifiers: layout.identifiers,
})

/** Names are written as they are: ids are told apart by case. */
export const casing = 'none'

/** In a key's template: the attribute's value. */
export const filled = (attribute: string): string => `\${${attribute}}`

/** A commit as it lies in the history. Keys are attributes themselves, so that nothing is stored twice. */
export const commitEntity = (options: EntityOptions) => {
  const { attributes, shape } = layout.items.commit
  const { hashKey, rangeKey } = layout.tables.history
  return new Entity(
    {
      model: { entity: 'commit', version: shape, service: 'benchplane' },
      attributes: {
        stream: { type: 'string', field: attributes.stream, required: true },
        version: { type: 'number', field: attributes.version, required: true },
        body: { type: 'string', field: attributes.body, required: true },
        hash: { type: CustomAttributeType<Uint8Array>('any'), field: attributes.hash, required: true },
        state: { type: 'string', field: attributes.state },
        reducerVersion: { type: 'number', field: attributes.reducerVersion },
      },
      indexes: {
        byStream: {
          pk: { field: hashKey.name, composite: ['stream'], template: filled('stream'), casing },
          sk: { field: rangeKey.name, composite: ['version'], template: filled('version'), casing },
        },
      },
    },
    configOf('commit', options),
  )
}
export type CommitEntity = ReturnType<typeof commitEntity>

/** Digits of a position in a page's key: keys sort as their positions do. */
const positionDigits = 15

/** A page of the feed. */
export const pageEntity = (options: EntityOptions) => {
  const { attributes, shape } = layout.items.page
  const { hashKey, rangeKey } = layout.tables.views
  return new Entity(
    {
      model: { entity: 'page', version: shape, service: 'benchplane' },
      attributes: {
        feed: { type: 'string', field: attributes.feed, required: true },
        first: {
          type: 'number',
          field: attributes.first,
          required: true,
          padding: { length: positionDigits, char: '0' },
        },
        entries: { type: 'list', field: attributes.entries, items: { type: 'string' }, required: true },
      },
      indexes: {
        byPosition: {
          pk: { field: hashKey.name, composite: ['feed'], template: filled('feed'), casing },
          sk: { field: rangeKey.name, composite: ['first'], template: `page#${filled('first')}`, casing },
        },
      },
    },
    configOf('page', options),
  )
}
export type PageEntity = ReturnType<typeof pageEntity>
