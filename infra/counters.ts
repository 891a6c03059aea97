/** What the house counts of itself, for /metrics: plain numbers that whoever does the work adds to. */
export const openCounters = () => ({
  appendedCommits: 0,
  appendedEvents: 0,
  conflicts: 0,
  projectedEvents: 0,
  writtenRows: 0,
  /** Streams that could not be folded. */
  projectionFailures: 0,
  /** Batches that an outage of a store stopped; each was tried again. */
  projectionOutages: 0,
  reactions: 0,
  reactionFailures: 0,
  ticks: 0,
  tickFailures: 0,
})
export type Counters = ReturnType<typeof openCounters>

/** A number for Prometheus. */
export interface Counter {
  name: string
  help: string
  kind: 'counter' | 'gauge'
  value: number
}

/** Numbers that go up and down, taken when they are asked for. */
export interface Gauges {
  projectionLagCommits: number
  projectionLagMs: number
  reactionLagCommits: number
  deadLetters: number
  cachedHeads: number
  cachedHeadBytes: number
  viewsGeneration: number
}

const help: Readonly<Record<keyof Counters | keyof Gauges, string>> = {
  appendedCommits: 'Commits appended to history',
  appendedEvents: 'Events appended to history',
  conflicts: 'Lost races: appends that met a newer version and were decided again',
  projectedEvents: 'Events folded into the views',
  writtenRows: 'Rows of the views written',
  projectionFailures: 'Streams that could not be folded into a view',
  projectionOutages: 'Batches of the projector that a store failed, and that were tried again',
  reactions: 'Commands sent by policies',
  reactionFailures: 'Attempts at a policy’s command that threw or stayed contended',
  ticks: 'Ticks sent by the clock',
  tickFailures: 'Ticks that threw or stayed contended, and are sent again',
  projectionLagCommits: 'Commits in history that the views have not seen',
  projectionLagMs: 'Age of the oldest commit of the last batch when it became visible in the views; 0 when idle',
  reactionLagCommits: 'Commits in history that the policies have not seen',
  deadLetters: 'Policies’ commands that were given up and put aside',
  cachedHeads: 'Heads of streams in the cache',
  cachedHeadBytes: 'Approximate size of the cached heads',
  viewsGeneration: 'Which set of rows serves: goes up with each rebuild',
}

const snake = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

export const described = (counters: Counters, gauges: Gauges): readonly Counter[] => [
  ...Object.entries(counters).map(([name, value]) => ({
    name: `benchplane_${snake(name)}_total`,
    help: help[name as keyof Counters],
    kind: 'counter' as const,
    value,
  })),
  ...Object.entries(gauges).map(([name, value]) => ({
    name: `benchplane_${snake(name)}`,
    help: help[name as keyof Gauges],
    kind: 'gauge' as const,
    value: Number(value),
  })),
]
