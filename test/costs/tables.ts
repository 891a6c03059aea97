/** What was measured as tables of Markdown, by the names under which the documents hold them. */
import { targetUtilisation } from './assumptions.ts'
import {
  billOfBeats,
  billOfHeldClaims,
  billOfIdleFunctions,
  billOfIdleServer,
  billOfLife,
  costOf,
  type Line,
  sumOfLines,
} from './bill.ts'
import { beatsOf, breakEvenUtilisation, provisionedPerMillion } from './capacityModes.ts'
import type { CommandCost } from './commands.ts'
import type { Costs } from './measure.ts'
import type { Moment } from './moments.ts'
import type { Pattern, Whole } from './patterns.ts'
import { microDollars, type Price, prices, takenDownOn } from './prices.ts'
import { causes, type Life } from './turned.ts'

const number = (value: number, digits = 0): string =>
  value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
const short = (value: number): string => number(value, Number.isInteger(value) ? 0 : 1)
const money = (micro: number): string => `$${number(micro / 1_000_000, micro >= 10_000_000 ? 0 : 2)}`

type Cell = string | number

/** Cells are padded, as the formatter of the documents does it. */
const table = (head: readonly string[], rows: readonly (readonly Cell[])[]): string => {
  const cells = [head, ...rows.map((row) => row.map((cell) => (typeof cell === 'number' ? short(cell) : cell)))]
  const widths = head.map((_, column) => Math.max(3, ...cells.map((row) => (row[column] ?? '').length)))
  const lineOf = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  const [first = [], ...others] = cells
  return [lineOf(first), lineOf(widths.map((width) => '-'.repeat(width))), ...others.map(lineOf)].join('\n')
}

/** `2 Query + PutItem`. */
const callsIn = (calls: readonly string[]): string => {
  const counts = Map.groupBy(calls, (call) => call)
  return [...counts].map(([call, own]) => (own.length === 1 ? call : `${own.length} ${call}`)).join(' + ')
}

const pricedOf = (writeUnits: number, readUnits: number): string =>
  number(microDollars('write', writeUnits) + microDollars('read', readUnits), 2)

const commandRow = ({ kind, type, note, eventCount, streamCount, hot, cold }: CommandCost): readonly Cell[] => [
  kind,
  note === undefined ? type : `${type} (${note})`,
  eventCount,
  streamCount,
  callsIn(hot.calls),
  hot.writeUnits,
  hot.readUnits,
  pricedOf(hot.writeUnits, hot.readUnits),
  callsIn(cold.calls),
  cold.readUnits,
  pricedOf(cold.writeUnits, cold.readUnits),
]

const commandsTable = (commands: readonly CommandCost[]): string =>
  table(
    ['of', 'command', 'events', 'streams', 'hot: calls', 'WCU', 'RCU', 'µ$', 'cold: calls', 'RCU', 'µ$'],
    commands.map(commandRow),
  )

const momentRow = ({ what, spent: { calls, writeUnits, readUnits }, share = 1 }: Moment): readonly Cell[] => [
  what,
  calls.length > 3 ? `${number(calls.length)} ${calls[0]}` : callsIn(calls),
  writeUnits,
  readUnits,
  share === 1
    ? pricedOf(writeUnits, readUnits)
    : `${pricedOf(writeUnits / share, readUnits / share)} each, ${number(writeUnits / share, 2)} WCU`,
]

const momentsTable = (all: readonly Moment[]): string =>
  table(['a command, hot', 'calls', 'WCU', 'RCU', 'µ$'], all.map(momentRow))

const partsTable = ({ uses }: Life): string =>
  table(
    ['asked of the tables for', 'calls', 'WCU', 'RCU', 'µ$'],
    causes.map((cause) => {
      const { callCount, writeUnits, readUnits } = uses[cause]
      return [cause, callCount, writeUnits, readUnits, pricedOf(writeUnits, readUnits)]
    }),
  )

const billTable = (lines: readonly Line[], unit: string, factor = 1): string => {
  const row = (each: Line): readonly Cell[] => [
    each.what,
    short(Math.round(each.count * factor * 10) / 10),
    number((costOf(each) * factor) / (unit === '$' ? 1_000_000 : 1), unit === '$' ? 2 : 1),
  ]
  const sum = (sumOfLines(lines) * factor) / (unit === '$' ? 1_000_000 : 1)
  return table(
    ['what', 'count', unit],
    [...lines.map(row), ['**together**', '', `**${number(sum, unit === '$' ? 2 : 1)}**`]],
  )
}

const thousand = 1_000

const factsTable = ({ requestCount, appendCount, commitCount, historyBytes, ...rest }: Life): string =>
  table(
    ['requests', 'appends', 'commits', 'bytes of history', 'events', 'messages to policies', 'runs of clocks'],
    [[requestCount, appendCount, commitCount, historyBytes, rest.eventCount, rest.messageCount, rest.runCount]],
  )

