/** From what is used to what it costs: lines of a bill. */
import {
  beatEveryMs,
  claimEveryMs,
  clockWritesPerSecond,
  emptyPollsPerMinute,
  type FunctionName,
  feedLooksPerSecond,
  functionsRun,
  hoursPerMonth,
  registerLooksPerSecond,
  registerUnitsPerClaim,
  requestsPerMessage,
  streamLooksPerSecond,
  sweepsPerSecond,
} from './assumptions.ts'
import { microDollars, type PriceName } from './prices.ts'
import { type Life, noUse, sumOf } from './turned.ts'

export interface Line {
  what: string
  price: PriceName
  count: number
}

export const line = (what: string, price: PriceName, count: number): Line => ({ what, price, count })
export const costOf = ({ price, count }: Line): number => microDollars(price, count)
export const sumOfLines = (lines: readonly Line[]): number => lines.reduce((sum, each) => sum + costOf(each), 0)

const gigabyteSeconds = (name: FunctionName, count: number): number => {
  const { memoryMb, runMs } = functionsRun[name]
  return (memoryMb / 1_024) * (runMs / 1_000) * count
}

const lambdaLines = (invocations: Partial<Record<FunctionName, number>>): readonly Line[] => {
  const all = Object.entries(invocations) as [FunctionName, number][]
  const count = all.reduce((sum, [, own]) => sum + own, 0)
  const time = all.reduce((sum, [name, own]) => sum + gigabyteSeconds(name, own), 0)
  return [
    line('functions invoked', 'invocation', count),
    line('functions, GB-seconds (assumed)', 'gigabyteSecond', time),
  ]
}

/** Beats are each worker's, whether its bench is reserved or not: they are on a bill of their own. */
export const billOfLife = ({
  uses,
  invocations,
  requestCount,
  eventCount,
  messageCount,
  transitionCount,
  beatCount,
}: Life): readonly Line[] => {
  const { heartbeat: _, ...others } = uses
  const { writeUnits, readUnits } = Object.values(others).reduce(sumOf, noUse)
  return [
    line('tables, write units', 'write', writeUnits),
    line('tables, read units', 'read', readUnits),
    line('requests to the API', 'request', requestCount),
    ...lambdaLines({ ...invocations, api: invocations.api - beatCount }),
    line('events on the bus', 'event', eventCount),
    line('requests of queues', 'queueRequest', messageCount * requestsPerMessage),
    line('transitions of clocks', 'transition', transitionCount),
  ]
}

const secondsPerMonth = hoursPerMonth * 3_600
const minutesPerMonth = hoursPerMonth * 60
export const beatsPerMonth = (secondsPerMonth * 1_000) / beatEveryMs

const claimsPerMonth = (secondsPerMonth * 1_000) / claimEveryMs

/** One worker that beats, and asks for work in vain, day and night. `claim`: units of one such claim. */
export const billOfBeats = (units: { claim: number }): readonly Line[] => [
  line('beats: tables, write units', 'write', beatsPerMonth),
  line('claims: tables, read units', 'read', claimsPerMonth * (units.claim + registerUnitsPerClaim)),
  line('requests to the API', 'request', beatsPerMonth + claimsPerMonth),
  ...lambdaLines({ api: beatsPerMonth + claimsPerMonth }),
]

/** What a function would cost that held one worker's claim day and night, as a server does: its time alone. */
export const billOfHeldClaims = (): readonly Line[] => [
  line('functions, GB-seconds', 'gigabyteSecond', (functionsRun.api.memoryMb / 1_024) * secondsPerMonth),
]

/** `sweep`: of one look at a hundred leases; `due`: of one at what is due. */
interface LookUnits {
  sweep: number
  due: number
}

const watchLines = ({ sweep }: LookUnits): readonly Line[] => [
  line('the lease clock, write units', 'write', clockWritesPerSecond * secondsPerMonth),
  line('the sweeper’s looks at 100 leases, read units', 'read', sweepsPerSecond * secondsPerMonth * sweep),
]

const followLines = (): readonly Line[] => [
  line('looks at the feed, read units', 'read', (feedLooksPerSecond * secondsPerMonth) / 2),
  line('looks at which rows serve, read units', 'read', registerLooksPerSecond * secondsPerMonth),
]

/** A deployment of functions that nobody uses. The sweep follows the feed as a server does. */
export const billOfIdleFunctions = (units: LookUnits): readonly Line[] => [
  ...watchLines(units),
  ...followLines(),
  line('the sweep of clocks, read units', 'read', minutesPerMonth * units.due),
  ...lambdaLines({ sweep: minutesPerMonth }),
  line('looks at an empty queue', 'queueRequest', minutesPerMonth * emptyPollsPerMinute),
]

/** One server, beside what it costs itself. Another one looks at the feed and at which rows serve only. */
export const billOfIdleServer = (units: LookUnits): readonly Line[] => [
  ...watchLines(units),
  line('looks at one shard of the stream', 'streamRead', streamLooksPerSecond * secondsPerMonth),
  ...followLines(),
]
