/** What a server is made of that shares its tables with others, and how its parts wake one another. */
import { openTaskHeartbeats } from '../../adapters/stepfunctions/heartbeats.ts'
import { type Commit, lastVersion } from '../../domain/event.ts'
import { partsOf } from '../../domain/ids.ts'
import type { FeedPage, RowChange } from '../../domain/ports.ts'
import { viewsOf } from '../../projections/views.ts'
import { heartbeatPorts } from '../callbacks/callbacks.ts'
import { type Counters, openCounters } from '../counters.ts'
import { deadLettersView, openDeadLetters } from '../deadLetters.ts'
import { openHeadCache } from '../headCache.ts'
import type { LiveAttempts } from '../liveness/liveAttempts.ts'
import { type LivenessPorts, openAttempts, openLiveness, stepMs } from '../liveness/liveness.ts'
import { noLog } from '../log.ts'
import { type HouseOptions, tenant } from '../parts.ts'
import { openProgress } from '../progress.ts'
import { observed, openWriting, type Writing } from '../services.ts'
import { openCandidates } from '../views/candidates.ts'
import { openReading } from '../views/reading.ts'
import { openDuties } from './duties.ts'
import { startFollower } from './follower.ts'
import { followGenerations, prepareGenerations } from './generations.ts'
import { startKeeper } from './keeper.ts'
import { openSharedLeaseClock } from './leaseClock.ts'
import { openSharedLossFreeze } from './lossFreeze.ts'
import { openOwnCommits } from './ownCommits.ts'
import { openSharedRebuilding } from './rebuild.ts'
import { openSharedStores } from './stores.ts'
import { wholeOf } from './wholeRows.ts'

const foreverMs = 2 ** 31 - 1
/** The lease clock is turned so often while it would go on by itself. */
const turnsPerStep = 4

/** What must be read before anything runs. */
export const preparedShared = async (options: HouseOptions) => {
  const { log = noLog, now = () => new Date().toISOString(), leaseMs = 40_000, heartbeatEveryMs = 10_000 } = options
  const monotonicMs = options.monotonicMs ?? (() => performance.now())
  const stores = await openSharedStores(options)
  let stopFollowing = (): void => {}
  try {
    await prepareGenerations(stores.generations, stores.history, { log })
    let onSwitched = async (): Promise<void> => {}
    const following = await followGenerations({ generations: stores.generations, log, onSwitched: () => onSwitched() })
    stopFollowing = following.stop
    const deadLetterCount = await following.views().rowCount(deadLettersView.name)
    const end = await stores.history.feedEnd()
    const { keeps = true } = options
    const clock = { row: stores.clockRow, serverId: stores.serverId, stepMsMax: stepMs(leaseMs) }
    const leaseClock = openSharedLeaseClock({ ...clock, startAt: now(), monotonicMs, keeps })
    // Before it was looked at once, leases would be given by a clock of our own.
    await leaseClock.turn()
    const callbacks = options.callbacks && { ...options.callbacks, secret: options.callbacks.secret() }
    const settings = { leaseMs, heartbeatEveryMs }
    const whenSwitched = (told: () => Promise<void>): void => {
      onSwitched = told
    }
    const read = { following, deadLetterCount, end, leaseClock, stepMsMax: clock.stepMsMax, whenSwitched }
    return { options, callbacks, log, now, monotonicMs, settings, keeps, stores, ...read }
  } catch (error) {
    stopFollowing()
    await stores.close()
    throw error
  }
}
export type PreparedShared = Awaited<ReturnType<typeof preparedShared>>

/** Rows that whoever keeps the clock writes, and that are read with the freshness that is asked for. */
const openFollowing = (given: PreparedShared, hasCaughtUp: () => boolean) => {
  const { stores, following, monotonicMs, end } = given
  const views = following.views
  const own = openOwnCommits(monotonicMs)
  const { recent } = following
  const reading = openReading({ history: stores.history, rows: recent, cursor: () => end })
  const wholeViews = async () => wholeOf(await recent())
  const candidates = openCandidates({ views: wholeViews, hasCaughtUp, caughtUp: own.caughtUp })
  const onWritten = (changes: readonly RowChange[]): void => {
    candidates.learn(changes)
    reading.learn(changes)
  }
  const isThere = async (commit: Commit): Promise<boolean> => {
    const { kind, tenant: of, id } = partsOf(commit.stream)
    const rows = await Promise.all(viewsOf(kind).map(async ({ name }) => (await views().read(name, of, [id]))[0]))
    return rows.every((row) => (row?.version ?? 0) >= lastVersion(commit))
  }
  /** What was told meanwhile was not heard. */
  const lookAgain = async (): Promise<void> => {
    candidates.forget()
    await reading.lookAgain()
    await own.lookAgain(isThere)
  }
  return { own, reading, candidates, onWritten, lookAgain, views: { ...reading.views, caughtUp: own.caughtUp } }
}

