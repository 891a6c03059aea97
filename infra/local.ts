/**
 * The same house in one process: history, views, policies and clock on SQLite or in memory, for whoever drives it.
 *
 *     command → decide → append → stream → project → react
 */
import { type HouseOptions, type Prepared, prepared, type Running, running } from './parts.ts'
import { positionOf } from './projector.ts'
import { servicesOf, wholeName } from './services.ts'
import { countersOf, statusOf, unreadyReason } from './status.ts'

/** Views that are further behind than this are sooner built anew than caught up. */
const catchUpCountMax = 20_000
/** So long the opening waits for the views; what is left is caught up with while serving. */
const openingMs = 1_000

/** Opens the house; it serves when this resolves. Throws the fault `storage-unusable` when it can't. */
export const openHouse = async (options: HouseOptions) => {
  const house = assembled(await prepared(options))
  await house.begin()
  return house
}
export type House = Awaited<ReturnType<typeof openHouse>>

const assembled = (given: Prepared) => {
  const parts = running(given)
  const { stores, log, now, settings, cursors } = given
  const { progress, closing, projector, reading, writing, rebuilding, reactor, clock, liveness, callbacks } = parts
  const behindCount = (): number => positionOf(cursors.end) - positionOf(cursors.project)
  const verify = (stream: string | undefined) =>
    stores.audit(rebuilding.serving(), stream === undefined ? undefined : wholeName(stream), closing.signal)
  const services = servicesOf(writing, {
    views: reading.views,
    leases: liveness.leases,
    lossFreeze: liveness.lossFreeze,
    verify,
    unready: () => unreadyReason(given, parts),
    now,
  })
  return {
    services,
    settings,
    log,
    counters: () => countersOf(given, parts),
    viewsStatus: () => statusOf(given, parts),
    /** Builds the views anew beside those that serve, and lets them take over. One at a time: joins the one that runs. */
    rebuild: rebuilding.rebuild,
    /** The injected time has jumped. */
    wakeClock: clock.wake,
    /** One look at every lease; answers in how many ms the next is due. */
    sweep: liveness.sweeper.sweep,
    leaseStore: liveness.store,
    /** Waits until views and policies have seen everything, and what came of it; false when they have not within the time. */
    settled: (timeoutMs = 5_000) => settled(stores.history, parts, timeoutMs),
    begin: async (): Promise<void> => {
      // A failure is logged where it happens; the rows that are there serve.
      if (behindCount() > catchUpCountMax) rebuilding.rebuild().catch(() => {})
      await Promise.race([liveness.sweeper.start(), progress.until(() => false, openingMs)])
    },
    close: async (): Promise<void> => {
      closing.abort()
      progress.end()
      reading.end()
      await Promise.all([clock.stop(), liveness.sweeper.stop(), reactor.stop(), projector.stop(), callbacks?.stop()])
      await rebuilding.serving().views.close()
      await stores.history.close()
    },
  }
}

const settled = (
  history: Prepared['stores']['history'],
  { progress, projector, reactor }: Running,
  timeoutMs: number,
): Promise<boolean> =>
  progress.until(async () => {
    const end = positionOf(await history.feedEnd())
    return positionOf(projector.cursor()) >= end && positionOf(reactor.cursor()) >= end
  }, timeoutMs)
