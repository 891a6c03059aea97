import type { S3Client } from '@aws-sdk/client-s3'

/** A bucket and who speaks to it. */
export interface Bucket {
  client: S3Client
  bucket: string
}
