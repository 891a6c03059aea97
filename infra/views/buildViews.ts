import type { Commit } from '../../domain/event.ts'
import type { EventStore, ScannedCommit, ViewStore } from '../../domain/ports.ts'
import { openFolds } from '../../projections/folds.ts'
import { project, type StreamFailure } from '../../projections/project.ts'
import { positionOf, projectConsumer } from './projector.ts'

export interface BuildProgress {
  commitCount: number
  /** Commits in history when the build began; where the feed names some twice, about. */
  commitCountTotal: number
}

export interface Built extends BuildProgress {
  /** Streams that could not be folded. */
  failures: readonly StreamFailure[]
}

export interface BuildOptions {
  onProgress?: (progress: BuildProgress) => void
  /** Parts of history that are read beside one another, each with whole streams. Default: the scan, as one. */
  segments?: readonly AsyncIterable<readonly ScannedCommit[]>[]
  /** Told of commits that are in the rows. */
  onFolded?: (commits: readonly Commit[]) => Promise<void>
  /** Ends the build: it rejects with the signal's reason. */
  signal?: AbortSignal
}

/** So many commits are folded and written together, of so many pages: a commit may be 256 KB, a page is 1 MB at most. */
const batchCount = 2_000
const batchPagesMax = 16
const failuresKeptMax = 100

/**
 * Builds rows from history in one scan, stream by stream: each row is written about once. What is appended meanwhile is
 * caught up with afterwards, from where the feed ended when the scan began.
 */
export const buildViews = async (
  history: Pick<EventStore, 'feedEnd' | 'load' | 'scan'>,
  views: ViewStore,
  { onProgress = () => {}, segments = [history.scan()], onFolded = async () => {}, signal }: BuildOptions = {},
): Promise<Built> => {
  const end = await history.feedEnd()
  const progress = { commitCount: 0, commitCountTotal: positionOf(end) }
  const failures: StreamFailure[] = []
  const ports = { views, load: history.load.bind(history), folds: openFolds() }
  const failed = new AbortController()
  const ending = signal === undefined ? failed.signal : AbortSignal.any([failed.signal, signal])
  const flush = async (commits: readonly Commit[]): Promise<void> => {
    ending.throwIfAborted()
    const { failures: found } = await project(ports, commits)
    failures.push(...found.slice(0, failuresKeptMax - failures.length))
    await onFolded(commits)
    progress.commitCount += commits.length
    onProgress({ ...progress })
  }
  // Who has failed ends the others, and is waited for: nothing is written after the answer.
  const fail = (error: unknown): void => failed.abort(error)
  await Promise.all(segments.map((segment) => buildFrom(segment, flush).catch(fail)))
  ending.throwIfAborted()
  await views.saveCheckpoint(projectConsumer, end)
  return { ...progress, failures }
}

const buildFrom = async (
  pages: AsyncIterable<readonly ScannedCommit[]>,
  flush: (commits: readonly Commit[]) => Promise<void>,
): Promise<void> => {
  let batch: Commit[] = []
  let pageCount = 0
  for await (const page of pages) {
    for (const { commit } of page) if (commit !== undefined) batch.push(commit)
    if (batch.length < batchCount && ++pageCount < batchPagesMax) continue
    await flush(batch)
    batch = []
    pageCount = 0
  }
  await flush(batch)
}
