import {
  type AttributeValue,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  TransactionCanceledException,
} from '@aws-sdk/client-dynamodb'
import { fault } from '../../domain/faults.ts'
import type { EntityOptions } from './entities.ts'
import { openGate } from './gate.ts'
import { layout, type TableKey, tableName } from './layout.ts'
import { contentionAttemptCountMax, isNamed, outage, pause, wasRepeated } from './outages.ts'

export type Attributes = Record<string, AttributeValue>

/** What became of a conditional request. `isRepeated`: it was sent more than once, so it may have met its own effect. */
export type Attempted<Answer> =
  | { kind: 'done'; answer: Answer }
  | { kind: 'refused'; found: Attributes | undefined; isRepeated: boolean }

/** A transaction refused by nothing but others that are under way, or by the table's limits. */
const isContention = (error: unknown): boolean =>
  error instanceof TransactionCanceledException &&
  (error.CancellationReasons ?? []).every(({ Code = 'None' }) => passing.has(Code))
const passing = new Set(['None', 'TransactionConflict', 'ThrottlingError', 'ProvisionedThroughputExceeded'])

/** The condition of a transaction's first member has refused it. */
const refusal = (error: unknown): { found: Attributes | undefined } | undefined => {
  if (error instanceof ConditionalCheckFailedException) return { found: error.Item }
  if (!(error instanceof TransactionCanceledException)) return undefined
  const [first] = error.CancellationReasons ?? []
  return first?.Code === 'ConditionalCheckFailed' ? { found: first.Item } : undefined
}

/**
 * One table, asked by one store: so many requests at once, each failure a fault that names the table, none after `close`,
 * which waits for those under way. The client is the caller's to destroy, after that.
 */
export const openEngine = ({ client, tablePrefix }: EntityOptions, key: TableKey) => {
  const table = tableName(key, tablePrefix)
  const pass = openGate(`the table ${table}`)
  const underWay = new Set<Promise<unknown>>()
  let isOpen = true

  const passed = async <Answer>(work: (client: DynamoDBClient) => Promise<Answer>): Promise<Answer> => {
    if (!isOpen) throw fault('storage-unusable', `the table ${table} is closed`)
    const working = pass(() => work(client))
    underWay.add(working)
    try {
      return await working
    } finally {
      underWay.delete(working)
    }
  }

  return {
    table,
    ask: async <Answer>(work: (client: DynamoDBClient) => Promise<Answer>): Promise<Answer> => {
      try {
        return await passed(work)
      } catch (error) {
        throw outage(table, error)
      }
    },
    /**
     * A request with a condition; `found` is there if it asks for what refused it. A transaction on the same item that is
     * in the way is over in a moment.
     */
    attempt: async <Answer>(work: (client: DynamoDBClient) => Promise<Answer>): Promise<Attempted<Answer>> => {
      for (let attempt = 1; ; attempt++) {
        try {
          return { kind: 'done', answer: await passed(work) }
        } catch (error) {
          const refused = refusal(error)
          if (refused !== undefined)
            return { kind: 'refused', ...refused, isRepeated: attempt > 1 || wasRepeated(error as Error) }
          const isContended = isNamed(error, 'TransactionConflictException') || isContention(error)
          if (!isContended || attempt === contentionAttemptCountMax) throw outage(table, error)
        }
        await pause(attempt)
      }
    },
    close: async (): Promise<void> => {
      isOpen = false
      await Promise.allSettled(underWay)
    },
  }
}
export type Engine = ReturnType<typeof openEngine>

export const text = (value: string): AttributeValue => ({ S: value })
export const number = (value: number): AttributeValue => ({ N: String(value) })

/** What tells one kind of item from another, as its entity has written it. */
export const identityIn = (item: Readonly<Record<string, unknown>>): Attributes => {
  const { entity, version } = layout.identifiers
  return { [entity]: text(String(item[entity])), [version]: text(String(item[version])) }
}

/** What an entity would ask for. */
export interface Params {
  Item: Record<string, unknown>
}
