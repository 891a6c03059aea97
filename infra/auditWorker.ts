/** A thread of its own for an audit: reading all of history must not keep anybody waiting. */
import { parentPort, workerData } from 'node:worker_threads'
import { openHistory } from '../adapters/sqlite/history.ts'
import { openViews } from '../adapters/sqlite/views.ts'
import { audit } from './audit.ts'

export interface AuditJob {
  directory: string
  generation: number
  stream?: string
}

const { directory, generation, stream } = workerData as AuditJob
const history = openHistory({ directory, readOnly: true })
const views = openViews({ directory, generation })
try {
  parentPort?.postMessage(await audit(history, views, stream))
} finally {
  await views.close()
  await history.close()
}
