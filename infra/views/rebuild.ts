import { openHistory } from '../../adapters/sqlite/history.ts'
import type { EventStore } from '../../domain/ports.ts'
import { type Log, noLog } from '../log.ts'
import type { Stores } from '../stores.ts'
import { type BuildProgress, type Built, buildViews } from './buildViews.ts'
import { catchUp, type Projector, positionOf } from './projector.ts'
import {
  carryLetters,
  carryOver,
  type Generations,
  type LocalViews,
  type OpenGeneration,
  originOf,
  seal,
  sqliteGenerations,
} from './viewGenerations.ts'

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
  onSwitched: () => Promise<void>
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
  const serve = (next: OpenGeneration): OpenGeneration => {
    const before = serving
    serving = next
    return before
  }
  const rebuild = async (onProgress: OnProgress): Promise<Built> => {
    status = { isRunning: true, commitCount: 0, commitCountTotal: 0 }
    const told = (progress: BuildProgress): void => {
      status = { ...progress, isRunning: true }
      onProgress(progress)
    }
    try {
      const built = await replaced(ports, serving, told, serve)
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
  ports: RebuildPorts,
  before: OpenGeneration,
  onProgress: OnProgress,
  serve: (next: OpenGeneration) => void,
): Promise<Built> => {
  const { history, generations, projector, log, build, onSwitched, signal } = ports
  const generation = before.generation + 1
  generations.discard(generation)
  const { built, views } = await build(generation, onProgress, signal)
  try {
    await catchUp({ history }, views, () => positionOf(projector.cursor()))
    await finish(history, before.views, views)
    await projector.replaceBy(views)
  } catch (error) {
    await views.close()
    generations.discard(generation)
    throw error
  }
  serve({ generation, views })
  await onSwitched()
  await carryLetters(before.views, views)
  await before.views.close()
  generations.discard(before.generation)
  const { commitCount, failures } = built
  for (const { stream, error } of failures)
    log.error({ stream, count: failures.length, err: error }, 'a stream cannot be folded: its row is missing, or old')
  log.info({ generation, commitCount }, 'the views have been rebuilt from history')
  return built
}

/** What makes rows whole that were built from history. */
const finish = async (history: EventStore, before: LocalViews, views: LocalViews): Promise<void> => {
  await carryOver(before, views)
  await seal(views, await originOf(history))
}

/** The same while no server runs. Throws `storage-unusable` when one does. */
export const rebuildViews = async (directory: string, onProgress: OnProgress = () => {}): Promise<Built> => {
  const history = openHistory({ directory })
  const generations = sqliteGenerations(directory)
  const opened: { close: () => Promise<void> }[] = [history]
  try {
    const before = await generations.openNewest(history, noLog)
    opened.unshift(before.views)
    const views = generations.create(before.generation + 1)
    opened.unshift(views)
    const built = await buildViews(history, views, { onProgress })
    await finish(history, before.views, views)
    await before.views.close()
    generations.discard(before.generation)
    return built
  } finally {
    for (const each of opened) await each.close()
  }
}
