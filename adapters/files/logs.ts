import { mkdir, open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type LogAppended, type LogKey, type LogStore, logBytesMax } from '../../domain/ports.ts'
import { isMissing, named } from './faults.ts'

export interface LogsOptions {
  /** The data directory; logs lie in `logs/{tenant}/{executionId}/{taskName}/{attempt}.log` below. */
  directory: string
}

/**
 * Logs as plain files, which any tool can read. Appends to one log go one after the other; they are not synced to disk
 * one by one: a log is no history, and its worker sends again what a crash has taken. Names come validated: they hold
 * no separator and begin with a letter or a digit. Throws the faults `storage-full` and `storage-unusable`.
 */
export const openLogs = ({ directory }: LogsOptions) => {
  const turns = new Map<string, Promise<unknown>>()
  const followers = new Map<string, Set<() => void>>()

  /** After whoever is at it now; the last one leaves no trace. */
  const inTurn = async <Value>(name: string, work: () => Promise<Value>): Promise<Value> => {
    const before = turns.get(name)
    const mine = (before ?? Promise.resolve()).then(work, work)
    turns.set(name, mine)
    try {
      return await mine
    } finally {
      if (turns.get(name) === mine) turns.delete(name)
    }
  }

  return {
    append: async (key, offset, bytes) => {
      const name = nameOf(key)
      const path = join(directory, name)
      const { appended, hasGrown } = await inTurn(name, () => named(path, append(path, offset, bytes)))
      if (hasGrown) for (const onGrown of followers.get(name) ?? []) onGrown()
      return appended
    },
    read: (key, offset, limit) => {
      const path = join(directory, nameOf(key))
      return named(path, read(path, offset, limit))
    },
    follow: (key, onGrown) => {
      const name = nameOf(key)
      followers.set(name, (followers.get(name) ?? new Set()).add(onGrown))
      return () => {
        followers.get(name)?.delete(onGrown)
        if (followers.get(name)?.size === 0) followers.delete(name)
      }
    },
  } satisfies LogStore
}

const nameOf = ({ tenant, executionId, taskName, attempt }: LogKey): string =>
  join('logs', tenant, executionId, taskName, `${attempt}.log`)

const append = async (
  path: string,
  offset: number,
  bytes: Uint8Array,
): Promise<{ appended: LogAppended; hasGrown: boolean }> => {
  const file = await openForAppending(path)
  try {
    const { size } = await file.stat()
    if (offset > size) return { appended: { kind: 'gap', expected: size }, hasGrown: false }
    const news = bytes.subarray(size - offset)
    if (size + news.length > logBytesMax) return { appended: { kind: 'full', size }, hasGrown: false }
    if (news.length > 0) await file.appendFile(news)
    return { appended: { kind: 'appended', size: size + news.length }, hasGrown: news.length > 0 }
  } finally {
    await file.close()
  }
}

const openForAppending = async (path: string) => {
  try {
    return await open(path, 'a')
  } catch (error) {
    if (!isMissing(error)) throw error
    await mkdir(dirname(path), { recursive: true })
    return open(path, 'a')
  }
}

const read = async (path: string, offset: number, limit: number): Promise<Uint8Array> => {
  try {
    const file = await open(path, 'r')
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(limit), 0, limit, offset)
      return buffer.subarray(0, bytesRead)
    } finally {
      await file.close()
    }
  } catch (error) {
    if (isMissing(error)) return Buffer.alloc(0)
    throw error
  }
}
