import validate from 'asl-validator'
import { describe, expect, test } from 'vitest'
import { mappings, queueMapping } from '../../../adapters/dynamodb/mappings.ts'
import { policies } from '../../../domain/policies/all.ts'
import { type Resource, synthesised } from './synthesised.ts'

const given = synthesised()
const functions = Object.values(given.resources('pipeline', 'AWS::Lambda::Function'))
const mapped = Object.values(given.resources('pipeline', 'AWS::Lambda::EventSourceMapping'))
const mappingOf = (name: string): Resource => {
  const found = mapped.find(({ Properties }) => (Properties['FunctionName'].Ref as string).startsWith(name))
  if (found === undefined) throw new Error(`nothing feeds ${name}`)
  return found
}
const refersTo = (value: unknown, id: string): boolean => new RegExp(`"${id}[0-9A-F]{8}"`).test(JSON.stringify(value))

describe('the functions', () => {
  test('run on Node 24 on Arm, each from a bundle and with a log of its own that is kept for a time', () => {
    const all = given.all('AWS::Lambda::Function')
    for (const { Properties } of all)
      expect(Properties).toMatchObject({
        Runtime: 'nodejs24.x',
        Architectures: ['arm64'],
        Handler: 'index.handler',
        LoggingConfig: { LogFormat: 'JSON' },
      })
    expect(new Set(all.map(({ Properties }) => Properties['Code'].S3Key as string)).size).toBe(6)
    const logs = new Set(all.map(({ Properties }) => JSON.stringify(Properties['LoggingConfig'].LogGroup)))
    expect(logs.size).toBe(6)
    const groups = given.all('AWS::Logs::LogGroup')
    for (const { Properties } of groups) expect(Properties['RetentionInDays']).toBe(90)
  })

  test('are given up before whoever calls them gives up', () => {
    const timeoutOf = (name: string): unknown =>
      functions.find(({ Properties }) => Properties['FunctionName'] === `benchplane-${name}`)?.Properties['Timeout']
    expect(timeoutOf('react')).toBe(queueMapping.functionTimeoutSeconds)
    expect(timeoutOf('tick')).toBeLessThan(60)
    expect(timeoutOf('project')).toBeLessThan(90)
    const [api] = Object.values(given.resources('api', 'AWS::Lambda::Function'))
    expect(api?.Properties['Timeout']).toBeLessThan(30)
  })
})

describe('the history’s stream', () => {
  test('has the two readers that a shard allows, and no third', () => {
    const streams = mapped.filter(({ Properties }) =>
      JSON.stringify(Properties['EventSourceArn']).includes('StreamArn'),
    )
    expect(streams).toHaveLength(Object.keys(mappings).length)
    expect(streams).toHaveLength(2)
  })

  test.each(['project', 'publish'] as const)('feeds %s with every setting of its mapping', (consumer) => {
    const settings = mappings[consumer]
    const { Properties } = mappingOf(consumer)
    expect(Properties).toMatchObject({
      StartingPosition: settings.startingPosition,
      BatchSize: settings.batchSize,
      MaximumBatchingWindowInSeconds: settings.batchingWindowSeconds,
      ParallelizationFactor: settings.parallelizationFactor,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      BisectBatchOnFunctionError: settings.bisectBatchOnFunctionError,
      MaximumRetryAttempts: settings.retryAttemptCountMax,
      MaximumRecordAgeInSeconds: settings.recordAgeSecondsMax,
    })
    expect(refersTo(Properties['DestinationConfig'], 'letters')).toBe(true)
  })
})

describe('the policies', () => {
  test('are told by the bus of what they watch, and of nothing else', () => {
    const rules = Object.values(given.resources('pipeline', 'AWS::Events::Rule'))
    const watched = rules.find(({ Properties }) => Properties['Name'] === 'benchplane-watched')?.Properties
    expect(watched?.['EventPattern']).toEqual({
      source: [{ prefix: 'benchplane/' }],
      'detail-type': [...new Set(policies.flatMap(({ on }) => on))].sort(),
    })
    const [target] = (watched?.['Targets'] ?? []) as { Arn: unknown; DeadLetterConfig: unknown }[]
    expect(refersTo(target?.Arn, 'reactions')).toBe(true)
    expect(refersTo(target?.DeadLetterConfig, 'ruleLetters')).toBe(true)
  })

  test('have a queue that gives a message again often enough, then puts it aside', () => {
    expect(mappingOf('react').Properties).toMatchObject({
      BatchSize: queueMapping.batchSize,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
    })
    const queues = Object.values(given.resources('pipeline', 'AWS::SQS::Queue')).map(({ Properties }) => Properties)
    const reactions = queues.find((queue) => queue['QueueName'] === 'benchplane-reactions')
    expect(reactions).toMatchObject({
      VisibilityTimeout: queueMapping.visibilityTimeoutSeconds,
      RedrivePolicy: { maxReceiveCount: queueMapping.receiveCountMax },
      SqsManagedSseEnabled: true,
    })
    expect(refersTo(reactions?.['RedrivePolicy'], 'reactLetters')).toBe(true)
  })
})

describe('the clock', () => {
  const [machine] = Object.values(given.resources('pipeline', 'AWS::StepFunctions::StateMachine'))
  /** As it is deployed: whatever is known by then stands for itself. */
  const definition = ((machine?.Properties['DefinitionString']['Fn::Join'][1] ?? []) as (string | object)[])
    .map((part) => (typeof part === 'string' ? part : 'aws'))
    .join('')

  test('is in the language of state machines', () => {
    expect(validate(JSON.parse(definition) as object)).toMatchObject({ isValid: true })
  })

  test('is the one that functions start, by its name', () => {
    const name = machine?.Properties['StateMachineName'] as string
    const starting = functions.filter(({ Properties }) => 'BENCHPLANE_CLOCK_ARN' in Properties['Environment'].Variables)
    expect(starting.map(({ Properties }) => Properties['FunctionName'] as string).sort()).toEqual(
      ['project', 'sweep', 'tick'].map((each) => `benchplane-${each}`),
    )
    for (const { Properties } of starting)
      expect(JSON.stringify(Properties['Environment'].Variables.BENCHPLANE_CLOCK_ARN)).toContain(
        `:stateMachine:${name}"`,
      )
  })
})

describe('the sweep', () => {
  test('runs once a minute, and one that failed is not repeated', () => {
    const rules = Object.values(given.resources('pipeline', 'AWS::Events::Rule')).map(({ Properties }) => Properties)
    const rule = rules.find((each) => each['ScheduleExpression'] !== undefined)
    expect(rule?.['ScheduleExpression']).toBe('rate(1 minute)')
    expect(refersTo(rule?.['Targets'], 'sweep')).toBe(true)
    expect(rule?.['Targets'][0].RetryPolicy.MaximumRetryAttempts).toBe(0)
    const [invoke] = Object.values(given.resources('pipeline', 'AWS::Lambda::EventInvokeConfig'))
    expect(invoke?.Properties['MaximumRetryAttempts']).toBe(0)
  })
})
