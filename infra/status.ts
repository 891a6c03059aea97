import { viewNames } from '../projections/views.ts'
import { type Counter, described } from './counters.ts'
import type { Liveness } from './liveness/liveness.ts'
import type { Prepared, Running } from './parts.ts'
import { type Projector, positionOf } from './views/projector.ts'
import type { RebuildStatus } from './views/rebuild.ts'
import type { OpenGeneration } from './views/viewGenerations.ts'

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
export const endOf = ({ cursors }: Prepared, { counters }: Running): number =>
  positionOf(cursors.end) + counters.appendedCommits

/** What is looked at of a house, whichever stores are behind it. */
export interface Seen extends Pick<Running, 'counters' | 'cache' | 'letters'> {
  projector: Pick<Projector, 'cursor' | 'lagMs'>
  reactor: { cursor: () => string | undefined }
  rebuilding: { serving: () => OpenGeneration; status: () => RebuildStatus }
  liveness: Pick<Liveness, 'gauges'>
  callbacks: { pendingCount: () => number } | undefined
}

/** `end`: how many commits are known to be in history. */
export const statusOf = async (end: number, { projector, rebuilding }: Seen): Promise<ViewsStatus> => {
  const serving = rebuilding.serving()
  const checkpoint = positionOf(projector.cursor())
  const behindCount = Math.max(0, end - checkpoint)
  const items = await Promise.all(
    viewNames.map(async (name) => ({ name, rowCount: await serving.views.rowCount(name), behindCount, checkpoint })),
  )
  const rebuild = rebuilding.status()
  return { generation: serving.generation, items, rebuilding: rebuild.isRunning, rebuild }
}

export const countersOf = (end: number, seen: Seen): readonly Counter[] => {
  const { counters, cache, projector, reactor, rebuilding, letters, liveness, callbacks } = seen
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
export const stuckMsMax = 10_000

/** Why somebody does not get on, if that has been so for too long. */
export const stuckReason = (
  stuck: { sinceMs: number; error: unknown } | undefined,
  now: string,
  what: string,
): string | undefined =>
  stuck === undefined || Date.parse(now) - stuck.sinceMs <= stuckMsMax
    ? undefined
    : `${what}: ${stuck.error instanceof Error ? stuck.error.message : String(stuck.error)}`

/** Why nobody should be sent here now. */
export const unreadyReason = (given: Prepared, parts: Running): string | undefined => {
  const { projector, failure, closing } = parts
  if (closing.signal.aborted) return 'the house is closing'
  const stuck = stuckReason(projector.stuck(), given.now(), 'the views cannot get on')
  if (stuck !== undefined) return stuck
  if (!projector.hasCaughtUp()) {
    const behindCount = endOf(given, parts) - positionOf(projector.cursor())
    return `the views are catching up with history: ${behindCount} commits to go`
  }
  return failure()
}
