import { S3Client } from '@aws-sdk/client-s3'
import { type ConnectOptions, connectionOf } from '../awsConnection.ts'

export interface S3ConnectOptions extends ConnectOptions {
  /** Whether the bucket stands in the path, as services other than AWS's own mostly want it, not in the host. Default: it does not. */
  isPathStyle?: boolean
}

/** A part of a large upload, or a copy, takes its time. */
const patient = { requestTimeoutMs: 15_000 }
/** Each download that goes through this process holds one. */
const socketCountMax = 384

/** For all stores of a process; a request times out after 15 000 ms unless `options` say otherwise. Close it with `destroy()`. */
export const connect = ({ isPathStyle = false, ...options }: S3ConnectOptions = {}): S3Client =>
  new S3Client({ ...connectionOf({ ...patient, ...options }, socketCountMax), forcePathStyle: isPathStyle })
