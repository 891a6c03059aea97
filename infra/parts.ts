/** What the house is made of, and how its loops wake one another. */
import { openLeases } from '../adapters/memory/leases.ts'
import type { Instant } from '../domain/ids.ts'
import type { EventStore, RowChange, ViewStore } from '../domain/ports.ts'
import { type CallbackOptions, startCallbacks } from './callbacks/callbacks.ts'
import { startClock } from './clock.ts'
import type { PublishConsumerPorts } from './consumers/publish.ts'
import { type Counters, openCounters } from './counters.ts'
import { deadLettersView, openDeadLetters } from './deadLetters.ts'
import { type HeadCacheLimits, openHeadCache } from './headCache.ts'
import { openLiveness, openLivenessParts } from './liveness/liveness.ts'
import { type Log, noLog } from './log.ts'
import { openProgress } from './progress.ts'
import { startReactor } from './reactor.ts'
import { resumeAt } from './resume.ts'
import { observed, openWriting } from './services.ts'
import { openStores, type StoreOptions } from './stores.ts'
import { openCandidates } from './views/candidates.ts'
import { type ProjectorPorts, startProjector } from './views/projector.ts'
import { openReading } from './views/reading.ts'
import { openRebuilding } from './views/rebuild.ts'

export interface HouseOptions extends StoreOptions, HeadCacheLimits {
  /** Default: none. */
  log?: Log
  /** Default: this machine's clock. Who injects another calls `wakeClock` when it jumps. */
  now?: () => Instant
  /** How long a lease lives without a heartbeat. Default 40 000. */
  leaseMs?: number
  /** How often a heartbeat is asked for. Default 10 000. */
  heartbeatEveryMs?: number
  /** After how long without a heartbeat a worker is suspected. Default: three quarters of its lease. */
  suspectAfterMs?: number
  /** How long nobody is declared lost while most workers are silent at once; 0: not at all. Default ten minutes. */
  lossFreezeMsMax?: number
  /** What leases are counted by, whatever the wall clock does. Default: this process's `performance.now`. */
  monotonicMs?: () => number
  /** How callbacks are sent. Default: they are not. */
  callbacks?: CallbackOptions
  /** Pauses between the attempts at a policy's command. Default 50 ms to 5 s. */
  policyPausesMs?: readonly number[]
  /** Of several servers: where events are published. Default: nowhere. */
  publisher?: PublishConsumerPorts['publisher']
  /** Of several servers: functions follow the stream, answer for policies and send Ticks, so that no server does. Default false. */
  isPipelined?: boolean
  /** Of several servers: rows that are not whole are made so, as whoever has the time for it does. Default true. */
  mends?: boolean
  /** Of several servers: what is counted. Default: counters of its own. */
  counters?: Counters
}

/** Without identity configured there is this tenant only. */
export const tenant = 'default'
const foreverMs = 2 ** 31 - 1

/** What must be read before anything runs. */
export const prepared = async (options: HouseOptions) => {
  const { log = noLog, now = () => new Date().toISOString(), leaseMs = 40_000, heartbeatEveryMs = 10_000 } = options
  const stores = openStores(options)
  try {
    const first = await stores.generations.openNewest(stores.history, log)
    const cursors = await resumeAt(stores.history, first.views, log)
    const deadLetterCount = await first.views.rowCount(deadLettersView.name)
    const settings = { leaseMs, heartbeatEveryMs }
    const callbacks = options.callbacks && { ...options.callbacks, secret: options.callbacks.secret() }
    return { options, callbacks, log, now, settings, stores, first, cursors, deadLetterCount }
  } catch (error) {
    await stores.history.close()
    throw error
  }
}
export type Prepared = Awaited<ReturnType<typeof prepared>>

