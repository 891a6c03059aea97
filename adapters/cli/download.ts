import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import type { DownloadInput } from '../client/artifacts.ts'
import { isUnreachable } from '../client/problem.ts'
import { type Context, valueOf } from './context.ts'
import { exit, exits } from './exits.ts'

/** What is to be fetched, as history has it. */
export interface Wanted {
  params: DownloadInput['params']
  bytes: number
  sha256: string
}

export interface Fetched {
  /** From where on, when some of it was there. */
  resumedAt?: number
  /** All of it was there, under its name. */
  isThere: boolean
}

/**
 * Fetches into `{file}.part`, and gives it its name when its SHA-256 is right. What is in the part already is not fetched
 * again, be it from a connection that broke or from a run that did. A file of that name is left alone.
 */
export const fetchInto = async (
  context: Context,
  wanted: Wanted,
  file: string,
  onProgress: (bytes: number) => void,
): Promise<Fetched> => {
  const there = await hashOf(file)
  if (there?.hash.digest('hex') === wanted.sha256) return { isThere: true }
  if (there !== undefined) throw exit(exits.usage, `${file} is there: choose another name with -o`)
  const part = `${file}.part`
  const first = await fetchPart(context, wanted, part, onProgress)
  const resumed = first.resumedAt === 0 ? {} : { resumedAt: first.resumedAt }
  if (first.sha256 === wanted.sha256) {
    await rename(part, file)
    return { ...resumed, isThere: false }
  }
  await rm(part, { force: true })
  // What was there was of something else.
  const second = first.resumedAt === 0 ? first : await fetchPart(context, wanted, part, onProgress)
  if (second.sha256 !== wanted.sha256) {
    await rm(part, { force: true })
    throw exit(exits.failed, `what came of ${wanted.params.path} has another SHA-256: try again`)
  }
  await rename(part, file)
  return { isThere: false }
}

interface Part {
  sha256: string
  resumedAt: number
}

const fetchPart = async (
  context: Context,
  wanted: Wanted,
  path: string,
  onProgress: (bytes: number) => void,
): Promise<Part> => {
  const before = await hashOf(path)
  const isUsable = before !== undefined && before.bytes <= wanted.bytes
  if (before !== undefined && !isUsable) await rm(path)
  const state = isUsable ? before : { bytes: 0, hash: createHash('sha256') }
  const resumedAt = state.bytes
  const file = await openPart(path)
  try {
    onProgress(state.bytes)
    while (state.bytes < wanted.bytes) await transfer(context, wanted, file, state, onProgress)
    await file.sync()
  } finally {
    await file.close()
  }
  return { sha256: state.hash.digest('hex'), resumedAt }
}

const openPart = async (path: string): Promise<FileHandle> => {
  try {
    return await open(path, 'a')
  } catch (error) {
    throw exit(exits.usage, (error as Error).message)
  }
}

/** Goes on where the file ends; a connection that broke after it brought something is no failure. */
const transfer = async (
  context: Context,
  { params, sha256 }: Wanted,
  file: FileHandle,
  state: { bytes: number; hash: Hash },
  onProgress: (bytes: number) => void,
): Promise<void> => {
  const startedAt = state.bytes
  const from = { offset: startedAt, sha256 }
  const { offset, pieces } = valueOf(context, await context.client.downloadArtifact({ params, from }))
  if (offset !== startedAt) {
    await pieces.return()
    throw exit(exits.failed, 'the server has other bytes under this address than history says')
  }
  try {
    for await (const piece of pieces) {
      await file.appendFile(piece)
      state.hash.update(piece)
      state.bytes += piece.length
      onProgress(state.bytes)
    }
  } catch (error) {
    if (!isUnreachable(error) || state.bytes === startedAt) throw error
    return
  }
  if (state.bytes === startedAt) throw exit(exits.failed, `${params.path} ends before its end`)
}

/** Of a file as far as it is there; undefined when it is not. */
const hashOf = async (path: string): Promise<{ bytes: number; hash: Hash } | undefined> => {
  const hash = createHash('sha256')
  let bytes = 0
  try {
    for await (const piece of createReadStream(path)) {
      hash.update(piece as Buffer)
      bytes += (piece as Buffer).length
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw exit(exits.usage, (error as Error).message)
  }
  return { bytes, hash }
}
