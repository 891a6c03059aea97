/** What can't be counted here: how long functions run, and how the days of a lab go. Yours will differ. */
export const functionsRun = {
  /** Memory as infra/stacks/functions.ts sets it; the time is a guess, to be replaced by what your dashboard shows. */
  api: { memoryMb: 1_024, runMs: 20 },
  project: { memoryMb: 1_024, runMs: 40 },
  publish: { memoryMb: 512, runMs: 30 },
  react: { memoryMb: 1_024, runMs: 50 },
  /** A clock's wait ends on the second before it is due: half a second of it is waited out in the function. */
  tick: { memoryMb: 512, runMs: 550 },
  /** It keeps the lease clock for the most part of its minute. */
  sweep: { memoryMb: 512, runMs: 55_000 },
} as const
export type FunctionName = keyof typeof functionsRun

export const hoursPerMonth = 730
export const beatEveryMs = 10_000
/** An agent with nothing to do asks a function for work so often, since that does not hold its claim (adapters/agent/claims.ts). */
export const claimEveryMs = 5_000
/** Whoever was asked nothing for two seconds looks first at which rows serve. */
export const registerUnitsPerClaim = 1
/** A message is sent, received and deleted. */
export const requestsPerMessage = 3
/** Five pollers of a queue that is empty, twenty seconds each. */
export const emptyPollsPerMinute = 15
/** The lease clock is written four times per step of two seconds (ADR 0024). */
export const clockWritesPerSecond = 2
/** The sweeper looks at all leases once a second, at least. */
export const sweepsPerSecond = 1
/** Each house looks at the feed's end so often while somebody listens, at half a read unit each; so does the sweep's. */
export const feedLooksPerSecond = 5
/** And at which rows serve. */
export const registerLooksPerSecond = 1
/** Its keeper looks at each shard of the stream so often, for each of two consumers. */
export const streamLooksPerSecond = 2 * 4
/** Autoscaling keeps to this utilisation of what is provisioned. */
export const targetUtilisation = 0.7
