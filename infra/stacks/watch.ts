import { type App, Stack } from 'aws-cdk-lib'
import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch'
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions'
import { Topic } from 'aws-cdk-lib/aws-sns'
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions'
import { layout, type TableKey } from '../../adapters/dynamodb/layout.ts'
import { openDashboard } from './dashboard.ts'
import { archiveAgeSeconds, counted, failedClocks, iteratorAgeMs, period, tableThrottles } from './metrics.ts'
import { named, type Options } from './options.ts'
import type { Watched } from './watched.ts'

/** When somebody is to be told, and what has happened then. */
interface Watch {
  name: string
  metric: IMetric
  /** More than this; of what is to happen all the time, no more than this, or nothing at all. */
  threshold: number
  isExpected?: true
  /** For so many periods in a row. Default 1. */
  periodCount?: number
  description: string
}

/** Behind by more, readers notice. */
const iteratorAgeMsMax = 60_000
/** Lost races in one period: a stream that so many want at once is a hot spot. */
const conflictCountMax = 500
/** A message that failed comes again after six minutes: more than two failures in a row. */
const reactionAgeSecondsMax = 900
/** An event is archived after some minutes at most. */
const archiveAgeSecondsMax = 1_800

/** Who is told of what needs a person, and a page on which to see how it goes. */
export const watchStack = (app: App, options: Options, watched: Watched): Stack => {
  const stack = new Stack(app, named(options, 'watch'))
  const topic = new Topic(stack, 'alarms', { topicName: named(options, 'alarms'), enforceSSL: true })
  if (options.alarmEmail !== undefined) topic.addSubscription(new EmailSubscription(options.alarmEmail))
  const alarms = watchesOf(options, watched).map((watch) => {
    const alarm = alarmOf(stack, options, watch)
    alarm.addAlarmAction(new SnsAction(topic))
    return alarm
  })
  openDashboard(stack, options, watched, alarms)
  return stack
}

const alarmOf = (stack: Stack, options: Options, { name, periodCount = 1, description, ...watch }: Watch): Alarm => {
  const { metric, threshold, isExpected = false } = watch
  return new Alarm(stack, name, {
    alarmName: named(options, name),
    alarmDescription: description,
    metric,
    threshold,
    evaluationPeriods: periodCount,
    comparisonOperator: isExpected
      ? ComparisonOperator.LESS_THAN_OR_EQUAL_TO_THRESHOLD
      : ComparisonOperator.GREATER_THAN_THRESHOLD,
    treatMissingData: isExpected ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
  })
}

const watchesOf = (options: Options, watched: Watched): readonly Watch[] => [
  ...ofHistory(options, watched),
  ...ofConsumers(options, watched),
  ...ofSweep(options, watched),
  ...ofFunctions(watched),
  ...ofTables(options),
  ...ofRest(watched),
]

const ofHistory = (options: Options, _: Watched): readonly Watch[] => [
  {
    name: 'tampering',
    metric: counted('tamperedRecords', ['project', 'publish'], options),
    threshold: 0,
    description: 'A record of history was changed or removed, which nobody may do: verify the history',
  },
  {
    name: 'deadRecords',
    metric: counted('deadRecords', ['project', 'publish'], options),
    threshold: 0,
    description: 'A commit could not be folded or published, and was put aside: see the dead letters, redrive them',
  },
  {
    name: 'conflicts',
    metric: counted('conflicts', ['api', 'react', 'tick', 'sweep'], options),
    threshold: conflictCountMax,
    periodCount: 3,
    description: 'Many commands lose races for one stream: each costs a further write',
  },
]

const ofConsumers = (_: Options, { pipeline }: Watched): readonly Watch[] => [
  ...(['project', 'publish'] as const).map((name) => ({
    name: `${name}Age`,
    metric: iteratorAgeMs(pipeline.functions[name]),
    threshold: iteratorAgeMsMax,
    periodCount: 3,
    description: `${name} is behind the history: what it writes is old`,
  })),
  ...Object.entries(pipeline.deadLetters).map(([name, queue]) => ({
    name: `${name}Waiting`,
    metric: queue.metricApproximateNumberOfMessagesVisible({ period }),
    threshold: 0,
    description: `There are dead letters in ${name}: mend what they tell of, then redrive them`,
  })),
  {
    name: 'reactionsAge',
    metric: pipeline.reactions.metricApproximateAgeOfOldestMessage({ period }),
    threshold: reactionAgeSecondsMax,
    description: 'An event has not been answered by the policies for long: see the log of react',
  },
]

const ofSweep = (options: Options, _: Watched): readonly Watch[] => [
  {
    name: 'sweepStopped',
    metric: counted('sweeps', ['sweep'], options),
    threshold: 0,
    isExpected: true,
    periodCount: 2,
    description: 'Nobody keeps the lease clock: silent workers stay, and callbacks are not sent. See the log of sweep',
  },
  {
    name: 'frozenSweeps',
    metric: counted('frozenSweeps', ['sweep'], options),
    threshold: 0,
    description:
      'Most workers are silent at once, and none is declared lost: look at the network first, lift it if they are lost',
  },
  {
    name: 'sweepFailures',
    metric: counted('sweepFailures', ['sweep'], options),
    threshold: 0,
    periodCount: 2,
    description: 'What the sweep has found of silent workers cannot be told: see its log',
  },
  {
    name: 'armFailures',
    metric: counted('armFailures', ['project', 'tick', 'sweep'], options),
    threshold: 0,
    periodCount: 2,
    description: 'Clocks cannot be started: what is due is late until a sweep can',
  },
  {
    name: 'callbacksDead',
    metric: counted('callbacksDead', ['sweep'], options),
    threshold: 0,
    description: 'A callback was given up: its receiver has not taken it for a day',
  },
]

const ofFunctions = ({ pipeline, api }: Watched): readonly Watch[] =>
  Object.entries({ ...pipeline.functions, api: api.function }).flatMap(([name, each]) => [
    {
      name: `${name}Errors`,
      metric: each.metricErrors({ period }),
      threshold: 0,
      periodCount: 2,
      description: `The function ${name} fails: see its log`,
    },
    {
      name: `${name}Throttles`,
      metric: each.metricThrottles({ period }),
      threshold: 0,
      periodCount: 2,
      description: `The account has no room left for the function ${name}: raise its quota of concurrent functions`,
    },
  ])

const ofTables = (options: Options): readonly Watch[] =>
  (Object.keys(layout.tables) as TableKey[]).map((key) => ({
    name: `${key}Throttles`,
    metric: tableThrottles(key, options),
    threshold: 0,
    periodCount: 2,
    description: `The table ${key} turns requests down: a hot key, or more than it has been ready for`,
  }))

const ofRest = ({ pipeline, api, archive }: Watched): readonly Watch[] => [
  {
    name: 'failedClocks',
    metric: failedClocks(pipeline.clock.ref),
    threshold: 0,
    description: 'A clock has stopped: its Tick is in the dead letters, and the sweep starts it again',
  },
  {
    name: 'serverErrors',
    metric: api.gateway.metricServerError({ period, statistic: 'Sum' }),
    threshold: 0,
    periodCount: 2,
    description: 'The API answers 5xx: see the function’s log by the correlation id of the answer',
  },
  {
    name: 'archiveAge',
    metric: archiveAgeSeconds(archive.delivery.ref),
    threshold: archiveAgeSecondsMax,
    description: 'Events do not get to the archive',
  },
]
