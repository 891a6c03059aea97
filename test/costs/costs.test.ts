/** What the product costs on DynamoDB, as a contract: measured anew, held to its limits and to what the documents say. */
import { beforeAll, describe, expect, test } from 'vitest'
import { askAgainMs } from '../../adapters/agent/claims.ts'
import { commandSchemas } from '../../domain/contract.ts'
import { claimWaitMsMax } from '../../infra/functions/served.ts'
import type { Spent } from '../adapters/dynamodbCapacity.ts'
import { localEngine } from '../adapters/dynamodbLocal.ts'
import { claimEveryMs, functionsRun } from './assumptions.ts'
import { beatsOf, breakEvenUtilisation, provisionedPerMillion } from './capacityModes.ts'
import { documents, namesIn, textOf, withTables } from './documents.ts'
import { type Costs, measureCosts } from './measure.ts'
import { ridingShareCount } from './moments.ts'
import { microDollars, prices } from './prices.ts'
import { tablesOf } from './tables.ts'

const engine = localEngine()
const measuringMsMax = 90_000
let costs: Costs

beforeAll(async () => {
  costs = await measureCosts({ client: () => engine.client({}), tables: engine.tables })
}, measuringMsMax)

const onePut: Spent = { calls: ['PutItem'], writeUnits: 1, readUnits: 0 }

const momentOf = (what: RegExp): Spent => {
  const found = costs.moments.filter((moment) => moment.what.search(what) >= 0)
  expect(found).toHaveLength(1)
  return found[0]!.spent
}
const patternOf = (what: string): Spent => costs.patterns.find((pattern) => pattern.what === what)!.spent

/** Decided on other streams too, which must stand still until it is appended; or asked of history only. */
const isOnOneStream = ({ hot }: Costs['commands'][number]): boolean => hot.calls.join() === 'PutItem'

describe('a command', () => {
  test('of each name in the contract is measured', () => {
    const measured = new Set(costs.commands.map(({ kind, type }) => `${kind}/${type}`))
    const all = Object.entries(commandSchemas).flatMap(([kind, own]) =>
      Object.keys(own).map((type) => `${kind}/${type}`),
    )
    expect(all.filter((name) => !measured.has(name))).toEqual([])
  })

  test('on one known stream costs one call, one write unit and no read unit', () => {
    const alone = costs.commands.filter(isOnOneStream)
    expect(new Set(alone.map(({ kind }) => kind))).toEqual(new Set(['bench', 'worker', 'message']))
    expect(alone.filter(({ hot }) => hot.writeUnits !== 1 || hot.readUnits !== 0)).toEqual([])
    expect(alone.length).toBeGreaterThanOrEqual(Object.keys(commandSchemas.bench).length)
  })

  test('that rests on several known streams costs one call and no read unit', () => {
    const several = costs.commands.filter((command) => !isOnOneStream(command) && command.eventCount > 0)
    expect(several.length).toBeGreaterThan(20)
    for (const { type, hot } of several)
      expect({ type, calls: hot.calls, readUnits: hot.readUnits }).toEqual({
        type,
        calls: ['TransactWriteItems'],
        readUnits: 0,
      })
  })

  test('that books one bench costs six write units at most', () => {
    const booking = costs.commands.find(({ note }) => note === 'one bench')
    expect(booking?.hot.calls).toEqual(['TransactWriteItems'])
    expect(booking?.hot.writeUnits).toBeLessThanOrEqual(6)
  })

  test('on streams that are not known costs a call and a few read units for each of them', () => {
    for (const { type, hot, cold } of costs.commands) {
      const reads = cold.calls.filter((call) => call === 'Query')
      expect([type, cold.writeUnits]).toEqual([type, hot.writeUnits])
      expect(cold.calls.length - hot.calls.length, type).toBeLessThanOrEqual(reads.length)
      expect(cold.readUnits, type).toBeLessThanOrEqual(4 * reads.length)
    }
  })

  test('of five events costs one call, and a write unit for each kilobyte', () => {
    expect(momentOf(/^five events of about 160/)).toEqual({ ...onePut, writeUnits: 2 })
    expect(momentOf(/^five events of about 360/)).toEqual({ ...onePut, writeUnits: 3 })
  })

  test('that lost its race by one version costs one call more, and reads nothing', () => {
    expect(momentOf(/^lost .* on one stream/)).toEqual({ calls: ['PutItem', 'PutItem'], writeUnits: 2, readUnits: 0 })
    const booking = momentOf(/^lost .* a booking/)
    expect([booking.calls, booking.readUnits]).toEqual([['TransactWriteItems', 'TransactWriteItems'], 0])
  })

  test('pays an eighth of a write unit at most for the states that ride along', () => {
    const { calls, writeUnits, readUnits } = momentOf(/in a row/)
    expect(new Set(calls)).toEqual(new Set(['PutItem']))
    expect([calls.length, readUnits]).toEqual([ridingShareCount, 0])
    expect(writeUnits / ridingShareCount).toBeGreaterThan(1)
    expect(writeUnits / ridingShareCount).toBeLessThanOrEqual(1.125)
  })

  test('that is refused, repeated or pointless writes nothing', () => {
    for (const what of [/^sent again/, /^nothing to do/, /^refused/])
      expect(momentOf(what)).toMatchObject({ writeUnits: 0, readUnits: expect.toSatisfy((units) => units <= 2) })
  })
})

