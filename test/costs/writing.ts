/** The write path on DynamoDB as a server has it, with its clock and its ids at hand, and every call counted. */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { openHistory } from '../../adapters/dynamodb/history.ts'
import { parseCommand } from '../../domain/contract.ts'
import type { Candidates } from '../../domain/decisions/program.ts'
import type { Outcome } from '../../domain/handle.ts'
import { type Instant, plusMs } from '../../domain/ids.ts'
import type { EventStore } from '../../domain/ports.ts'
import { openCounters } from '../../infra/counters.ts'
import { openHeadCache } from '../../infra/headCache.ts'
import { openWriting } from '../../infra/services.ts'
import { views } from '../../projections/views.ts'
import { countSpent } from '../adapters/dynamodbCapacity.ts'
import { candidates, dayBeginsAt, type Kind } from './story.ts'

/** A clock that only goes when it is told to. */
export const openTime = (from: Instant = dayBeginsAt) => {
  let at = from
  return {
    now: (): Instant => at,
    pass: (ms: number): void => {
      at = plusMs(at, ms)
    },
  }
}
export type Time = ReturnType<typeof openTime>

/** Keys are each client's own, and all of one length. */
let sent = 0

const found: Candidates = { benchIds: candidates, excluded: {} }

export interface Tables {
  client: DynamoDBClient
  tablePrefix: string
}

/** One server's write path: what it has written and read, it knows. What the views know it is told for nothing. */
export const openServer = (store: EventStore, time: Time) => {
  const cache = openHeadCache()
  const asked = { candidates: async () => found }
  const writing = openWriting({ store, cache, counters: openCounters(), now: time.now, ...asked })
  const send = async (
    kind: Kind,
    id: string,
    type: string,
    data: unknown = {},
    key = `0190a4d2-6c1e-7000-8000-${String(++sent).padStart(12, '0')}`,
  ): Promise<Outcome> => {
    if (type === 'Tick') return writing.tick({ ...dueOf(kind, id), version: 1, nextDue: time.now() })
    const parsed = parseCommand(kind, type, data)
    if (!parsed.ok) throw new Error(`${type}: ${JSON.stringify(parsed.errors)}`)
    const about = { actor, correlationId: '01KJPEXAMPLEPGM8ZZ4S6T9X2V', traceparent }
    return writing.submit({ tenant: 'default', kind, id, type, data: parsed.data, idempotencyKey: key, ...about })
  }
  return { writing, cache, send }
}
export type Server = ReturnType<typeof openServer>

const actor = { kind: 'user' as const, id: 'ada@example.com' }
const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

const dueOf = (kind: Kind, id: string) => {
  const view = views.find((one) => one.kind === kind)
  if (view === undefined) throw new Error(`nothing of kind ${kind} is ever due`)
  return { view: view.name, tenant: 'default', id }
}

/** A history on tables of its own, and what was asked of the engine since it was last asked for. */
export const openCounted = ({ client, tablePrefix }: Tables) => ({
  store: openHistory({ client, tablePrefix }),
  spent: countSpent(client),
})

/** Throws for everything but a command that was taken: a price of a refusal is none of a command's. */
export const demandDone = (what: string, outcome: Outcome): Extract<Outcome, { kind: 'done' }> => {
  if (outcome.kind !== 'done') throw new Error(`${what}: ${JSON.stringify(outcome)}`)
  return outcome
}
