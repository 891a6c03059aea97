import {
  type AttributeValue,
  DeleteItemCommand,
  PutItemCommand,
  type ReturnValue,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb'
import type { Lease } from '../../domain/leaseStore.ts'
import { type Attempted, type Attributes, type Engine, identityIn, type Params, text } from './engine.ts'
import type { EntityOptions } from './entities.ts'
import { layout } from './layout.ts'
import { leaseAttributes, workerKey } from './leaseItems.ts'
import { leaseEntity } from './viewEntities.ts'

/** Of which worker, and on what condition. Expressions name attributes as a lease does, `#epoch`; `values` are `:epoch`. */
export interface Conditional {
  tenant: string
  workerId: string
  condition: string
  values: Readonly<Record<string, AttributeValue>>
}

const names: Readonly<Record<string, string>> = layout.items.lease.attributes
const { hashKey, rangeKey } = layout.tables.leases

export const leaseSort = 'lease'

export const leaseKey = (tenant: string, workerId: string): Attributes => ({
  [hashKey.name]: text(workerKey(tenant, workerId)),
  [rangeKey.name]: text(leaseSort),
})

/** The engine wants just those names that are used. */
const namesIn = (...expressions: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    expressions.flatMap((expression) =>
      [...expression.matchAll(/#(\w+)/g)].map(([placeholder, name = '']) => [placeholder, names[name] ?? name]),
    ),
  )

/** Each changes one lease if its condition holds, and answers what it then is, or what it is instead. */
export const openLeaseRequests = (engine: Engine, options: EntityOptions) => {
  const identity = identityOf(options)
  const guarded = ({ tenant, workerId, condition, values }: Conditional, ...expressions: readonly string[]) => ({
    TableName: engine.table,
    Key: leaseKey(tenant, workerId),
    ConditionExpression: condition,
    ExpressionAttributeNames: namesIn(condition, ...expressions),
    ExpressionAttributeValues: { ...values },
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
  })
  return {
    put: async (lease: Lease, { condition, values }: Pick<Conditional, 'condition' | 'values'>) => {
      const { tenant, workerId } = lease
      const { Key, ...request } = guarded({ tenant, workerId, condition, values })
      const Item = { ...Key, ...identity, ...leaseAttributes(lease) }
      return engine.attempt(async (client) => client.send(new PutItemCommand({ ...request, Item })))
    },
    update: async (change: Conditional, expression: string): Promise<Attempted<Attributes>> => {
      const returned: { ReturnValues: ReturnValue } = { ReturnValues: 'ALL_NEW' }
      const request = { ...guarded(change, expression), UpdateExpression: expression, ...returned }
      return engine.attempt(async (client) => (await client.send(new UpdateItemCommand(request))).Attributes ?? {})
    },
    remove: async (change: Conditional) =>
      engine.attempt(async (client) => client.send(new DeleteItemCommand(guarded(change)))),
  }
}

const sampleOf = (instant: string, none: string) => ({
  worker: 'tenant/worker',
  epoch: 1,
  benchIds: [],
  lastSeenAt: instant,
  expiresAt: instant,
  attempts: none,
  attemptsBefore: none,
  flags: [],
  graces: [],
})

const identityOf = (options: EntityOptions): Attributes =>
  identityIn(leaseEntity(options).put(sampleOf('2026-01-01T00:00:00.000Z', '[]')).params<Params>().Item)
