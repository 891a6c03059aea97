import Table from 'cli-table3'
import { median, percentile, type Row, whole } from '../measure.ts'
import type { Measured } from './rounds.ts'
import type { Scenario } from './scenarios.ts'

/** On demand, us-east-1: dollars for a million units. */
const [writePrice, readPrice] = [0.625, 0.125]

const costOf = ({ spent: { writeUnits, readUnits } }: Measured): number =>
  writeUnits * writePrice + readUnits * readPrice

/** Round by round, so that what slows the machine down for a while slows both. */
const ratiosTo = (raw: Measured | undefined, { rates }: Measured): readonly number[] =>
  rates.map((rate, round) => rate / (raw?.rates[round] ?? Number.NaN))

/** One table of a scenario: the raw put first. */
export const tableOf = ({ title }: Scenario, measured: readonly Measured[]): string => {
  const table = new Table({
    head: [title, 'commands/s', 'of raw', 'p50 ms', 'p99 ms', 'CPU µs', 'calls', 'WCU', 'RCU', '$/million'],
    style: { head: [], border: [], compact: true },
  })
  for (const one of measured) {
    const { peer, rates, latenciesMs, cpuUs, spent } = one
    const ratios = ratiosTo(measured[0], one)
    const quarters = `${percentile(ratios, 25).toFixed(2)}–${percentile(ratios, 75).toFixed(2)}`
    table.push([
      peer,
      whole(median(rates)),
      `${median(ratios).toFixed(2)} (${quarters})`,
      percentile(latenciesMs, 50).toFixed(1),
      percentile(latenciesMs, 99).toFixed(1),
      whole(median(cpuUs)),
      spent.calls.toFixed(2),
      spent.writeUnits.toFixed(2) + (spent.rideUnits > 0 ? `, ${spent.rideUnits.toFixed(2)} of it rides` : ''),
      spent.readUnits.toFixed(2),
      costOf(one).toFixed(2),
    ])
  }
  return table.toString()
}

const least = (others: readonly Measured[], value: (one: Measured) => number): Measured | undefined =>
  others.toSorted((a, b) => value(a) - value(b))[0]

/** What is claimed of ours in a scenario: `own` against the raw put, and against each of the others. */
export const claimsOf = (
  { title }: Scenario,
  measured: readonly Measured[],
  own: Measured,
  others: readonly Measured[],
): readonly Row[] => {
  const ratio = median(ratiosTo(measured[0], own))
  const fewest = (what: string, target: string, value: (one: Measured) => number): Row => {
    const best = least(others, value)
    const [mine, theirs] = [value(own), best === undefined ? Number.NaN : value(best)]
    return {
      what: `${title}: ${what}`,
      target,
      measured: `${mine.toFixed(2)}; ${best?.peer ?? ''} ${theirs.toFixed(2)}`,
      met: mine <= theirs + 0.005,
    }
  }
  return [
    {
      what: `${title}: ${own.peer}`,
      target: '≥ 0.9 of the raw put',
      measured: `${ratio.toFixed(2)} of raw`,
      met: ratio >= 0.9,
    },
    fewest('calls a command', 'the fewest', ({ spent }) => spent.calls),
    fewest(
      'WCU and RCU a command, riding states aside',
      'the fewest',
      ({ spent }) => spent.writeUnits - spent.rideUnits + spent.readUnits,
    ),
    fewest('$ a million commands, all counted', 'the least', costOf),
  ]
}