describe('beside commands', () => {
  test('a bench of ten thousand commits is loaded by one call for ten read units at most', () => {
    const { calls, readUnits } = momentOf(/^cold load/)
    expect(calls).toEqual(['Query'])
    expect(readUnits).toBeLessThanOrEqual(10)
  })

  test('a heartbeat costs one call and one write unit', () => {
    expect(patternOf('a heartbeat')).toEqual({ calls: ['UpdateItem'], writeUnits: 1, readUnits: 0 })
  })

  test('a claim on a server that knows the worker, its bench and the plan costs two calls', () => {
    expect(patternOf('a claim right after a beat').calls).toEqual(['Query', 'TransactWriteItems'])
  })

  test('a claim that finds nothing has looked at everything once, and written nothing', () => {
    const { calls, writeUnits } = patternOf('a claim that finds nothing, long after a beat')
    expect(calls.length).toBeLessThanOrEqual(6)
    expect(writeUnits).toBe(0)
  })

  test('a question by an index is a call for each shard of its places, and one for its rows', () => {
    const shapes = { 'reservations by holder': 1, 'reservations of a bench by start': 1, 'reservations by status': 4 }
    for (const [what, shardCount] of Object.entries(shapes))
      expect(patternOf(what).calls).toEqual([...Array(shardCount).fill('Query'), 'BatchGetItem'])
  })

  test('a hundred leases are swept for two read units', () => {
    expect(patternOf('the sweep of all leases')).toEqual({ calls: ['Scan'], writeUnits: 0, readUnits: 2 })
  })
})

describe('the documents', () => {
  test.each(documents)('$name holds what is measured: `npm run costs` writes it anew', (document) => {
    const text = textOf(document)
    expect(text).toBe(withTables(text, tablesOf(costs)))
  })

  test('hold every table', () => {
    expect(documents.flatMap((document) => namesIn(textOf(document))).toSorted()).toEqual(
      Object.keys(tablesOf(costs)).toSorted(),
    )
  })

  test('tell of functions with the memory that they are deployed with', async () => {
    const { functionSettings } = await import('../../infra/stacks/functions.ts')
    for (const [name, { memoryMb }] of Object.entries(functionSettings))
      expect([name, functionsRun[name as keyof typeof functionsRun].memoryMb]).toEqual([name, memoryMb])
  })
})

describe('an agent with nothing to do', () => {
  test('asks a function for work as often as its bill says, and is not kept waiting there', () => {
    expect(claimEveryMs).toBe(askAgainMs)
    expect(claimWaitMsMax).toBe(0)
  })
})

describe('on demand or provisioned', () => {
  test('cost alike where the break-even is, reads as writes', () => {
    expect(provisionedPerMillion(breakEvenUtilisation('write'))).toBeCloseTo(prices.write.dollars, 10)
    expect(breakEvenUtilisation('read')).toBeCloseTo(breakEvenUtilisation('write'), 10)
  })

  test('a load of beats is provisioned for in whole units', () => {
    const { provisionedDollars, onDemandDollars } = beatsOf(10, 0.1, 0.7)
    expect(provisionedDollars).toBeCloseTo(2 * 730 * prices.writeHour.dollars, 10)
    expect(onDemandDollars).toBeCloseTo(microDollars('write', 730 * 3_600) / 1e6, 10)
  })
})
