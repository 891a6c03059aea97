import { Worker } from 'node:worker_threads'
import type { Verification } from '../projections/services.ts'
import type { AuditJob } from './auditWorker.ts'
import type { BuildProgress, Built } from './views/buildViews.ts'
import type { BuildJob, BuildMessage } from './views/buildWorker.ts'

interface Thread<Message> {
  file: string
  workerData: object
  onMessage: (message: Message) => void
  signal: AbortSignal
}

/** Does a job in a thread of its own. Rejects when the thread fails, or is ended by the signal. */
const inThread = <Message>({ file, workerData, onMessage, signal }: Thread<Message>): Promise<void> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL(file, import.meta.url), { workerData })
    const end = (): void => void worker.terminate()
    signal.addEventListener('abort', end, { once: true })
    worker.on('message', onMessage)
    worker.once('error', reject)
    worker.once('exit', (code) => {
      signal.removeEventListener('abort', end)
      if (signal.aborted) reject(new Error('the house is closing'))
      else if (code === 0) resolve()
      else reject(new Error(`${file} ended with ${code}`))
    })
    if (signal.aborted) end()
  })

export const auditInThread = async (workerData: AuditJob, signal: AbortSignal): Promise<Verification> => {
  let findings: Verification | undefined
  const onMessage = (message: Verification): void => {
    findings = message
  }
  await inThread({ file: './auditWorker.ts', workerData, onMessage, signal })
  if (findings === undefined) throw new Error('the audit has ended without findings')
  return findings
}

export const buildInThread = async (
  workerData: BuildJob,
  onProgress: (progress: BuildProgress) => void,
  signal: AbortSignal,
): Promise<Built> => {
  let built: Built | undefined
  const onMessage = (message: BuildMessage): void => {
    if (message.kind === 'progress') onProgress(message.progress)
    else built = message.built
  }
  await inThread({ file: './views/buildWorker.ts', workerData, onMessage, signal })
  if (built === undefined) throw new Error('the views were not built to their end')
  return built
}
