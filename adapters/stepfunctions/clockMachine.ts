/** What a run of the clock machine is given, hands to the function that sends its Tick, and is answered to go on with. */
export interface ClockStep {
  stream: string
  /** What it was armed for: a Tick is never of an earlier instant. */
  nextDue: string
  /** When the run wakes: `nextDue`, or later after a Tick that could do nothing yet. */
  waitUntil: string
  /** Ticks that this run has sent. */
  turnCount: number
  /** Of these, the last ones that could do nothing yet. */
  restCount: number
}

export interface ClockMachineOptions {
  /** The function that runs `openTicking`. */
  functionArn: string
  /** Where a Tick goes that could not be sent. */
  deadLetterQueueUrl: string
  partition?: 'aws' | 'aws-cn' | 'aws-us-gov'
}

/** The error of a step that no repetition makes better. */
export const notAStep = 'NotAClockStep'

const tickTimeoutSeconds = 60

/** About seven minutes in all; a tenant's clocks that failed together do not come back together. */
const retries = [
  { ErrorEquals: [notAStep], MaxAttempts: 0 },
  {
    ErrorEquals: ['States.ALL'],
    IntervalSeconds: 1,
    BackoffRate: 2,
    MaxAttempts: 8,
    MaxDelaySeconds: 240,
    JitterStrategy: 'FULL',
  },
]

/**
 * The clock of one stream, in the Amazon States Language: waits until it is due, sends the Tick, goes on with what the
 * function answers until that is nothing. It times and calls; it is never the record. Standard, not express: a run may wait
 * for months.
 */
export const clockMachine = ({ functionArn, deadLetterQueueUrl, partition = 'aws' }: ClockMachineOptions) => ({
  Comment: 'Sends a Tick to a stream whenever it is due',
  StartAt: 'WaitUntilDue',
  States: {
    // Cuts the milliseconds off: the function waits out what is left.
    WaitUntilDue: { Type: 'Wait', TimestampPath: '$.waitUntil', Next: 'SendTick' },
    SendTick: {
      Type: 'Task',
      Resource: `arn:${partition}:states:::lambda:invoke`,
      Parameters: {
        FunctionName: functionArn,
        Payload: { 'step.$': '$', 'startedAt.$': '$$.Execution.StartTime' },
      },
      OutputPath: '$.Payload',
      TimeoutSeconds: tickTimeoutSeconds,
      Retry: retries,
      Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: '$.error', Next: 'PutAside' }],
      Next: 'GoesOn',
    },
    GoesOn: {
      Type: 'Choice',
      Choices: [{ Variable: '$.waitUntil', IsPresent: true, Next: 'WaitUntilDue' }],
      Default: 'NothingDue',
    },
    NothingDue: { Type: 'Succeed' },
    PutAside: {
      Type: 'Task',
      Resource: `arn:${partition}:states:::sqs:sendMessage`,
      Parameters: {
        QueueUrl: deadLetterQueueUrl,
        MessageBody: { 'step.$': '$', 'run.$': '$$.Execution.Id' },
      },
      Retry: retries.slice(1),
      Next: 'NotSent',
    },
    // So that it counts as failed: alarms watch that number.
    NotSent: {
      Type: 'Fail',
      Error: 'TickNotSent',
      Cause: 'the Tick could not be sent: it is in the dead-letter queue',
    },
  },
})
