import { fault } from '../../domain/faults.ts'

/** What the file system refuses, as a fault that names the file. */
export const named = async <Value>(path: string, work: Promise<Value>): Promise<Value> => {
  try {
    return await work
  } catch (cause) {
    const { message, code } = cause as NodeJS.ErrnoException
    const isFull = code === 'ENOSPC' || code === 'EDQUOT'
    throw fault(isFull ? 'storage-full' : 'storage-unusable', `${path}: ${message}`, cause)
  }
}

export const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT'
