import type { Commit } from '../domain/event.ts'
import type { EventStore, ViewStore } from '../domain/ports.ts'
import { openFolds } from '../projections/folds.ts'
import { project, type StreamFailure } from '../projections/project.ts'
import { positionOf, projectConsumer } from './projector.ts'

export interface BuildProgress {
  commitCount: number
  /** Commits in history when the build began. */
  commitCountTotal: number
}

export interface Built extends BuildProgress {
  /** Streams that could not be folded. */
  failures: readonly StreamFailure[]
}

/** So many commits are folded and written together. */
const batchCount = 2_000
const failuresKeptMax = 100

/**
 * Builds rows from history in one scan, stream by stream: each row is written about once. What is appended meanwhile is
 * caught up with afterwards, from where the feed ended when the scan began.
 */
export const buildViews = async (
  history: Pick<EventStore, 'feedEnd' | 'load' | 'scan'>,
  views: ViewStore,
  onProgress: (progress: BuildProgress) => void = () => {},
): Promise<Built> => {
  const end = await history.feedEnd()
  const progress = { commitCount: 0, commitCountTotal: positionOf(end) }
  const failures: StreamFailure[] = []
  const ports = { views, load: history.load.bind(history), folds: openFolds() }
  const flush = async (commits: readonly Commit[]): Promise<void> => {
    const { failures: found } = await project(ports, commits)
    failures.push(...found.slice(0, failuresKeptMax - failures.length))
    progress.commitCount += commits.length
    onProgress({ ...progress })
  }
  let batch: Commit[] = []
  for await (const page of history.scan()) {
    for (const { commit } of page) if (commit !== undefined) batch.push(commit)
    if (batch.length < batchCount) continue
    await flush(batch)
    batch = []
  }
  await flush(batch)
  await views.saveCheckpoint(projectConsumer, end)
  return { ...progress, failures }
}
