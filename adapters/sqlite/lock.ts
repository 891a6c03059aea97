import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fault } from '../../domain/faults.ts'
import { makeDirectory } from './directory.ts'

const busy = 5

/**
 * Makes this process the only one that writes in `directory`, which is created when missing; answers the release.
 * The lock is the operating system's, held by an open exclusive transaction on `lock.db`: it is gone the moment the
 * process is, however it ends. Throws the fault `storage-unusable` when another holds it, or nothing can be written there.
 *
 * Nobody in this process may open `lock.db` or `history.db` as a plain file: closing it would drop the locks (POSIX).
 */
export const lockDirectory = (directory: string): (() => void) => {
  let lock: DatabaseSync | undefined
  try {
    makeDirectory(directory)
    lock = new DatabaseSync(join(directory, 'lock.db'))
    lock.exec('BEGIN EXCLUSIVE')
  } catch (cause) {
    lock?.close()
    throw fault('storage-unusable', reason(directory, cause), cause)
  }
  const held = lock
  return () => held.close()
}

const reason = (directory: string, cause: unknown): string => {
  if (cause instanceof Error && 'errcode' in cause && cause.errcode === busy)
    return `${directory} is in use by another Benchplane process: stop that one, or give this one its own directory`
  return `cannot write in ${directory}: ${cause instanceof Error ? cause.message : String(cause)}`
}
