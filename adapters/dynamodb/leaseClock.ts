import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb'
import { type Attributes, identityIn, number, openEngine, type Params, text } from './engine.ts'
import type { EntityOptions } from './entities.ts'
import { layout } from './layout.ts'
import { clockEntity } from './viewEntities.ts'

/** The lease clock as its keeper has last written it. */
export interface ClockReading {
  /** The process that keeps it. */
  keeper: string
  /** Goes up with each writing. */
  turn: number
  /** In ms since 1970. */
  readingMs: number
}

/**
 * The lease clock of several servers: one row beside the leases, written by one keeper at a time. `keep` writes only what
 * follows the reading that was seen, so whoever writes takes the clock over from whoever does not; `undefined`: another was
 * faster.
 */
export const openLeaseClockRow = (options: EntityOptions) => {
  const engine = openEngine(options, 'leases')
  const sample = { key: 'clock', keeper: 'sample', turn: 1, reading: 1 }
  const identity = identityIn(clockEntity(options).put(sample).params<Params>().Item)
  return {
    read: async (): Promise<ClockReading | undefined> => {
      const request = { TableName: engine.table, Key: key, ConsistentRead: true }
      const { Item } = await engine.ask(async (client) => client.send(new GetItemCommand(request)))
      return Item === undefined ? undefined : readingIn(Item)
    },
    keep: async (
      seen: ClockReading | undefined,
      { keeper, readingMs }: Omit<ClockReading, 'turn'>,
    ): Promise<ClockReading | undefined> => {
      const next = { keeper, turn: (seen?.turn ?? 0) + 1, readingMs }
      const request = {
        TableName: engine.table,
        Item: { ...key, ...identity, ...attributesOf(next) },
        ConditionExpression: seen === undefined ? 'attribute_not_exists(#turn)' : '#turn = :seen',
        ExpressionAttributeNames: { '#turn': names.turn },
        ...(seen === undefined ? {} : { ExpressionAttributeValues: { ':seen': number(seen.turn) } }),
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
      }
      const answer = await engine.attempt(async (client) => client.send(new PutItemCommand(request)))
      if (answer.kind === 'done') return next
      // Its own writing, whose answer was lost.
      const found = answer.found === undefined ? undefined : readingIn(answer.found)
      return found?.keeper === keeper && found.turn === next.turn ? found : undefined
    },
  }
}

const names = layout.items.clock.attributes
const { hashKey, rangeKey } = layout.tables.leases
const key: Attributes = { [hashKey.name]: text('clock'), [rangeKey.name]: text('clock') }

const attributesOf = ({ keeper, turn, readingMs }: ClockReading): Attributes => ({
  [names.keeper]: text(keeper),
  [names.turn]: number(turn),
  [names.reading]: number(readingMs),
})

const readingIn = (item: Attributes): ClockReading => ({
  keeper: item[names.keeper]?.S ?? '',
  turn: Number(item[names.turn]?.N),
  readingMs: Number(item[names.reading]?.N),
})