/** Leases as this server gives them, and as it judges them while it is the keeper. */
const livenessParts = ({ options, settings, leaseClock, stores }: PreparedShared) => {
  const { suspectAfterMs = settings.leaseMs * 0.75, lossFreezeMsMax = 600_000 } = options
  const { giving, judging, lookIfAway } = leaseClock
  return {
    settings: { ...settings, suspectAfterMs, lossFreezeMsMax },
    store: stores.leases,
    clock: judging,
    giving: { ...giving, lookIfAway },
    attempts: openAttempts(giving, settings.heartbeatEveryMs),
  } satisfies Partial<LivenessPorts>
}

/** State machines are told of the beats that this server takes. */
const heartbeatsOf = ({ callbacks, log }: PreparedShared, headOf: Writing['headOf'], counters: Counters) =>
  callbacks?.tasks &&
  openTaskHeartbeats({ answers: callbacks.tasks, ...heartbeatPorts({ headOf, counters, log }, callbacks) })

/** The write path, and who is told of what goes along it. */
const openWritePath = (
  { options, stores, now }: PreparedShared,
  { own, candidates }: ReturnType<typeof openFollowing>,
  { counters, attempts, wake }: { counters: Counters; attempts: LiveAttempts; wake: () => void },
) => {
  const { store, failure, forgive } = observed(stores.history, counters, {
    onAppended: (commits) => {
      for (const part of [own, candidates]) part.expect(commits)
      attempts.learn(commits)
      wake()
    },
    onDoubt: (commits) => attempts.learn(commits, false),
    isShared: true,
  })
  const cache = openHeadCache(options)
  return { cache, failure, forgive, writing: openWriting({ store, cache, counters, now, candidates: candidates.ask }) }
}

/** Nothing here awaits: each part is there before another calls it. */
export const runningShared = (given: PreparedShared) => {
  const { options, log, now, stores, following, leaseClock, callbacks } = given
  const { history, feed, generations } = stores
  const [counters, progress, closing] = [options.counters ?? openCounters(), openProgress(), new AbortController()]
  const base = { log, counters, now, progress, tenant }
  const read = openFollowing(given, () => follower.hasCaughtUp())
  const { own, reading, candidates, onWritten, lookAgain, views } = read
  const living = livenessParts(given)
  const { attempts } = living
  const told = { counters, attempts, wake: () => duties.term()?.runner.wake() }
  const { writing, cache, failure, forgive } = openWritePath(given, read, told)
  const isReady = (): boolean => follower.hasCaughtUp() && following.serving().isWhole
  const ready = Promise.resolve().then(async () => progress.until(isReady, foreverMs))
  const heartbeats = heartbeatsOf(given, writing.headOf, counters)
  const liveness = openLiveness({ ...base, ...living, ...writing, ready, views, onBeat: heartbeats?.beat })
  const isKeeper = (): boolean => keeper.isKeeper()
  const freeze = openSharedLossFreeze({ own: liveness.lossFreeze, isKeeper, facts: stores.lastingRows, log, counters })
  const letters = openDeadLetters(following.views, given.deadLetterCount, now)
  const onPage = async ({ commits: named }: FeedPage): Promise<void> => {
    const commits = named.map(({ commit }) => commit)
    await reading.hear(commits)
    for (const part of [candidates, attempts, liveness, own]) part.hear(commits)
  }
  const onLeap = async (): Promise<void> => {
    await lookAgain()
    // Else it is done when they are.
    if (following.serving().isWhole) await liveness.inherit()
  }
  const onFollowed = (after: string, page: FeedPage): void => duties.offer(after, page)
  const follower = startFollower({ ...base, history, onPage, onFollowed, onLeap }, given.end)
  given.whenSwitched(async () => {
    progress.happened()
    await lookAgain()
  })
  const rebuilding = openSharedRebuilding({ generations, history, feed, following, log, signal: closing.signal })
  const { policyPausesMs, pollEveryMs, publisher, isPipelined } = options
  const parts = { stores, following, follower, writing, liveness, freeze, letters, callbacks, publisher }
  const duties = openDuties({ ...base, ...parts, policyPausesMs, pollEveryMs, isPipelined, ready, onWritten })
  const everyMs = given.stepMsMax / turnsPerStep
  const keeper = startKeeper({ clock: leaseClock, everyMs, begin: duties.begin, log, counters })
  const seen = { counters, progress, closing, failure, forgive, cache, own, reading, views, writing, ready, letters }
  return { ...seen, follower, keeper, duties, rebuilding, liveness, freeze, heartbeats }
}
export type RunningShared = ReturnType<typeof runningShared>
