/**
 * A log in the bucket: chunks, each under the offset of its first byte, one after the other. Only the last one grows, and it
 * does so by being written anew, on condition that it is still the one that was read: of two that write at once, one wins
 * and the other looks again. Once it is large enough it stays as it is, and the next begins.
 */
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3'
import { fault } from '../../domain/faults.ts'
import { conditional, named, uriOf } from './faults.ts'
import { offsetName, offsetOf } from './keys.ts'
import type { Bucket } from './objects.ts'

export interface Chunk {
  /** Of its first byte. */
  offset: number
  bytes: number
  etag: string
}

/** In their order, without a hole. */
export type Chunks = readonly Chunk[]

export const endOf = (chunks: Chunks): number => {
  const last = chunks.at(-1)
  return last === undefined ? 0 : last.offset + last.bytes
}

/** Strongly consistent: every append that was acknowledged before is in it. */
export const listChunks = async ({ client, bucket }: Bucket, prefix: string): Promise<Chunks> => {
  const chunks: Chunk[] = []
  let token: string | undefined
  do {
    const asked = { Bucket: bucket, Prefix: prefix, ...(token === undefined ? {} : { ContinuationToken: token }) }
    const page = await named(uriOf(bucket, prefix), client.send(new ListObjectsV2Command(asked)))
    for (const { Key = '', Size = 0, ETag = '' } of page.Contents ?? []) {
      const offset = offsetOf(Key)
      if (offset !== endOf(chunks))
        throw fault('storage-unusable', `${uriOf(bucket, Key)}: what comes before it is gone`)
      chunks.push({ offset, bytes: Size, etag: ETag })
    }
    token = page.NextContinuationToken
  } while (token !== undefined)
  return chunks
}

/** Bytes of one chunk, `from` and `to` inclusive. It may have grown since it was listed: these are the same. */
export const readChunk = async (
  { client, bucket }: Bucket,
  prefix: string,
  { offset }: Chunk,
  { from, to }: { from: number; to: number },
): Promise<Uint8Array> => {
  const key = prefix + offsetName(offset)
  const getting = { Bucket: bucket, Key: key, Range: `bytes=${from - offset}-${to - offset}` }
  const got = async (): Promise<Uint8Array | undefined> =>
    (await client.send(new GetObjectCommand(getting))).Body?.transformToByteArray()
  const bytes = await named(uriOf(bucket, key), got())
  if (bytes?.length === to + 1 - from) return bytes
  throw fault('storage-unusable', `${uriOf(bucket, key)}: it became shorter`)
}

/** Writes a chunk: over the one that was read, or where none is. 'taken': somebody else was faster. */
export const writeChunk = async (
  { client, bucket }: Bucket,
  prefix: string,
  { offset, before, body }: { offset: number; before?: string | undefined; body: Uint8Array },
): Promise<Chunk | 'taken'> => {
  const key = prefix + offsetName(offset)
  const condition = before === undefined ? { IfNoneMatch: '*' } : { IfMatch: before }
  const object = { Bucket: bucket, Key: key, Body: body, ContentType: 'text/plain; charset=utf-8', ...condition }
  const written = await conditional(uriOf(bucket, key), () => client.send(new PutObjectCommand(object)))
  return written === 'taken' ? written : { offset, bytes: body.length, etag: written.ETag ?? '' }
}
