/** A thread of its own for building rows from history, while others serve. */
import { parentPort, workerData } from 'node:worker_threads'
import { openHistory } from '../../adapters/sqlite/history.ts'
import { openViews } from '../../adapters/sqlite/views.ts'
import { type BuildProgress, type Built, buildViews } from './buildViews.ts'

export interface BuildJob {
  directory: string
  generation: number
}
export type BuildMessage = { kind: 'progress'; progress: BuildProgress } | { kind: 'built'; built: Built }

const { directory, generation } = workerData as BuildJob
const tell = (message: BuildMessage): void => parentPort?.postMessage(message)
const history = openHistory({ directory, readOnly: true })
const views = openViews({ directory, generation })
try {
  tell({
    kind: 'built',
    built: await buildViews(history, views, { onProgress: (progress) => tell({ kind: 'progress', progress }) }),
  })
} finally {
  await views.close()
  await history.close()
}
