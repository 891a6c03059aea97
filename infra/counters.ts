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
  callbacksDelivered: 0,
  callbackFailures: 0,
  callbacksDead: 0,
  callbackOutages: 0,
  taskBeatFailures: 0,
  sweeps: 0,
  /** Edges that could not be told, and looks that could not be taken; each is tried again. */
  sweepFailures: 0,
  /** Looks at which nobody was declared lost, since most were silent. */
  frozenSweeps: 0,
  suspicions: 0,
  expirations: 0,
  missingAttempts: 0,
  leaseExtensionMs: 0,
  publishedEvents: 0,
  /** Commits that a consumer of the history's stream has put aside. */
  deadRecords: 0,
  /** Batches of the history's stream that an outage has stopped; each comes again. */
  consumerOutages: 0,
  /** Records of the history's stream that were no inserts. */
  tamperedRecords: 0,
  armFailures: 0,
  /** Turns of the shared lease clock that failed, and duties of its keeper that could not be begun or ended. */
  keeperFailures: 0,
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
  callbacksPending: number
  cachedHeads: number
  cachedHeadBytes: number
  viewsGeneration: number
  liveLeases: number
  suspectedLeases: number
  lossFrozen: number
  liveAttempts: number
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
  sweeps: 'Looks at all leases',
  sweepFailures: 'Edges of leases that could not be told, and are tried again',
  frozenSweeps: 'Looks at all leases at which nobody was declared lost, since most workers were silent',
  suspicions: 'Workers that were suspected, having been silent',
  expirations: 'Workers that were declared lost',
  missingAttempts: 'Attempts declared lost since their worker did not know of them',
  leaseExtensionMs: 'Time that the server was away, and every lease was extended by',
  publishedEvents: 'Events sent to the bus, repeats included',
  deadRecords: 'Commits that a consumer of the history’s stream could not deal with, and has put aside',
  consumerOutages: 'Batches of the history’s stream that an outage has stopped, and that come again',
  tamperedRecords: 'Changes and removals of what lies in history, which nobody may do: verify it',
  armFailures: 'Clocks of streams that could not be started; a sweep starts them later',
  keeperFailures: 'Failures of keeping the lease clock of several servers; each is tried again',
  projectionLagCommits: 'Commits in history that the views have not seen',
  projectionLagMs: 'Age of the oldest commit of the last batch when it became visible in the views; 0 when idle',
  reactionLagCommits: 'Commits in history that the policies have not seen',
  callbacksDelivered: 'Callbacks that their receiver has taken',
  callbackFailures: 'Attempts at a callback that its receiver has not taken',
  callbacksDead: 'Callbacks that were given up',
  callbackOutages: 'Looks at callbacks that a store failed, and that were taken again',
  taskBeatFailures: 'Heartbeats that a waiting state machine has not taken; the next one is another try',
  callbacksPending: 'Callbacks that are not taken yet, and not given up',
  deadLetters: 'Policies’ commands that were given up and put aside',
  cachedHeads: 'Heads of streams in the cache',
  cachedHeadBytes: 'Approximate size of the cached heads',
  viewsGeneration: 'Which set of rows serves: goes up with each rebuild',
  liveLeases: 'Sessions whose lease has not run out',
  suspectedLeases: 'Sessions that are silent',
  lossFrozen:
    '1 while most workers are silent at once and nobody is declared lost: look at the server and its network first',
  liveAttempts: 'Attempts that run, as far as this process has seen them start',
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
