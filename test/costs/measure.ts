/** Everything that the documents tell of costs, measured anew. */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { type CommandCost, commandCosts } from './commands.ts'
import { measureLife } from './life.ts'
import { type Moment, moments } from './moments.ts'
import { type Pattern, patterns, type Whole } from './patterns.ts'
import type { Life } from './turned.ts'

export interface Costs {
  commands: readonly CommandCost[]
  moments: readonly Moment[]
  life: Life
  patterns: readonly Pattern[]
  whole: Whole
}

export interface Place {
  /** Another one with each call: what is asked of it is counted apart. */
  client: () => DynamoDBClient
  /** Fresh ones; answers their prefix. */
  tables: () => Promise<string>
}

export const measureCosts = async ({ client, tables }: Place): Promise<Costs> => {
  const fresh = async () => ({ client: client(), tablePrefix: await tables() })
  const engine = async () => ({ client, tablePrefix: await tables() })
  return {
    commands: await commandCosts(fresh),
    moments: await moments(fresh),
    life: await measureLife(await engine()),
    ...(await patterns(await engine())),
  }
}
