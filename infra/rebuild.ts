import { openHistory } from '../adapters/sqlite/history.ts'
import { generationsIn } from '../adapters/sqlite/generations.ts'
import type { EventStore } from '../domain/ports.ts'
import { buildViews, type Built, type BuildProgress } from './buildViews.ts'
import { type Log, noLog } from './log.ts'
import { catchUp, positionOf, type Projector } from './projector.ts'
import type { Stores } from './stores.ts'
import { carryLetters, carryOver, type Generations, type OpenGeneration, sqliteGenerations } from './viewGenerations.ts'

type OnProgress = (progress: BuildProgress) => void

export interface RebuildPorts {
  history: EventStore
  generations: Generations
  projector: Projector
  log: Log
  build: Stores['build']
  /** The house is closing. */
  signal: AbortSignal
  /** Other rows serve. */
  onSwitched(): Promise<void>
}

/** The running rebuild, or the last one. */
export interface RebuildStatus extends BuildProgress {
  isRunning: boolean
  /** Why the last one failed; the rows that served serve on. */
  failure?: string
}

/** Blue/green: the next rows are built beside those that serve, which are given up once the next have seen as much. */
export const openRebuilding = (ports: RebuildPorts, first: OpenGeneration) => {
  let serving = first
  let status: RebuildStatus = { isRunning: false, commitCount: 0, commitCountTotal: 0 }
  let running: Promise<Built> | undefined

  const rebuild = async (onProgress: OnProgress): Promise<Built> => {
    status = { isRunning: true, commitCount: 0, commitCountTotal: 0 }
    try {
      const { built, next } = await replaced(ports, serving, (progress) => {
        status = { ...progress, isRunning: true }
        onProgress(progress)
      })
      serving = next
      status = { isRunning: false, commitCount: built.commitCount, commitCountTotal: built.commitCountTotal }
      return built
    } catch (error) {
      status = { ...status, isRunning: false, failure: error instanceof Error ? error.message : String(error) }
      ports.log.error({ generation: serving.generation + 1, count: 1, err: error }, 'the views could not be rebuilt')
      throw error
    } finally {
      running = undefined
    }
  }
  return {
    /** Begins one unless one runs; resolves when the new rows serve. */
    rebuild: (onProgress: OnProgress = () => {}): Promise<Built> => (running ??= rebuild(onProgress)),
    status: () => status,
    serving: () => serving,
  }
}

const replaced = async (
  { history, generations, projector, log, build, onSwitched, signal }: RebuildPorts,
  serving: OpenGeneration,
  onProgress: OnProgress,
): Promise<{ built: Built; next: OpenGeneration }> => {
  const generation = serving.generation + 1
  generations.discard(generation)
  const { built, views } = await build(generation, onProgress, signal)
  for (const { stream, error } of built.failures)
    log.error({ stream, count: built.failures.length, err: error }, 'a stream cannot be folded: it has no row, or an old one')
  await catchUp({ history }, views, () => positionOf(projector.cursor()))
  await carryOver(serving.views, views)
  await projector.replaceBy(views)
  const next = { generation, views }
  await onSwitched()
  await carryLetters(serving.views, views)
  await serving.views.close()
  generations.discard(serving.generation)
  log.info({ generation, commitCount: built.commitCount }, 'the views have been rebuilt from history')
  return { built, next }
}

/** The same while no server runs. Throws `storage-unusable` when one does. */
export const rebuildViews = async (directory: string, onProgress: OnProgress = () => {}): Promise<Built> => {
  const history = openHistory({ directory })
  const generations = sqliteGenerations(directory)
  try {
    const serving = await generations.openNewest(history, noLog)
    const generation = serving.generation + 1
    const views = generations.create(generation)
    try {
      const built = await buildViews(history, views, onProgress)
      await carryOver(serving.views, views)
      return built
    } finally {
      await views.close()
      await serving.views.close()
      for (const other of generationsIn(directory)) if (other < generation) generations.discard(other)
    }
  } finally {
    await history.close()
  }
}
