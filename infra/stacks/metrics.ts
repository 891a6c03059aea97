import { Duration } from 'aws-cdk-lib'
import { type IMetric, MathExpression, Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch'
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import { type TableKey, tableName } from '../../adapters/dynamodb/layout.ts'
import type { Counters } from '../counters.ts'
import { metricNamespace } from '../functions/metricNames.ts'
import type { FunctionName } from './bundle.ts'
import type { Options } from './options.ts'

/** What is added up, or looked at, at a time. */
export const period = Duration.minutes(5)

/** What functions count of themselves, all of them together. */
export const counted = (
  counter: keyof Counters,
  services: readonly FunctionName[],
  { prefix }: Pick<Options, 'prefix'>,
): IMetric =>
  sumOf(
    counter,
    services.map((service) => ({
      namespace: metricNamespace,
      metricName: counter,
      dimensionsMap: { service: `${prefix}${service}` },
    })),
  )

/** One that was never told of counts as nothing. Ids are told apart within a graph, and so have the label in them. */
const sumOf = (
  label: string,
  metrics: readonly { namespace: string; metricName: string; dimensionsMap: Record<string, string> }[],
): IMetric => {
  const named = metrics.map((each, index) => [
    `${label}${index}`,
    new Metric({ ...each, statistic: Stats.SUM, period }),
  ])
  const usingMetrics = Object.fromEntries(named) as Record<string, Metric>
  const expression = Object.keys(usingMetrics)
    .map((id) => `FILL(${id}, 0)`)
    .join(' + ')
  return new MathExpression({ label, expression, usingMetrics, period })
}

/** How old the records are that a consumer of the stream is at. */
export const iteratorAgeMs = (consumer: LambdaFunction): IMetric =>
  consumer.metric('IteratorAge', { statistic: Stats.MAXIMUM, period: Duration.minutes(1) })

/** Reads and writes that the engine did not take. */
export const tableThrottles = (key: TableKey, { prefix }: Options): IMetric =>
  sumOf(
    `${key}Throttles`,
    ['ReadThrottleEvents', 'WriteThrottleEvents'].map((metricName) => ({
      namespace: 'AWS/DynamoDB',
      metricName,
      dimensionsMap: { TableName: tableName(key, prefix) },
    })),
  )

/** Runs of the clock machine that ended otherwise than by themselves. */
export const failedClocks = (StateMachineArn: string): IMetric =>
  sumOf(
    'failedClocks',
    ['ExecutionsFailed', 'ExecutionsTimedOut', 'ExecutionsAborted', 'ExecutionThrottled'].map((metricName) => ({
      namespace: 'AWS/States',
      metricName,
      dimensionsMap: { StateMachineArn },
    })),
  )

/** How old the oldest event is that the archive has not got. */
export const archiveAgeSeconds = (DeliveryStreamName: string): IMetric =>
  new Metric({
    namespace: 'AWS/Firehose',
    metricName: 'DeliveryToS3.DataFreshness',
    dimensionsMap: { DeliveryStreamName },
    statistic: Stats.MAXIMUM,
    period,
  })
