import type { LeaseStore } from '../domain/leaseStore.ts'
import type { Services } from '../projections/services.ts'
import type { Counter } from './counters.ts'
import type { Log } from './log.ts'
import type { ViewsStatus } from './status.ts'
import type { BuildProgress, Built } from './views/buildViews.ts'

/** A house that is open, whichever stores are behind it, for whoever drives it. */
export interface House {
  services: Services
  /** What workers are told with their beats. */
  settings: { leaseMs: number; heartbeatEveryMs: number }
  log: Log
  counters: () => readonly Counter[]
  viewsStatus: () => Promise<ViewsStatus>
  /** Builds the views anew beside those that serve, and lets them take over. One at a time: joins the one that runs. */
  rebuild: (onProgress?: (progress: BuildProgress) => void) => Promise<Built>
  /** The injected time has jumped. */
  wakeClock: () => void
  /** One look at every lease; answers in how many ms the next is due. */
  sweep: () => Promise<number>
  leaseStore: LeaseStore
  /**
   * Waits until views and policies have seen everything, and what came of it; false when they have not within the time. Of
   * several servers: everything that this one has appended, and that the feed names.
   */
  settled: (timeoutMs?: number) => Promise<boolean>
  close: () => Promise<void>
}