const utilisations = [0.1, 0.2, breakEvenUtilisation('write'), 0.4, 0.5, 0.7, 1]

const modesTable = (): string =>
  table(
    ['of what is provisioned is used', 'provisioned: $ per million writes', 'on demand', 'cheaper'],
    utilisations.map((utilisation) => {
      const provisioned = provisionedPerMillion(utilisation)
      const difference = provisioned - prices.write.dollars
      const cheaper = Math.abs(difference) < 1e-9 ? 'alike' : difference > 0 ? 'on demand' : 'provisioned'
      return [`${number(utilisation * 100, 1)} %`, number(provisioned, 3), number(prices.write.dollars, 3), cheaper]
    }),
  )

const beatsTable = (): string =>
  table(
    ['benches', 'beats a second', 'on demand, $ a month', 'provisioned, $ a month'],
    [10, 100, 1_000].map((benchCount) => {
      const load = beatsOf(benchCount, 0.1, targetUtilisation)
      return [benchCount, load.writesPerSecond, number(load.onDemandDollars, 2), number(load.provisionedDollars, 2)]
    }),
  )

const pricesTable = (): string =>
  table(
    ['price', '$', 'per', 'source'],
    Object.values(prices).map(({ what, dollars, per, unit, source }: Price) => [
      what,
      String(dollars),
      per === 1 ? unit.replace(/s$/, '') : `${number(per)} ${unit}`,
      `<${source}>`,
    ]),
  )

const patternRow = ({
  what,
  table: name,
  key,
  found,
  spent: { calls, writeUnits, readUnits },
}: Pattern): readonly Cell[] => [
  what,
  name,
  key,
  found,
  callsIn(calls),
  writeUnits,
  readUnits,
  pricedOf(writeUnits, readUnits),
]

const patternsTable = (all: readonly Pattern[]): string =>
  table(['question', 'table', 'key condition', 'found', 'calls', 'WCU', 'RCU', 'µ$'], all.map(patternRow))

const wholeTable = ({ commitCount, replay, rebuild }: Whole): string => {
  const per = (value: number): number => Math.round((value / commitCount) * thousand)
  const row = (what: string, { calls, writeUnits, readUnits }: Whole['replay']): readonly Cell[] => {
    const [writes, reads] = [per(writeUnits), per(readUnits)]
    return [what, per(calls.length), writes, reads, pricedOf(writes, reads)]
  }
  return table(
    ['of 1,000 commits', 'calls', 'WCU', 'RCU', 'µ$'],
    [row('replay, verify, export: a scan', replay), row('rebuild of all rows', rebuild)],
  )
}

const readUnitsOf = (all: readonly Pattern[], what: string): number => {
  const found = all.find((one) => one.what === what)
  if (found === undefined) throw new Error(`nothing was asked like that: ${what}`)
  return found.spent.readUnits
}

const idleClaim = 'a claim that finds nothing, long after a beat'

const summary = ({ life, patterns }: Costs): string => {
  const beats = billOfBeats({ claim: readUnitsOf(patterns, idleClaim) })
  const tables = beats.filter(({ price }) => price === 'write' || price === 'read')
  return `A thousand reservations cost ${money(sumOfLines(billOfLife(life)) * thousand)}; a worker that beats and asks for work day and night costs ${money(
    sumOfLines(beats),
  )} a month, of which ${money(sumOfLines(tables))} are DynamoDB’s (list prices of us-east-1, ${takenDownOn}). Were its claims held open by a function, that would be ${money(
    sumOfLines(billOfHeldClaims()),
  )} more.`
}

/** By the names of the marks that stand around them in the documents. */
export const tablesOf = (costs: Costs): Readonly<Record<string, string>> => {
  const { commands, moments, life, patterns, whole } = costs
  const units = { sweep: readUnitsOf(patterns, 'the sweep of all leases'), due: readUnitsOf(patterns, 'what is due') }
  return {
    summary: summary(costs),
    commands: commandsTable(commands),
    moments: momentsTable(moments),
    'life-facts': factsTable(life),
    'life-tables': partsTable(life),
    'life-bill': billTable(billOfLife(life), 'µ$'),
    thousand: billTable(billOfLife(life), '$', thousand),
    beats: billTable(billOfBeats({ claim: readUnitsOf(patterns, idleClaim) }), '$'),
    'idle-functions': billTable(billOfIdleFunctions(units), '$'),
    'idle-server': billTable(billOfIdleServer(units), '$'),
    modes: modesTable(),
    'beats-modes': beatsTable(),
    prices: pricesTable(),
    patterns: patternsTable(patterns),
    whole: wholeTable(whole),
  }
}