/** Rows that follow history, and are read with the freshness that is asked for. */
const following = (
  { first, cursors }: Prepared,
  base: Omit<ProjectorPorts, 'onWritten' | 'onPage'> & { history: EventStore },
  told: { onDue: (nextDue: Instant) => void; onPage: ProjectorPorts['onPage'] },
) => {
  const reading = openReading({
    history: base.history,
    rows: async () => ({ views: projector.views(), isWhole: true }),
    cursor: () => projector.cursor(),
  })
  const candidates = openCandidates({
    views: async () => projector.views(),
    hasCaughtUp: () => projector.hasCaughtUp(),
    caughtUp: () => reading.views.caughtUp(),
  })
  const onWritten = (changes: readonly RowChange[]): void => {
    candidates.learn(changes)
    reading.learn(changes)
    for (const { row } of changes) if (row.nextDue !== undefined) told.onDue(row.nextDue)
  }
  const onPage: ProjectorPorts['onPage'] = (after, page) => {
    reading.reached(page.cursor)
    told.onPage(after, page)
  }
  /** Other rows serve. */
  const onSwitched = async (): Promise<void> => {
    candidates.forget()
    await reading.lookAgain()
  }
  const projector = startProjector({ ...base, onWritten, onPage }, first.views, cursors.project)
  return { reading, candidates, projector, onSwitched }
}

/** The loops and how they wake one another. Nothing here awaits: each part is there before another calls it. */
export const running = (given: Prepared) => {
  const { options, log, now, stores, first, cursors, deadLetterCount } = given
  const { history, generations, build } = stores
  const [counters, progress, closing] = [openCounters(), openProgress(), new AbortController()]
  const base = { history, log, counters, now, progress }
  const { reading, candidates, projector, onSwitched } = following(given, base, {
    onDue: (nextDue) => clock.arm(nextDue),
    onPage: (after, page) => {
      reactor.offer(after, page)
      callbacks?.offer(after, page)
    },
  })
  const living = livenessParts(given, counters)
  const { store, failure } = observed(history, counters, {
    onAppended: (commits) => {
      candidates.expect(commits)
      living.attempts.learn(commits)
    },
    onDoubt: (commits) => living.attempts.learn(commits, false),
  })
  const cache = openHeadCache(options)
  const writing = openWriting({ store, cache, counters, now, candidates: candidates.ask })
  const signal = closing.signal
  const rebuilding = openRebuilding({ ...base, generations, projector, build, onSwitched, signal }, first)
  const letters = openDeadLetters(projector.views, deadLetterCount, now)
  const seen = { views: projector.views, projectedTo: projector.cursor }
  const answers = { send: writing.send, putAside: letters.keep, pausesMs: options.policyPausesMs }
  const reactor = startReactor({ ...base, ...seen, ...answers }, cursors.react)
  const { headOf } = writing
  const callbackPorts = { ...base, ...seen, tenant, headOf }
  const callbacks = given.callbacks && startCallbacks(callbackPorts, given.callbacks, cursors.callbacks)
  const ready = progress.until(projector.hasCaughtUp, foreverMs)
  const due: ViewStore['due'] = (...asked) => projector.views().due(...asked)
  const clock = startClock({ ...base, due, tick: writing.tick, ready })
  const waking = { ready, views: reading.views, onBeat: callbacks?.beat }
  const liveness = openLiveness({ ...living, ...writing, ...waking, log, counters, now, tenant })
  const loops = { projector, reactor, clock, rebuilding, liveness, callbacks }
  return { counters, progress, closing, failure, cache, reading, writing, ready, letters, ...loops }
}
/** What leases live by, and what runs: there before the first append. */
const livenessParts = ({ options, settings, log, now }: Prepared, counters: Counters) => {
  const { suspectAfterMs = settings.leaseMs * 0.75, lossFreezeMsMax = 600_000 } = options
  const monotonicMs = options.monotonicMs ?? (() => performance.now())
  const all = { ...settings, suspectAfterMs, lossFreezeMsMax }
  return { settings: all, store: openLeases(), ...openLivenessParts(now(), settings, { log, counters, monotonicMs }) }
}

export type Running = ReturnType<typeof running>
