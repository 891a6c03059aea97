import { type App, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib'
import { Rule } from 'aws-cdk-lib/aws-events'
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { CfnDeliveryStream } from 'aws-cdk-lib/aws-kinesisfirehose'
import { LogGroup, LogStream, RetentionDays } from 'aws-cdk-lib/aws-logs'
import { Bucket, type IBucket, ObjectLockRetention, StorageClass } from 'aws-cdk-lib/aws-s3'
import { allow } from './access.ts'
import { allowObjects, kept, loggedTo, unfinished } from './buckets.ts'
import type { Data } from './data.ts'
import { named, type Options } from './options.ts'
import { ownSource, type Pipeline } from './pipeline.ts'
import { acknowledge, acknowledgeObjects } from './reasons.ts'

export interface Archive {
  stack: Stack
  delivery: CfnDeliveryStream
}

/** Long enough to notice that it is not copied, and to mend that. */
const landingDays = 30
const glacierAfterDays = 90

/**
 * All that was on the bus, where nobody can delete it for a time. Firehose writes to a bucket where it lands, and S3 copies
 * it from there to the locked one: a bucket that locks what comes refuses writes without a checksum, and Firehose does not
 * promise one. Replicas without a lock of their own get the bucket's.
 */
export const archiveStack = (
  app: App,
  options: Options,
  { data, pipeline }: { data: Data; pipeline: Pipeline },
): Archive => {
  const stack = new Stack(app, named(options, 'archive'), { terminationProtection: true })
  const landing = buckets(stack, options, data)
  const delivery = deliveryTo(stack, landing)
  const role = new Role(stack, 'ruleRole', { assumedBy: new ServicePrincipal('events.amazonaws.com') })
  allow(role, ['firehose:PutRecord', 'firehose:PutRecordBatch'], [delivery.attrArn])
  new Rule(stack, 'everything', {
    ruleName: named(options, 'archived'),
    eventBus: pipeline.bus,
    eventPattern: { source: ownSource },
    targets: [
      {
        bind: () => ({
          arn: delivery.attrArn,
          role,
          deadLetterConfig: { arn: pipeline.deadLetters.ruleLetters.queueArn },
        }),
      },
    ],
  })
  return { stack, delivery }
}

/** Answers where events land. */
const buckets = (stack: Stack, { archiveDays, archiveMode }: Options, { accessLogs }: Data): Bucket => {
  const retention = Duration.days(archiveDays)
  const locked = new Bucket(stack, 'archive', {
    ...kept,
    ...loggedTo(stack, accessLogs, 'archive'),
    versioned: true,
    objectLockEnabled: true,
    objectLockDefaultRetention:
      archiveMode === 'COMPLIANCE'
        ? ObjectLockRetention.compliance(retention)
        : ObjectLockRetention.governance(retention),
    lifecycleRules: [
      unfinished,
      {
        id: 'glacier',
        transitions: [{ storageClass: StorageClass.GLACIER, transitionAfter: Duration.days(glacierAfterDays) }],
      },
    ],
  })
  acknowledge(locked, 'loggedElsewhere')
  const landing = new Bucket(stack, 'landing', {
    ...kept,
    ...loggedTo(stack, accessLogs, 'landing'),
    versioned: true,
    replicationRules: [{ destination: locked as IBucket, deleteMarkerReplication: false }],
    lifecycleRules: [
      unfinished,
      { id: 'landed', expiration: Duration.days(landingDays), noncurrentVersionExpiration: Duration.days(1) },
    ],
  })
  acknowledge(landing, 'loggedElsewhere')
  acknowledgeObjects(landing, [landing.bucketArn, locked.bucketArn])
  return landing
}

const bufferedSeconds = 300
const bufferedMb = 64

/** One line of JSON an event, as CloudEvents in EventBridge's envelope, by day. */
const deliveryTo = (stack: Stack, landing: Bucket): CfnDeliveryStream => {
  const role = new Role(stack, 'deliveryRole', { assumedBy: new ServicePrincipal('firehose.amazonaws.com') })
  allow(role, ['s3:GetBucketLocation', 's3:ListBucket', 's3:ListBucketMultipartUploads'], [landing.bucketArn])
  allowObjects(role, landing, ['s3:PutObject', 's3:GetObject', 's3:AbortMultipartUpload'])
  const logGroup = new LogGroup(stack, 'deliveryLog', {
    retention: RetentionDays.THREE_MONTHS,
    removalPolicy: RemovalPolicy.DESTROY,
  })
  const logStream = new LogStream(stack, 'deliveryFailures', { logGroup, removalPolicy: RemovalPolicy.DESTROY })
  allow(role, ['logs:PutLogEvents'], [logGroup.logGroupArn])
  const delivery = new CfnDeliveryStream(stack, 'delivery', {
    deliveryStreamType: 'DirectPut',
    deliveryStreamEncryptionConfigurationInput: { keyType: 'AWS_OWNED_CMK' },
    extendedS3DestinationConfiguration: {
      bucketArn: landing.bucketArn,
      roleArn: role.roleArn,
      prefix: 'events/!{timestamp:yyyy/MM/dd}/',
      errorOutputPrefix: 'failed/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd}/',
      compressionFormat: 'GZIP',
      bufferingHints: { intervalInSeconds: bufferedSeconds, sizeInMBs: bufferedMb },
      processingConfiguration: { enabled: true, processors: [lines] },
      cloudWatchLoggingOptions: {
        enabled: true,
        logGroupName: logGroup.logGroupName,
        logStreamName: logStream.logStreamName,
      },
    },
  })
  delivery.node.addDependency(role)
  return delivery
}

const lines = {
  type: 'AppendDelimiterToRecord',
  parameters: [{ parameterName: 'Delimiter', parameterValue: String.raw`\n` }],
}
