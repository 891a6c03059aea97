import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import type { Payloads } from '../eventbridge/publisher.ts'
import { conditional, uriOf } from './faults.ts'
import { prefixes } from './keys.ts'

export interface PayloadsOptions {
  client: Pick<S3Client, 'send'>
  bucket: string
}

/** What is too large for the bus, under `.payloads/{stream}/{version}.json`: written once, since an event never changes. */
export const openPayloads = ({ client, bucket }: PayloadsOptions) =>
  ({
    put: async (key, json) => {
      const Key = prefixes.payloads + key
      const uri = uriOf(bucket, Key)
      const object = { Bucket: bucket, Key, Body: json, ContentType: 'application/json', IfNoneMatch: '*' }
      await conditional(uri, () => client.send(new PutObjectCommand(object)))
      return uri
    },
  }) satisfies Payloads
