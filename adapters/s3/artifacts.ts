import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import type { ArtifactStore, ReceivedArtifact } from '../../domain/artifactStore.ts'
import { fault } from '../../domain/faults.ts'
import { conditional, isMissing, named, unusable, uriOf } from './faults.ts'
import { type Taken, taken } from './incoming.ts'
import { artifactKey } from './keys.ts'
import { beginMultipart, type Multipart, partCountMax } from './multipart.ts'
import type { Bucket } from './objects.ts'

export interface ArtifactsOptions extends Bucket {
  /** What an upload through this process has in memory, at least; S3's least is 5 MiB. Default 5 MiB. */
  partBytesMin?: number
  /** What is copied within the bucket by one request. Default 128 MiB. */
  copyBytesMax?: number
  /** How long a presigned address can be used. Default 900 000. */
  presignedMs?: number
}

const mebibyte = 1024 * 1024
/** S3's own limit of what one request brings. */
const putBytesMax = 5 * 1024 * mebibyte

/**
 * Artifacts as objects under their own SHA-256, `{tenant}/{executionId}/artifacts/{sha256}`, written once. What comes through
 * this process is kept from memory when it is small; what is large is uploaded in parts, under a name that nobody knows, and
 * copied when it is kept. Clients may bring and fetch the bytes themselves: S3 checks what is brought against the SHA-256
 * before it is there.
 */
export const openArtifacts = (options: ArtifactsOptions) => {
  const { client, bucket, presignedMs = 900_000, partBytesMin = 5 * mebibyte } = options
  const at = (Key: string) => ({ Bucket: bucket, Key })
  const expiring = { expiresIn: Math.floor(presignedMs / 1_000) }
  return {
    receive: async (place, source, bytesMax) => {
      // Names that are none are told before a byte is taken.
      const placeOf = (sha256: string): string => artifactKey({ ...place, sha256 })
      placeOf('0'.repeat(64))
      const all = await taken(options, source, { bytesMax, partBytesMin })
      return all === 'too-large' ? all : received(options, all, placeOf(all.sha256))
    },
    size: async (key) => {
      const Key = artifactKey(key)
      try {
        return (await client.send(new HeadObjectCommand(at(Key)))).ContentLength
      } catch (error) {
        if (isMissing(error)) return undefined
        throw unusable(uriOf(bucket, Key), error)
      }
    },
    read: (key, range) => read(options, artifactKey(key), range),
    urlOf: async (key, { fileName, contentType }) => {
      const shown = {
        ResponseContentDisposition: `attachment; filename="${fileName}"`,
        ResponseContentType: contentType,
        ResponseCacheControl: 'private, no-cache',
      }
      const Key = artifactKey(key)
      return named(uriOf(bucket, Key), getSignedUrl(client, new GetObjectCommand({ ...at(Key), ...shown }), expiring))
    },
    bringTo: async (key, bytes) => {
      if (bytes > putBytesMax) return undefined
      const Key = artifactKey(key)
      const headers = { 'x-amz-checksum-sha256': base64Of(key.sha256), 'if-none-match': '*' }
      const object = { ...at(Key), ContentLength: bytes, ChecksumSHA256: base64Of(key.sha256), IfNoneMatch: '*' }
      const signed = { ...expiring, unhoistableHeaders: new Set(Object.keys(headers)) }
      const url = await named(uriOf(bucket, Key), getSignedUrl(client, new PutObjectCommand(object), signed))
      return { url, headers }
    },
  } satisfies ArtifactStore
}

const base64Of = (hex: string): string => Buffer.from(hex, 'hex').toString('base64')

const received = (options: ArtifactsOptions, all: Taken, key: string): ReceivedArtifact => {
  const { bytes, sha256 } = all
  if (all.kind === 'small')
    return { bytes, sha256, keep: () => put(options, key, sha256, all.body), discard: async () => {} }
  return { bytes, sha256, keep: () => move(options, all.upload, key, bytes), discard: () => all.upload.abort() }
}

const put = async ({ client, bucket }: Bucket, Key: string, sha256: string, Body: Uint8Array): Promise<void> => {
  const object = { Bucket: bucket, Key, Body, ChecksumSHA256: base64Of(sha256), IfNoneMatch: '*' }
  await conditional(uriOf(bucket, Key), () => client.send(new PutObjectCommand(object)))
}

/** What was uploaded under another name; where the same bytes lie already, the copy is refused and nothing changes. */
const move = async (options: ArtifactsOptions, upload: Multipart, key: string, bytes: number): Promise<void> => {
  const { client, bucket, copyBytesMax = 128 * mebibyte } = options
  await upload.complete()
  const source = `${bucket}/${upload.key}`
  try {
    if (bytes > copyBytesMax) await copyInParts(options, source, key, bytes, Math.max(copyBytesMax, leastOf(bytes)))
    else {
      const copying = { Bucket: bucket, Key: key, CopySource: source, IfNoneMatch: '*' }
      await conditional(uriOf(bucket, key), () => client.send(new CopyObjectCommand(copying)))
    }
  } finally {
    // It is nobody's any more, and expires if it can't be removed now.
    await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: upload.key })).catch(() => undefined)
  }
}

const copiesAtOnce = 4
/** Of parts, so that they are not too many. */
const leastOf = (bytes: number): number => Math.ceil(bytes / partCountMax)

const copyInParts = async (bucket: Bucket, source: string, key: string, bytes: number, partBytes: number) => {
  const copy = await beginMultipart(bucket, key)
  const partCount = Math.ceil(bytes / partBytes)
  let next = 0
  const lane = async (): Promise<void> => {
    for (let index = next++; index < partCount; index = next++) {
      const from = index * partBytes
      await copy.copy(index + 1, source, { from, to: Math.min(from + partBytes, bytes) - 1 })
    }
  }
  try {
    await Promise.all(Array.from({ length: copiesAtOnce }, lane))
    await copy.completeOnce()
  } catch (error) {
    next = partCount
    await copy.abort().catch(() => undefined)
    throw error
  }
}

async function* read(
  { client, bucket }: Bucket,
  Key: string,
  { from, to }: { from: number; to: number },
): AsyncGenerator<Uint8Array> {
  const uri = uriOf(bucket, Key)
  const getting = new GetObjectCommand({ Bucket: bucket, Key, Range: `bytes=${from}-${to}` })
  const { Body, ContentLength } = await named(uri, client.send(getting))
  const pieces = Body as (AsyncIterable<Uint8Array> & { destroy(): void }) | undefined
  if (pieces === undefined || ContentLength !== to + 1 - from) {
    pieces?.destroy()
    throw fault('storage-unusable', `${uri}: ends before byte ${to}`)
  }
  try {
    yield* pieces
  } catch (cause) {
    throw unusable(uri, cause)
  }
}
