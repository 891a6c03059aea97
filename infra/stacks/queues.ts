import { Duration, Stack } from 'aws-cdk-lib'
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs'
import { queueMapping } from '../../adapters/dynamodb/mappings.ts'
import { named, type Options } from './options.ts'
import { acknowledge } from './reasons.ts'

const encrypted = { encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true }

/** What could not be done, kept for as long as a queue keeps anything: an alarm goes off when there is some. */
export const deadLetterQueue = (stack: Stack, name: string, options: Options): Queue => {
  const queue = new Queue(stack, name, {
    ...encrypted,
    queueName: named(options, name),
    retentionPeriod: Duration.days(14),
  })
  acknowledge(queue, 'deadLetters')
  return queue
}

/** What `react` takes messages from. */
export const reactionQueue = (stack: Stack, options: Options, deadLetters: Queue): Queue =>
  new Queue(stack, 'reactions', {
    ...encrypted,
    queueName: named(options, 'reactions'),
    visibilityTimeout: Duration.seconds(queueMapping.visibilityTimeoutSeconds),
    retentionPeriod: Duration.days(4),
    deadLetterQueue: { queue: deadLetters, maxReceiveCount: queueMapping.receiveCountMax },
  })

/** Rules of any stack of this account put aside there what their targets did not take. */
export const takesFromRules = (queue: Queue): void => {
  queue.addToResourcePolicy(
    new PolicyStatement({
      principals: [new ServicePrincipal('events.amazonaws.com')],
      actions: ['sqs:SendMessage'],
      resources: [queue.queueArn],
      conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(queue).account } },
    }),
  )
}
