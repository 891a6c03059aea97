/** What the house is made of, and how its loops wake one another. */
import type { Instant } from '../domain/ids.ts'
import type { FeedPage, RowChange } from '../domain/ports.ts'
import { openCandidates } from './candidates.ts'
import { startClock } from './clock.ts'
import { openCounters } from './counters.ts'
import { deadLettersView, openDeadLetters } from './deadLetters.ts'
import { type HeadCacheLimits, openHeadCache } from './headCache.ts'
import { type Log, noLog } from './log.ts'
import { openProgress } from './progress.ts'
import { startProjector } from './projector.ts'
import { startReactor } from './reactor.ts'
import { openReading } from './reading.ts'
import { openRebuilding } from './rebuild.ts'
import { resumeAt } from './resume.ts'
import { observed, openWriting } from './services.ts'
import { openStores, type StoreOptions } from './stores.ts'

export interface HouseOptions extends StoreOptions, HeadCacheLimits {
  /** Default: none. */
  log?: Log
  /** Default: this machine's clock. Who injects another calls `wakeClock` when it jumps. */
  now?: () => Instant
  /** How long a lease lives without a heartbeat. Default 40 000. */
  leaseMs?: number
  /** How often a heartbeat is asked for. Default 10 000. */
  heartbeatEveryMs?: number
  /** Pauses between the attempts at a policy's command. Default 50 ms to 5 s. */
  policyPausesMs?: readonly number[]
}

const foreverMs = 2 ** 31 - 1

/** What must be read before anything runs. */
export const prepared = async (options: HouseOptions) => {
  const { log = noLog, now = () => new Date().toISOString(), leaseMs = 40_000, heartbeatEveryMs = 10_000 } = options
  const stores = openStores(options)
  try {
    const first = await stores.generations.openNewest(stores.history, log)
    const cursors = await resumeAt(stores.history, first.views, log)
    const deadLetterCount = await first.views.rowCount(deadLettersView.name)
    return { options, log, now, settings: { leaseMs, heartbeatEveryMs }, stores, first, cursors, deadLetterCount }
  } catch (error) {
    await stores.history.close()
    throw error
  }
}
export type Prepared = Awaited<ReturnType<typeof prepared>>

/** The loops and how they wake one another. Nothing here awaits: each part is there before another calls it. */
export const running = ({ options, log, now, stores, first, cursors, deadLetterCount }: Prepared) => {
  const { history, generations, build } = stores
  const counters = openCounters()
  const progress = openProgress()
  const closing = new AbortController()
  const cache = openHeadCache(options)
  const reading = openReading(history, () => projector)
  const candidates = openCandidates({
    views: () => projector.views(),
    hasCaughtUp: () => projector.hasCaughtUp(),
    caughtUp: () => reading.views.caughtUp(),
  })
  const { store, failure } = observed(history, counters, candidates.expect)
  const onWritten = (changes: readonly RowChange[]): void => {
    candidates.learn(changes)
    reading.learn(changes)
    for (const { row } of changes) if (row.nextDue !== undefined) clock.arm(row.nextDue)
  }
  const onPage = (after: string | undefined, page: FeedPage): void => {
    reading.reached(page.cursor)
    reactor.offer(after, page)
  }
  const base = { history, log, counters, now, progress }
  const projector = startProjector({ ...base, onWritten, onPage }, first.views, cursors.project)
  const writing = openWriting({ store, cache, counters, now, candidates: candidates.ask })
  const onSwitched = async (): Promise<void> => {
    candidates.forget()
    await reading.lookAgain()
  }
  const rebuilding = openRebuilding(
    { ...base, generations, projector, build, onSwitched, signal: closing.signal },
    first,
  )
  const letters = openDeadLetters(projector.views, deadLetterCount, now)
  const from = { views: projector.views, projectedTo: projector.cursor }
  const reactor = startReactor(
    { ...base, ...from, send: writing.send, putAside: letters.keep, pausesMs: options.policyPausesMs },
    cursors.react,
  )
  const ready = progress.until(projector.hasCaughtUp, foreverMs)
  const due = (...asked: Parameters<typeof first.views.due>) => projector.views().due(...asked)
  const clock = startClock({ ...base, due, tick: writing.tick, ready })
  return {
    counters,
    progress,
    closing,
    failure,
    cache,
    projector,
    reading,
    writing,
    rebuilding,
    reactor,
    clock,
    ready,
    letters,
  }
}
export type Running = ReturnType<typeof running>
