import { viewNames } from '../projections/views.ts'
import { type Counter, described } from './counters.ts'
import type { Prepared, Running } from './parts.ts'
import { positionOf } from './projector.ts'
import type { RebuildStatus } from './rebuild.ts'

export interface ViewsStatus {
  /** Which set of rows serves; goes up with each rebuild. */
  generation: number
  /** `behindCount`: commits that the view has not seen yet. `checkpoint`: how many it has seen. */
  items: readonly { name: string; rowCount: number; behindCount: number; checkpoint: number }[]
  rebuilding: boolean
  /** The rebuild that runs, or the last one. */
  rebuild: RebuildStatus
}

/** Only this process appends: history ends where it ended when the house was opened, plus what was appended since. */
const endOf = ({ cursors }: Prepared, { counters }: Running): number =>
  positionOf(cursors.end) + counters.appendedCommits

export const statusOf = async (given: Prepared, parts: Running): Promise<ViewsStatus> => {
  const { projector, rebuilding } = parts
  const serving = rebuilding.serving()
  const checkpoint = positionOf(projector.cursor())
  const behindCount = Math.max(0, endOf(given, parts) - checkpoint)
  const items = await Promise.all(
    viewNames.map(async (name) => ({ name, rowCount: await serving.views.rowCount(name), behindCount, checkpoint })),
  )
  const rebuild = rebuilding.status()
  return { generation: serving.generation, items, rebuilding: rebuild.isRunning, rebuild }
}

export const countersOf = (given: Prepared, parts: Running): readonly Counter[] => {
  const { counters, cache, projector, reactor, rebuilding, letters, liveness, callbacks } = parts
  const end = endOf(given, parts)
  const { count: cachedHeads, bytes: cachedHeadBytes } = cache.size()
  return described(counters, {
    projectionLagCommits: Math.max(0, end - positionOf(projector.cursor())),
    projectionLagMs: projector.lagMs(),
    reactionLagCommits: Math.max(0, end - positionOf(reactor.cursor())),
    deadLetters: letters.count(),
    callbacksPending: callbacks?.pendingCount() ?? 0,
    cachedHeads,
    cachedHeadBytes,
    viewsGeneration: rebuilding.serving().generation,
    ...liveness.gauges(),
  })
}

/** The projector may stumble for so long before nobody should rely on it. */
const stuckMsMax = 10_000

/** Why nobody should be sent here now. */
export const unreadyReason = (given: Prepared, parts: Running): string | undefined => {
  const { projector, failure, closing } = parts
  if (closing.signal.aborted) return 'the house is closing'
  const stuck = projector.stuck()
  if (stuck !== undefined && Date.parse(given.now()) - stuck.sinceMs > stuckMsMax)
    return `the views cannot get on: ${stuck.error instanceof Error ? stuck.error.message : String(stuck.error)}`
  if (!projector.hasCaughtUp()) {
    const behindCount = endOf(given, parts) - positionOf(projector.cursor())
    return `the views are catching up with history: ${behindCount} commits to go`
  }
  return failure()
}
