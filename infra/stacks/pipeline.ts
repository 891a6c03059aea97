import { type App, CfnOutput, Duration, Stack } from 'aws-cdk-lib'
import { EventBus, Match, Rule, Schedule } from 'aws-cdk-lib/aws-events'
import { LambdaFunction as FunctionTarget, SqsQueue } from 'aws-cdk-lib/aws-events-targets'
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import type { Queue } from 'aws-cdk-lib/aws-sqs'
import type { CfnStateMachine } from 'aws-cdk-lib/aws-stepfunctions'
import { prefixes } from '../../adapters/s3/keys.ts'
import { watchedTypes } from '../consumers/react.ts'
import { allow, allowTaskAnswers } from './access.ts'
import { allowObjects } from './buckets.ts'
import type { FunctionName } from './bundle.ts'
import { callbackSecret } from './callbackSecret.ts'
import { openClockMachine } from './clock.ts'
import { openFunction, type Surroundings } from './functions.ts'
import { feedFromQueue, feedFromStream } from './mappings.ts'
import { named, type Options } from './options.ts'
import { deadLetterQueue, reactionQueue, takesFromRules } from './queues.ts'

/** What each part of the pipeline could not do lies in a queue of its own. */
const deadLetterNames = ['letters', 'reactLetters', 'clockLetters', 'ruleLetters'] as const
type DeadLetters = Readonly<Record<(typeof deadLetterNames)[number], Queue>>

export type PipelineFunction = Exclude<FunctionName, 'api'>
type Functions = Readonly<Record<PipelineFunction, LambdaFunction>>

export interface Pipeline {
  stack: Stack
  bus: EventBus
  clock: CfnStateMachine
  functions: Functions
  deadLetters: DeadLetters
  /** What the policies have not answered yet. */
  reactions: Queue
}

/** What is in all that comes from here, and in nothing else that may be on the bus. */
export const ownSource = Match.prefix('benchplane/')

/**
 * What follows the history: its stream feeds `project` and `publish`, which are all the readers that a shard allows; the
 * policies are behind the bus; clocks are state machines that call `tick`; and once a minute there is `sweep`.
 */
export const pipelineStack = (app: App, surroundings: Surroundings): Pipeline => {
  const { options, data } = surroundings
  const stack = new Stack(app, named(options, 'pipeline'))
  const bus = new EventBus(stack, 'bus', { eventBusName: named(options, 'events') })
  const deadLetters = Object.fromEntries(
    deadLetterNames.map((name) => [name, deadLetterQueue(stack, name, options)]),
  ) as DeadLetters
  takesFromRules(deadLetters.ruleLetters)
  const parts = { ...surroundings, stack, bus, deadLetters }
  const functions = openFunctions(parts)
  const { history: table } = data.tables
  const { letters, clockLetters } = deadLetters
  feedFromStream('project', { function: functions.project, table, letters })
  feedFromStream('publish', { function: functions.publish, table, letters })
  const reactions = feedPolicies(parts, functions.react)
  everyMinute(stack, functions.sweep)
  const clock = openClockMachine(stack, clockName(options), { tick: functions.tick, deadLetters: clockLetters })
  new CfnOutput(stack, 'EventBusName', { value: bus.eventBusName })
  new CfnOutput(stack, 'LettersQueueUrl', { value: letters.queueUrl })
  return { stack, bus, clock, functions, deadLetters, reactions }
}

type Parts = Pick<Pipeline, 'stack' | 'bus' | 'deadLetters'> & Surroundings

const clockName = (options: Options): string => named(options, 'clock')

/** The functions, with what each may reach beside the tables. */
const openFunctions = (parts: Parts): Functions => {
  const { stack, bus, deadLetters, options, data } = parts
  const clockArn = `arn:${stack.partition}:states:${stack.region}:${stack.account}:stateMachine:${clockName(options)}`
  const clock = { BENCHPLANE_CLOCK_ARN: clockArn }
  const letters = { BENCHPLANE_LETTERS_QUEUE_URL: deadLetters.letters.queueUrl }
  const publishing = { BENCHPLANE_EVENT_BUS_NAME: bus.eventBusName, BENCHPLANE_BUCKET: data.blobs.bucketName }
  const calling = {
    BENCHPLANE_WEBHOOK_SECRET: callbackSecret(stack, options),
    BENCHPLANE_CALLBACK_HOSTS: options.callbackHosts,
  }
  const functions = {
    project: openFunction(stack, 'project', parts, { ...letters, ...clock }),
    publish: openFunction(stack, 'publish', parts, { ...letters, ...publishing }),
    react: openFunction(stack, 'react', parts, {}),
    tick: openFunction(stack, 'tick', parts, clock),
    sweep: openFunction(stack, 'sweep', parts, { ...clock, ...calling }),
  }
  const { project, publish, tick, sweep } = functions
  for (const arming of [project, tick, sweep]) allow(arming, ['states:StartExecution'], [clockArn])
  for (const consumer of [project, publish]) allow(consumer, ['sqs:SendMessage'], [deadLetters.letters.queueArn])
  allow(publish, ['events:PutEvents'], [bus.eventBusArn])
  allowObjects(publish, data.blobs, ['s3:PutObject'], prefixes.payloads)
  allowTaskAnswers(sweep, ['Success', 'Failure', 'Heartbeat'])
  return functions
}

/** Policies are told of what they watch, each event until they have seen to it. */
const feedPolicies = ({ stack, bus, deadLetters, options }: Parts, react: LambdaFunction): Queue => {
  const queue = reactionQueue(stack, options, deadLetters.reactLetters)
  new Rule(stack, 'watched', {
    ruleName: named(options, 'watched'),
    eventBus: bus,
    eventPattern: { source: ownSource, detailType: [...watchedTypes] },
    targets: [new SqsQueue(queue, { deadLetterQueue: deadLetters.ruleLetters })],
  })
  feedFromQueue(react, queue)
  return queue
}

/** One that failed is not repeated: the next minute's does the same. */
const everyMinute = (stack: Stack, sweep: LambdaFunction): void => {
  sweep.configureAsyncInvoke({ retryAttempts: 0, maxEventAge: Duration.minutes(1) })
  new Rule(stack, 'everyMinute', {
    schedule: Schedule.rate(Duration.minutes(1)),
    targets: [new FunctionTarget(sweep, { retryAttempts: 0, maxEventAge: Duration.minutes(1) })],
  })
}
