import { readFileSync } from 'node:fs'
import validate from 'asl-validator'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { clockMachine } from '../../adapters/stepfunctions/clockMachine.ts'

const machine = clockMachine({
  functionArn: 'arn:aws:lambda:eu-central-1:123456789012:function:tick',
  deadLetterQueueUrl: 'https://sqs.eu-central-1.amazonaws.com/123456789012/dead',
})

const faultsOf = (definition: object): readonly string[] => {
  const { isValid, errors } = validate(definition)
  return isValid ? [] : errors.map((error) => JSON.stringify(error))
}

describe('the clock machine', () => {
  test('is in the language of state machines', () => {
    expect(faultsOf(machine)).toEqual([])
  })

  test('would not be, were a state missing or a path wrong', () => {
    const { NotSent: _, ...states } = machine.States
    expect(faultsOf({ ...machine, States: states })).not.toEqual([])
    const wait = { ...machine.States.WaitUntilDue, TimestampPath: 'waitUntil' }
    expect(faultsOf({ ...machine, States: { ...machine.States, WaitUntilDue: wait } })).not.toEqual([])
  })

  test('repeats what failed, but for what no repetition makes better, and ends in the dead-letter queue', () => {
    const { SendTick, PutAside } = machine.States
    expect(SendTick.Retry[0]).toEqual({ ErrorEquals: ['NotAClockStep'], MaxAttempts: 0 })
    expect(SendTick.Retry[1]).toMatchObject({ ErrorEquals: ['States.ALL'], BackoffRate: 2, JitterStrategy: 'FULL' })
    expect(SendTick.Catch).toEqual([{ ErrorEquals: ['States.ALL'], ResultPath: '$.error', Next: 'PutAside' }])
    expect(PutAside.Retry).toHaveLength(1)
  })

  test('is small: a partition of its own takes no more than the names of its integrations', () => {
    const chinese = clockMachine({ functionArn: 'a', deadLetterQueueUrl: 'b', partition: 'aws-cn' })
    expect(JSON.stringify(chinese)).not.toContain('arn:aws:states')
  })
})

test('the example is in the language of state machines, too', () => {
  const example = parse(readFileSync('examples/stateMachine/benchRun.asl.yaml', 'utf8')) as object
  expect(faultsOf(example)).toEqual([])
})
