import { setTimeout as wait } from 'node:timers/promises'
import { fault } from '../../domain/faults.ts'
import { reasonOf } from '../awsConnection.ts'

/** Where something lies, as people name it. */
export const uriOf = (bucket: string, key: string): string => `s3://${bucket}/${key}`

const isNamed = (error: unknown, ...names: readonly string[]): boolean =>
  error instanceof Error && names.includes(error.name)

/** Of a HEAD the service tells the status alone, which the SDK calls NotFound. */
export const isMissing = (error: unknown): boolean => isNamed(error, 'NoSuchKey', 'NotFound')

/** What a conditional write finds: something else is there, or is just being written. */
const isTaken = (error: unknown): boolean => isNamed(error, 'PreconditionFailed')
const isContended = (error: unknown): boolean => isNamed(error, 'ConditionalRequestConflict', 'OperationAborted')

/** What the service refuses, or does not answer in bounded time, as the fault `storage-unusable` that names the object. */
export const unusable = (uri: string, cause: unknown) => fault('storage-unusable', `${uri}: ${reasonOf(cause)}`, cause)

export const named = async <Value>(uri: string, work: Promise<Value>): Promise<Value> => {
  try {
    return await work
  } catch (cause) {
    throw unusable(uri, cause)
  }
}

const attemptCountMax = 8
const pauseMs = 20

/** A write that demands something of what is there; 'taken' when that is not so. Writes that meet in the service go again. */
export const conditional = async <Value>(uri: string, write: () => Promise<Value>): Promise<Value | 'taken'> => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await write()
    } catch (cause) {
      if (isTaken(cause)) return 'taken'
      if (!isContended(cause) || attempt === attemptCountMax) throw unusable(uri, cause)
    }
    await wait(Math.random() * pauseMs * 2 ** attempt)
  }
}
