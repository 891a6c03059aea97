/**
 * The same house on tables that several servers share: each has the whole API, and one of them at a time does what is done
 * once for all.
 *
 *     command → decide → append → stream → project → feed → react
 */
import { auditBeside } from '../audit.ts'
import type { House } from '../house.ts'
import type { HouseOptions } from '../parts.ts'
import { servicesOf, wholeName } from '../services.ts'
import { countersOf, statusOf } from '../status.ts'
import { positionOf } from '../views/projector.ts'
import { type PreparedShared, preparedShared, type RunningShared, runningShared } from './parts.ts'
import { openReadiness } from './status.ts'
import { wholeOf } from './wholeRows.ts'

/** So long the opening waits until it is known who keeps the clock, and the feed has been followed to its end. */
const openingMs = 1_000

/** Opens the house; it serves when this resolves. Throws the fault `storage-unusable` when it can't. */
export const openSharedHouse = async (options: HouseOptions): Promise<House> => {
  const given = await preparedShared(options)
  const parts = runningShared(given)
  if (options.mends !== false) parts.rebuilding.keepMended()
  inherited(parts).catch((error: unknown) => {
    const count = ++parts.counters.sweepFailures
    given.log.error({ count, err: error }, 'what runs could not be looked up: beats ask history instead')
  })
  await parts.progress.until(parts.follower.hasCaughtUp, openingMs)
  return assembled(given, parts)
}

/** Rows that are not whole would tell of some only. */
const inherited = async ({ ready, liveness }: RunningShared): Promise<void> => {
  if (await ready) await liveness.inherit()
}

const assembled = (given: PreparedShared, parts: RunningShared): House => {
  const { stores, log, now, settings, following } = given
  const { closing, liveness, rebuilding, writing, duties } = parts
  const seen = {
    ...parts,
    projector: parts.follower,
    reactor: { cursor: () => duties.term()?.answering()?.reactor.cursor() ?? parts.follower.cursor() },
    callbacks: { pendingCount: () => duties.term()?.answering()?.callbacks?.pendingCount() ?? 0 },
  }
  const end = (): number => positionOf(parts.follower.cursor()) + parts.own.count()
  const verify = async (stream: string | undefined) =>
    auditBeside(
      stores.history,
      wholeOf(await following.recent()),
      stream === undefined ? undefined : wholeName(stream),
      closing.signal,
    )
  const services = servicesOf(writing, {
    views: parts.views,
    leases: liveness.leases,
    lossFreeze: parts.freeze.lossFreeze,
    verify,
    unready: openReadiness(given, parts),
    now,
  })
  return {
    services,
    settings,
    log,
    counters: () => countersOf(end(), seen),
    viewsStatus: async () => statusOf(end(), seen),
    rebuild: rebuilding.rebuild,
    wakeClock: () => duties.term()?.clock.wake(),
    sweep: liveness.sweeper.sweep,
    leaseStore: liveness.store,
    settled: (timeoutMs = 5_000) => settled(given, parts, timeoutMs),
    close: async (): Promise<void> => {
      await named(given, parts)
      closing.abort()
      parts.progress.end()
      parts.reading.end()
      parts.own.end()
      following.stop()
      await parts.keeper.stop()
      await Promise.all([parts.follower.stop(), rebuilding.ended(), parts.heartbeats?.stop()])
      await stores.close()
    },
  }
}

/** So long an end waits until the feed names all that was appended here. */
const namingMs = 5_000

/** Nobody may be there soon who reads the stream. Where functions do, they go on without us. */
const named = async ({ options, log }: PreparedShared, { progress, own }: RunningShared): Promise<void> => {
  if (options.isPipelined === true) return
  if (await progress.until(() => own.count() === 0, namingMs)) return
  log.warn(
    { count: own.count() },
    'what was appended last is not in the feed yet: a server must be there within a day, or it takes a redrive',
  )
}

/** On the keeper; another server knows of what it has appended itself only. */
const settled = (
  { stores }: PreparedShared,
  { progress, own, follower, duties }: RunningShared,
  timeoutMs: number,
): Promise<boolean> =>
  progress.until(async () => {
    if (own.count() > 0) return false
    const end = positionOf(await stores.history.feedEnd())
    const term = duties.term()
    const reactor = term === undefined ? follower.cursor() : term.answering()?.reactor.cursor()
    return own.count() === 0 && positionOf(follower.cursor()) >= end && positionOf(reactor) >= end
  }, timeoutMs)
