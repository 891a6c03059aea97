import { setTimeout as wait } from 'node:timers/promises'
import { fault, isFault } from '../../domain/faults.ts'

/** What the engine throws has a name; `$metadata` tells how often the SDK has tried. */
interface EngineError extends Error {
  $metadata?: { attempts?: number }
}

export const isNamed = (error: unknown, name: string): error is EngineError =>
  error instanceof Error && error.name === name

/** Whether a request that failed had been sent before: an earlier one may have taken effect. */
export const wasRepeated = ({ $metadata }: EngineError): boolean => ($metadata?.attempts ?? 1) > 1

/** The SDK's on what it has sent, its marker of missing credentials, ElectroDB's on whatever the client has thrown. */
const marks = ['$metadata', 'tryNextLink', '__isAWSError']

/**
 * What a failed request means, as the fault `storage-unusable` that names the table; whatever else was thrown passes. The
 * SDK's retries are over by then. After a failed write its effect is unknown until it is read again.
 */
export const outage = (table: string, thrown: unknown): unknown => {
  // ElectroDB wraps what it does not expect.
  const cause = isNamed(thrown, 'ElectroError') && thrown.cause !== undefined ? thrown.cause : thrown
  if (!(cause instanceof Error && marks.some((mark) => mark in cause))) return cause
  if (cause.name === 'ResourceNotFoundException')
    return fault('storage-unusable', `the table ${table} is not there: deploy it, or let it be created`, cause)
  // A refused connection has a code, and an empty message.
  const code = 'code' in cause ? String(cause.code) : cause.name
  return fault('storage-unusable', `the table ${table} can't be used: ${code}: ${cause.message}`, cause)
}

/** Attempts of ours at what others' transactions were in the way of; the SDK does not repeat these. */
export const contentionAttemptCountMax = 8
const pauseMsMin = 10
const pauseMsMax = 500

/** Waits before the attempt after the `attempt`-th: at most 20, 40, 80 … 500 ms, anywhere below. */
export const pause = async (attempt: number): Promise<void> => {
  await wait(Math.random() * Math.min(pauseMsMax, pauseMsMin * 2 ** attempt))
}

/** What has come far is not given up for an outage of some seconds: about forty, all pauses together. */
const persistentPausesMs = [100, 500, 2_000, 5_000, 10_000, 20_000] as const

/** Does again what has failed for an outage, some times; for what takes long and can be repeated. The signal ends the pauses. */
export const persistently = async <Answer>(work: () => Promise<Answer>, signal?: AbortSignal): Promise<Answer> => {
  for (const pauseMs of persistentPausesMs) {
    try {
      return await work()
    } catch (error) {
      if (!isFault(error, 'storage-unusable')) throw error
    }
    await wait(pauseMs, undefined, signal && { signal })
  }
  return work()
}
