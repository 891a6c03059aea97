import { Duration, Stack } from 'aws-cdk-lib'
import type { Table } from 'aws-cdk-lib/aws-dynamodb'
import { EventSourceMapping, type Function as LambdaFunction, StartingPosition } from 'aws-cdk-lib/aws-lambda'
import { SqsDlq } from 'aws-cdk-lib/aws-lambda-event-sources'
import type { Queue } from 'aws-cdk-lib/aws-sqs'
import { mappings, queueMapping } from '../../adapters/dynamodb/mappings.ts'
import type { StreamConsumer } from '../../projections/letters.ts'
import { allow, roleOf } from './access.ts'
import { acknowledge } from './reasons.ts'

/** A consumer of a table's stream, fed as `adapters/dynamodb/mappings.ts` says; batches that are given up go to a queue. */
export const feedFromStream = (
  consumer: StreamConsumer,
  { function: target, table, letters }: { function: LambdaFunction; table: Table; letters: Queue },
): void => {
  const eventSourceArn = table.tableStreamArn ?? ''
  const settings = mappings[consumer]
  const reading = ['DescribeStream', 'GetRecords', 'GetShardIterator'].map((action) => `dynamodb:${action}`)
  allow(target, reading, [eventSourceArn])
  // Knows no resources.
  allow(target, ['dynamodb:ListStreams'], ['*'])
  acknowledge(roleOf(target), 'listStreams')
  const mapping = new EventSourceMapping(Stack.of(target), `${consumer}Mapping`, {
    target,
    eventSourceArn,
    startingPosition: StartingPosition[settings.startingPosition],
    batchSize: settings.batchSize,
    maxBatchingWindow: Duration.seconds(settings.batchingWindowSeconds),
    parallelizationFactor: settings.parallelizationFactor,
    reportBatchItemFailures: settings.reportBatchItemFailures,
    bisectBatchOnError: settings.bisectBatchOnFunctionError,
    retryAttempts: settings.retryAttemptCountMax,
    maxRecordAge: Duration.seconds(settings.recordAgeSecondsMax),
    onFailure: new SqsDlq(letters),
  })
  readsBefore(target, mapping)
}

export const feedFromQueue = (target: LambdaFunction, queue: Queue): void => {
  const { batchSize, reportBatchItemFailures } = queueMapping
  queue.grantConsumeMessages(target)
  const mapping = new EventSourceMapping(Stack.of(target), `${target.node.id}Mapping`, {
    target,
    eventSourceArn: queue.queueArn,
    batchSize,
    reportBatchItemFailures,
  })
  readsBefore(target, mapping)
}

/** The service tries the role's permissions when a mapping is made. */
const readsBefore = ({ role }: LambdaFunction, mapping: EventSourceMapping): void => {
  if (role !== undefined) mapping.node.addDependency(role)
}
