import type { LogStore } from '../../domain/ports.ts'
import { logPrefix } from './keys.ts'
import { type AppendOptions, openAppends } from './logAppends.ts'
import { type Chunk, type Chunks, endOf, listChunks, readChunk } from './logChunks.ts'
import { openFollowers } from './logFollowers.ts'
import type { Bucket } from './objects.ts'

export interface LogsOptions extends AppendOptions {
  /** How often a log is looked at for what came through others while somebody follows it. Default 1 000. */
  pollMs?: number
}

/**
 * Logs as objects, `{tenant}/{executionId}/logs/{taskName}/{attempt}/{offset}`: durable when an append resolves, and the same
 * for all processes. An append is one conditional request, and a look at the log before it when this process has not written
 * it lately. The end of a log is only believed when it was just looked up.
 */
export const openLogs = (options: LogsOptions) => {
  const appends = openAppends(options)
  const sizeOf = async (prefix: string): Promise<number> => endOf(await listChunks(options, prefix))
  const followers = openFollowers(sizeOf, options.pollMs ?? 1_000)
  return {
    append: async (key, offset, bytes) => {
      const prefix = logPrefix(key)
      const { appended, hasGrown } = await appends.append(prefix, offset, bytes)
      if (hasGrown && appended.kind === 'appended') followers.tell(prefix, appended.size)
      return appended
    },
    read: async (key, offset, limit) => {
      const prefix = logPrefix(key)
      return read(options, prefix, { offset, limit }, appends.known(prefix))
    },
    follow: (key, onGrown) => followers.follow(logPrefix(key), onGrown),
  } satisfies LogStore
}

interface Wanted {
  offset: number
  limit: number
}

/** `known`: what may have grown; its end is looked up before it is believed. */
const read = async (bucket: Bucket, prefix: string, { offset, limit }: Wanted, known: Chunks | undefined) => {
  const pieces: Uint8Array[] = []
  let chunks = known ?? []
  let hasLooked = false
  for (let at = offset; at < offset + limit; ) {
    const chunk = chunkAt(chunks, at)
    if (chunk !== undefined) {
      const piece = await readChunk(bucket, prefix, chunk, {
        from: at,
        to: Math.min(offset + limit, endOf([chunk])) - 1,
      })
      pieces.push(piece)
      at += piece.length
    } else if (hasLooked) break
    else [chunks, hasLooked] = [await listChunks(bucket, prefix), true]
  }
  return Buffer.concat(pieces)
}

const chunkAt = (chunks: Chunks, at: number): Chunk | undefined => {
  const chunk = chunks.findLast(({ offset }) => offset <= at)
  return chunk !== undefined && at < endOf([chunk]) ? chunk : undefined
}
