/**
 * The same house in one process: history, views, policies and clock on SQLite or in memory, for whoever drives it; and the
 * way to the one whose tables other servers share.
 *
 *     command → decide → append → stream → project → react
 */
import type { House as OpenHouse } from './house.ts'
import { type HouseOptions, type Prepared, prepared, type Running, running } from './parts.ts'
import { servicesOf, wholeName } from './services.ts'
import { countersOf, endOf, statusOf, unreadyReason } from './status.ts'
import { positionOf } from './views/projector.ts'

/** Views that are further behind than this are sooner built anew than caught up. */
const catchUpCountMax = 20_000
/** So long the opening waits for the views; what is left is caught up with while serving. */
const openingMs = 1_000

/** Opens the house; it serves when this resolves. Throws the fault `storage-unusable` when it can't. */
export const openHouse = async (options: HouseOptions): Promise<OpenHouse> => {
  if (options.store === 'dynamodb') return (await import('./shared/house.ts')).openSharedHouse(options)
  const house = assembled(await prepared(options))
  await house.begin()
  return house
}
export type House = OpenHouse

const assembled = (given: Prepared): OpenHouse & { begin: () => Promise<void> } => {
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
    counters: () => countersOf(endOf(given, parts), parts),
    viewsStatus: () => statusOf(endOf(given, parts), parts),
    rebuild: rebuilding.rebuild,
    wakeClock: clock.wake,
    sweep: liveness.sweeper.sweep,
    leaseStore: liveness.store,
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
