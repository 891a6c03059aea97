import type { AttributeValue, Put, TransactWriteItem } from '@aws-sdk/client-dynamodb'
import type { Check } from '../../domain/ports.ts'
import type { CommitEntity } from './entities.ts'
import type { FoundItem, NewItem } from './items.ts'
import { layout } from './layout.ts'

type Attributes = Record<string, AttributeValue>

/** What ElectroDB makes of a `create`, apart from the item. */
interface Created {
  TableName: string
  ConditionExpression: string
  ExpressionAttributeNames: Record<string, string>
  Item: Record<string, unknown>
}

/**
 * The requests that write history. Their form is asked of the entity once: filling it in by hand costs a tenth of what
 * ElectroDB and the SDK's document client take for each item, which is as much as the rest of an append. A test holds
 * them to what the entity makes of the same items.
 */
export const openRequests = (commits: CommitEntity) => {
  const sample = { stream: 'a/bench/b', version: 1, body: '', hash: new Uint8Array() }
  const created = commits.create(sample).params<Created>()
  const { entity, version } = layout.identifiers
  const identity = { [entity]: text(created.Item[entity]), [version]: text(created.Item[version]) }
  const form = {
    TableName: created.TableName,
    // With the names themselves, which no word of the engine's is: placeholders are written and read with every request.
    ConditionExpression: created.ConditionExpression.replaceAll(
      /#\w+/g,
      (name) => created.ExpressionAttributeNames[name] ?? name,
    ),
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  } as const
  return {
    put: (item: NewItem): Put => ({ ...form, Item: { ...attributesOf(item), ...identity } }),
    /** Demands that nothing follows `version`. */
    check: ({ stream, version: last }: Check): TransactWriteItem => ({
      ConditionCheck: { ...form, Key: keyOf({ stream, version: last + 1 }) },
    }),
  }
}

const names = layout.items.commit.attributes

const text = (value: unknown): AttributeValue => ({ S: String(value) })
const number = (value: number): AttributeValue => ({ N: String(value) })

const keyOf = ({ stream, version }: Pick<NewItem, 'stream' | 'version'>): Attributes => ({
  [names.stream]: text(stream),
  [names.version]: number(version),
})

const attributesOf = ({ stream, version, body, hash, state, reducerVersion }: NewItem): Attributes => {
  const attributes: Attributes = { ...keyOf({ stream, version }), [names.body]: text(body), [names.hash]: { B: hash } }
  if (state !== undefined) attributes[names.state] = text(state)
  if (reducerVersion !== undefined) attributes[names.reducerVersion] = number(reducerVersion)
  return attributes
}

/** The item that a refusal brings back, as far as it names a winner. */
export const foundIn = (attributes: Attributes): FoundItem => ({
  stream: attributes[names.stream]?.S ?? '',
  version: Number(attributes[names.version]?.N),
  body: attributes[names.body]?.S,
  hash: attributes[names.hash]?.B,
})
