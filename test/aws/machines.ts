import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  type DescribeExecutionCommandOutput,
  ListExecutionsCommand,
  type SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn'
import { vi } from 'vitest'
import { connect } from '../../adapters/stepfunctions/client.ts'
import type { motoServer } from '../adapters/moto.ts'

export const account = '123456789012'
export const functionArn = (name: string): string => `arn:aws:lambda:eu-central-1:${account}:function:${name}`

let made = 0

/** State machines of the test's own, each under a name that none had before. */
export const machinesOf = (moto: ReturnType<typeof motoServer>) => {
  const client = (): SFNClient => moto.closing(connect(moto.settings()))
  const create = async (definition: object): Promise<string> => {
    const asked = {
      name: `machine-${++made}`,
      definition: JSON.stringify(definition),
      roleArn: `arn:aws:iam::${account}:role/r`,
    }
    return (await client().send(new CreateStateMachineCommand(asked))).stateMachineArn ?? ''
  }
  const start = async (stateMachineArn: string, input: object): Promise<string> => {
    const asked = { stateMachineArn, name: `run-${++made}`, input: JSON.stringify(input) }
    return (await client().send(new StartExecutionCommand(asked))).executionArn ?? ''
  }
  const runs = async (stateMachineArn: string) =>
    (await client().send(new ListExecutionsCommand({ stateMachineArn }))).executions ?? []
  /** Waits until a run has ended. */
  const ended = (executionArn: string | undefined): Promise<DescribeExecutionCommandOutput> =>
    vi.waitFor(
      async () => {
        const run = await client().send(new DescribeExecutionCommand({ executionArn }))
        if (run.status === 'RUNNING') throw new Error('still running')
        return run
      },
      { timeout: 25_000, interval: 100 },
    )
  return { client, create, start, runs, ended }
}
