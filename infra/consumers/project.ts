import type { Feed } from '../../adapters/dynamodb/feed.ts'
import type { Commit } from '../../domain/event.ts'
import { isFault } from '../../domain/faults.ts'
import type { StreamName } from '../../domain/ids.ts'
import type { EventStore, RowChange, ViewStore } from '../../domain/ports.ts'
import { openFolds } from '../../projections/folds.ts'
import type { StreamHandler } from '../../projections/handler.ts'
import { type Projected, project } from '../../projections/project.ts'
import { type BatchPorts, handling, isOutage, type Worked } from './batch.ts'
import { damageTold } from './damage.ts'
import { openUntold } from './untold.ts'

export interface ProjectConsumerPorts extends BatchPorts {
  /** Asked before each batch: which set of rows serves may have changed. */
  views: () => Promise<Pick<ViewStore, 'read' | 'write'>>
  history: Pick<EventStore, 'load' | 'scan'>
  feed: Pick<Feed, 'publish'>
  /**
   * Rows were written, of these commits among others; after a failure rows too that an earlier attempt may have written. Its
   * failure is logged, and holds nobody up.
   */
  onWritten?: (changes: readonly RowChange[], commits: readonly Commit[]) => void | Promise<void>
}

/**
 * Writes the rows that commits change, then names the commits in the feed: who is woken by it finds the rows. A stream that
 * can't be folded is put aside, its rows stay as they are; it is named all the same, since its events have happened.
 */
export const openProjectConsumer = (ports: ProjectConsumerPorts): StreamHandler => {
  const folds = openFolds<unknown>()
  const load = damageTold(ports.history)
  const untold = openUntold()
  return handling('project', ports, async (commits) => {
    try {
      const views = await ports.views()
      const projected = await project({ views, load, folds }, commits)
      tell(ports, projected, commits)
      await ports.feed.publish(distinct(commits))
      await told(ports, () => untold.done(views, commits, projected.changes), commits)
      return workedFor(projected, commits)
    } catch (error) {
      untold.failed(commits)
      // An outage passes for all of them. Whatever else is one commit's doing, and halving the batch finds it.
      if (!isOutage(error)) throw error
      return { poison: [], failed: { index: 0, error } }
    }
  })
}

/** Several records of one commit are one entry of the feed. */
const distinct = (commits: readonly Commit[]): readonly Commit[] => [
  ...new Map(commits.map((commit) => [`${commit.stream}@${commit.version}`, commit])).values(),
]

/** Of a stream's commits the newest: whoever projects it again projects all before it. */
const workedFor = ({ failures }: Projected, commits: readonly Commit[]): Worked => ({
  poison: failures.map(({ stream, error }) => ({ index: newestOf(stream, commits), error })),
})

const newestOf = (stream: StreamName, commits: readonly Commit[]): number => {
  let newest = -1
  for (const [index, commit] of commits.entries())
    if (commit.stream === stream && commit.version >= (commits[newest]?.version ?? 0)) newest = index
  return newest
}

const tell = ({ log, counters }: ProjectConsumerPorts, projected: Projected, commits: readonly Commit[]): void => {
  counters.projectedEvents += projected.eventCount
  counters.writtenRows += projected.rowCount
  for (const { stream, error } of projected.failures) {
    const correlationId = commits.findLast((commit) => commit.stream === stream)?.correlationId
    const count = ++counters.projectionFailures
    const isHole = isFault(error, 'hole-in-history')
    log.error(
      { stream, correlationId, count, isHole, err: error },
      'a stream cannot be folded: its row stays as it was',
    )
  }
}

const told = async (
  { onWritten, log, counters }: ProjectConsumerPorts,
  changed: () => Promise<readonly RowChange[]>,
  commits: readonly Commit[],
): Promise<void> => {
  if (onWritten === undefined) return
  try {
    const changes = await changed()
    if (changes.length > 0) await onWritten(changes, commits)
  } catch (error) {
    const count = ++counters.consumerOutages
    log.error({ consumer: 'project', count, err: error }, 'who follows the rows could not be told of them')
  }
}
