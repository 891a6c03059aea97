import { CreateBucketCommand, ListMultipartUploadsCommand, ListObjectsV2Command } from '@aws-sdk/client-s3'
import { afterAll, afterEach, beforeAll } from 'vitest'
import { connect, type S3ConnectOptions } from '../../adapters/s3/client.ts'
import { motoServer } from './moto.ts'
import { openS3Proxy, type S3Proxy } from './s3Proxy.ts'

let made = 0

/** Buckets of moto's S3 behind a proxy that plays what moto lacks; what a test has it do wrong ends with the test. */
export const motoBuckets = () => {
  const moto = motoServer()
  let proxy: S3Proxy | undefined
  const standing = (): S3Proxy => {
    if (proxy === undefined) throw new Error('the proxy is opened before the first test, not earlier')
    return proxy
  }
  beforeAll(async () => {
    proxy = await openS3Proxy(moto.settings().endpoint)
  })
  afterEach(() => standing().follow(() => undefined))
  afterAll(() => proxy?.close())
  return {
    proxy: standing,
    /** A bucket of its own, a client for it, and what is in it. */
    fresh: async (more: S3ConnectOptions = {}) => {
      const settings = { ...moto.settings(), endpoint: standing().endpoint, isPathStyle: true }
      const client = moto.closing(connect({ ...settings, attemptCountMax: 1, ...more }))
      const bucket = `bucket-${++made}`
      const located = { LocationConstraint: 'eu-central-1' } as const
      await client.send(new CreateBucketCommand({ Bucket: bucket, CreateBucketConfiguration: located }))
      standing().follow(() => undefined)
      const keys = async (): Promise<string[]> => {
        const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket }))
        return Contents.map(({ Key = '' }) => Key)
      }
      const uploads = async (): Promise<string[]> => {
        const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }))
        return Uploads.map(({ Key = '' }) => Key)
      }
      return { client, bucket, keys, uploads }
    },
  }
}
