import { Duration, type Stack } from 'aws-cdk-lib'
import { type Alarm, AlarmStatusWidget, Dashboard, GraphWidget, type IMetric } from 'aws-cdk-lib/aws-cloudwatch'
import { layout, type TableKey } from '../../adapters/dynamodb/layout.ts'
import { functionNames } from './bundle.ts'
import { counted, failedClocks, iteratorAgeMs, tableThrottles } from './metrics.ts'
import { named, type Options } from './options.ts'
import type { Watched } from './watched.ts'

const width = 8

const graph = (title: string, left: readonly IMetric[]): GraphWidget =>
  new GraphWidget({ title, left: [...left], width })

/** How it goes, on one page: what is wrong first, then a command's way from the API to the bus. */
export const openDashboard = (stack: Stack, options: Options, watched: Watched, alarms: readonly Alarm[]): void => {
  const dashboard = new Dashboard(stack, 'dashboard', {
    dashboardName: named(options, 'house'),
    defaultInterval: Duration.hours(3),
  })
  dashboard.addWidgets(new AlarmStatusWidget({ title: 'Alarms', alarms: [...alarms], width: 3 * width, height: 4 }))
  for (const row of [ofApi, ofConsumers, ofFunctions, ofTables]) dashboard.addWidgets(...row(options, watched))
}

type Row = (options: Options, watched: Watched) => GraphWidget[]

const ofApi: Row = (options, { api: { gateway } }) => [
  graph('Requests', [gateway.metricCount(), gateway.metricClientError(), gateway.metricServerError()]),
  graph(
    'Latency of the API',
    ['p50', 'p99'].map((statistic) => gateway.metricLatency({ statistic })),
  ),
  graph('Commits and lost races', [
    counted('appendedCommits', functionNames, options),
    counted('conflicts', functionNames, options),
  ]),
]

const ofConsumers: Row = (options, { pipeline: { functions, deadLetters } }) => [
  graph('Behind the history, ms', [functions.project, functions.publish].map(iteratorAgeMs)),
  graph('Rows written, events published', [
    counted('writtenRows', ['project'], options),
    counted('publishedEvents', ['publish'], options),
  ]),
  graph(
    'Dead letters',
    Object.values(deadLetters).map((queue) => queue.metricApproximateNumberOfMessagesVisible()),
  ),
]

const ofFunctions: Row = (options, { pipeline, api }) => {
  const functions = [...Object.values(pipeline.functions), api.function]
  return [
    graph(
      'Function errors',
      functions.map((each) => each.metricErrors()),
    ),
    graph(
      'Function durations, p99',
      functions.map((each) => each.metricDuration({ statistic: 'p99' })),
    ),
    graph('Failed clocks, lost workers', [
      failedClocks(pipeline.clock.ref),
      counted('expirations', ['sweep'], options),
    ]),
  ]
}

const ofTables: Row = (options, { data }) => {
  const tables = Object.keys(layout.tables) as TableKey[]
  return [
    graph(
      'Units written',
      tables.map((key) => data.tables[key].metricConsumedWriteCapacityUnits()),
    ),
    graph(
      'Units read',
      tables.map((key) => data.tables[key].metricConsumedReadCapacityUnits()),
    ),
    graph(
      'Throttled',
      tables.map((key) => tableThrottles(key, options)),
    ),
  ]
}
