import type { Outcome } from '../domain/handle.ts'
import { type Instant, msBetween } from '../domain/ids.ts'
import type { DueRow, ViewStore } from '../domain/ports.ts'
import { type Bell, openBell } from './bell.ts'
import type { Counters } from './counters.ts'
import type { Log } from './log.ts'

export interface ClockPorts {
  due: ViewStore['due']
  /** Sends a Tick to the stream of a row. */
  tick: (row: DueRow) => Promise<Outcome>
  now: () => Instant
  log: Log
  counters: Counters
  /** Resolves when the views can be trusted; until then nothing is due. */
  ready: Promise<unknown>
}

/** A row whose Tick has been sent: left alone until it has changed, or for a while that grows. */
interface Resting {
  version: number
  restMs: number
  until: number
}

interface Run extends ClockPorts {
  resting: Map<string, Resting>
  /** When the clock looks again; no later. */
  armedFor: Instant | undefined
  bell: Bell
}

/** So many Ticks between two looks at what is due, and so many at once of those due at the same instant. */
const roundCountMax = 256
const togetherCountMax = 16
const restMsMin = 1_000
const restMsMax = 30_000
/** The wall clock may jump (a laptop that slept, a correction): nobody trusts it for longer. */
const sleepMsMax = 60_000

/**
 * The embedded clock: whatever is due gets its Tick, the earliest first, also what became due while nobody watched. How
 * it knows is cheap to lose: the views say when each stream next needs attention.
 */
export const startClock = (ports: ClockPorts) => {
  const run: Run = { ...ports, resting: new Map(), armedFor: undefined, bell: openBell() }
  const ended = loop(run)
  return {
    /** A row has come to be due at an instant. */
    arm: (nextDue: Instant): void => {
      if (run.armedFor === undefined || nextDue < run.armedFor || nextDue <= run.now()) run.bell.ring()
    },
    /** Time has moved otherwise than by passing. */
    wake: run.bell.ring,
    stop: async (): Promise<void> => {
      run.bell.stop()
      await ended
    },
  }
}

const loop = async (run: Run): Promise<void> => {
  const { bell, log, counters } = run
  await run.ready
  while (!bell.isStopped()) {
    try {
      if ((await tickAll(run)) === 0) await bell.rung(await sleepMs(run))
    } catch (error) {
      const count = ++counters.tickFailures
      log.error({ count, err: error }, 'the clock cannot see what is due, and looks again')
      await bell.pause(restMsMin)
    }
  }
}

/** One round; answers how many Ticks were sent. */
const tickAll = async (run: Run): Promise<number> => {
  const limit = roundCountMax + run.resting.size
  const overdue = await run.due(run.now(), limit)
  if (overdue.length < limit) forgetOthers(run, overdue)
  const ready = overdue.filter((row) => !isResting(run, row)).slice(0, roundCountMax)
  // In the order in which they were due; those of one instant need none.
  for (const group of Map.groupBy(ready, ({ nextDue }) => nextDue).values())
    for (let at = 0; at < group.length && !run.bell.isStopped(); at += togetherCountMax)
      await Promise.all(group.slice(at, at + togetherCountMax).map((row) => tick(run, row)))
  return ready.length
}

const keyOf = ({ view, tenant, id }: DueRow): string => `${view}/${tenant}/${id}`

const isResting = (run: Run, row: DueRow): boolean => {
  const known = run.resting.get(keyOf(row))
  return known !== undefined && known.version === row.version && Date.parse(run.now()) < known.until
}

/** What is no longer due needs no rest. */
const forgetOthers = (run: Run, overdue: readonly DueRow[]): void => {
  const keys = new Set(overdue.map(keyOf))
  for (const key of run.resting.keys()) if (!keys.has(key)) run.resting.delete(key)
}

const tick = async (run: Run, row: DueRow): Promise<void> => {
  const known = run.resting.get(keyOf(row))
  const isAgain = known?.version === row.version
  const restMs = isAgain ? Math.min(known.restMs * 2, restMsMax) : restMsMin
  run.resting.set(keyOf(row), { version: row.version, restMs, until: Date.parse(run.now()) + restMs })
  const { tenant, view, id, nextDue } = row
  try {
    run.counters.ticks++
    const outcome = await run.tick(row)
    if (outcome.kind === 'contended') throw new Error(`lost ${outcome.attempts} races in a row`)
    run.log.debug({ tenant, view, id, nextDue, outcome: outcome.kind }, 'a tick was sent')
  } catch (error) {
    const count = ++run.counters.tickFailures
    run.log.error({ tenant, view, id, nextDue, count, err: error }, 'a tick has failed, and is sent again')
  }
}

/** Until the next row is due, or has rested. */
const sleepMs = async (run: Run): Promise<number> => {
  const now = run.now()
  const coming = await run.due(undefined, run.resting.size + 1)
  const waits = coming.map((row) => {
    const known = run.resting.get(keyOf(row))
    const rests = known?.version === row.version ? known.until - Date.parse(now) : 0
    return Math.max(rests, msBetween(now, row.nextDue))
  })
  const ms = Math.max(0, Math.min(sleepMsMax, ...waits))
  run.armedFor = new Date(Date.parse(now) + ms).toISOString()
  return ms
}
