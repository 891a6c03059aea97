import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3'
import { conditional, named, uriOf } from './faults.ts'
import type { Bucket } from './objects.ts'

/** S3 takes so many parts of one upload, each but the last of 5 MiB or more. */
export const partCountMax = 10_000

/** An upload in several requests: nothing of it is anywhere to be read before it is completed. Parts count from 1. */
export interface Multipart {
  key: string
  /** Resolves when the service has the part. */
  send(partNumber: number, body: Uint8Array): Promise<void>
  /** The same with bytes of another object, `from` to `to` inclusive. */
  copy(partNumber: number, source: string, range: { from: number; to: number }): Promise<void>
  complete(): Promise<void>
  /** Unless there is something under that key already: then nothing of this is left. */
  completeOnce(): Promise<void>
  abort(): Promise<void>
}

export const beginMultipart = async ({ client, bucket }: Bucket, key: string): Promise<Multipart> => {
  const uri = uriOf(bucket, key)
  const place = { Bucket: bucket, Key: key }
  const { UploadId } = await named(uri, client.send(new CreateMultipartUploadCommand(place)))
  const at = { ...place, UploadId }
  const etags: (string | undefined)[] = []
  const whole = () => ({ Parts: etags.map((ETag, index) => ({ ETag, PartNumber: index + 1 })) })
  const complete = (condition: { IfNoneMatch?: '*' }) =>
    conditional(uri, () =>
      client.send(new CompleteMultipartUploadCommand({ ...at, ...condition, MultipartUpload: whole() })),
    )
  const abort = async (): Promise<void> => {
    await named(uri, client.send(new AbortMultipartUploadCommand(at)))
  }
  return {
    key,
    send: async (PartNumber, Body) => {
      const { ETag } = await named(uri, client.send(new UploadPartCommand({ ...at, PartNumber, Body })))
      etags[PartNumber - 1] = ETag
    },
    copy: async (PartNumber, CopySource, { from, to }) => {
      const part = { ...at, PartNumber, CopySource, CopySourceRange: `bytes=${from}-${to}` }
      const { CopyPartResult } = await named(uri, client.send(new UploadPartCopyCommand(part)))
      etags[PartNumber - 1] = CopyPartResult?.ETag
    },
    complete: async () => {
      await complete({})
    },
    completeOnce: async () => {
      if ((await complete({ IfNoneMatch: '*' })) === 'taken') await abort()
    },
    abort,
  }
}
