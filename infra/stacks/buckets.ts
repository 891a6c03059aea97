import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib'
import { type IGrantable, PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { BlockPublicAccess, Bucket, BucketEncryption, type BucketProps, ObjectOwnership } from 'aws-cdk-lib/aws-s3'
import { prefixes } from '../../adapters/s3/keys.ts'
import { allow, roleOf } from './access.ts'
import { acknowledge, acknowledgeObjects } from './reasons.ts'

/** Of every bucket here: private, by TLS only, and kept when its stack goes. */
export const kept = {
  blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
  encryption: BucketEncryption.S3_MANAGED,
  objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
  enforceSSL: true,
  minimumTLSVersion: 1.2,
  removalPolicy: RemovalPolicy.RETAIN,
} satisfies BucketProps

/** What an upload that nobody finished has left. */
const uploadDays = 7

export const unfinished = { id: 'unfinished', abortIncompleteMultipartUploadAfter: Duration.days(uploadDays) }

/** Buckets and load balancers. */
const writers = ['logging.s3.amazonaws.com', 'logdelivery.elasticloadbalancing.amazonaws.com']

export const accessLogsBucket = (stack: Stack): Bucket => {
  const bucket = new Bucket(stack, 'accessLogs', {
    ...kept,
    lifecycleRules: [unfinished, { id: 'old', expiration: Duration.days(90) }],
  })
  bucket.addToResourcePolicy(
    new PolicyStatement({
      principals: writers.map((name) => new ServicePrincipal(name)),
      actions: ['s3:PutObject'],
      resources: [bucket.arnForObjects('*')],
      conditions: { StringEquals: { 'aws:SourceAccount': stack.account } },
    }),
  )
  return bucket
}

/** Who asks a bucket for what is written down; whatever stack it is in, the bucket of the logs is not told of it. */
export const loggedTo = (stack: Stack, accessLogs: Bucket, name: string) => ({
  serverAccessLogsBucket: Bucket.fromBucketArn(stack, `${name}Logs`, accessLogs.bucketArn),
  serverAccessLogsPrefix: `${name}/`,
})

/** Logs and artifacts lie under their content's hash or offset and are never rewritten: they need no versions. */
export const blobsBucket = (stack: Stack, accessLogs: Bucket): Bucket => {
  const bucket = new Bucket(stack, 'blobs', {
    ...kept,
    ...loggedTo(stack, accessLogs, 'blobs'),
    lifecycleRules: [unfinished, { id: 'incoming', prefix: prefixes.incoming, expiration: Duration.days(uploadDays) }],
  })
  acknowledge(bucket, 'loggedElsewhere')
  return bucket
}

/** Of the objects of a bucket of this stack or another, below a prefix: which there are is what the role finds out. */
export const allowObjects = (to: IGrantable, bucket: Bucket, actions: readonly string[], below = ''): void => {
  const role = roleOf(to)
  const [owner, user] = [Stack.of(bucket), Stack.of(role)]
  const bucketArn = owner === user ? bucket.bucketArn : owner.exportValue(bucket.bucketArn)
  allow(to, actions, [`${bucketArn}/${below}*`])
  acknowledgeObjects(role, [bucketArn], below)
}

/** Logs and artifacts are read, written, put together and listed; nobody who serves the API does more. */
export const allowBlobs = (to: IGrantable, blobs: Bucket): void => {
  allowObjects(
    to,
    blobs,
    ['GetObject', 'PutObject', 'DeleteObject', 'AbortMultipartUpload'].map((name) => `s3:${name}`),
  )
  allow(to, ['s3:ListBucket'], [blobs.bucketArn])
}
