import type { Stack } from 'aws-cdk-lib'
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import type { Queue } from 'aws-cdk-lib/aws-sqs'
import { CfnStateMachine } from 'aws-cdk-lib/aws-stepfunctions'
import { type ClockMachineOptions, clockMachine } from '../../adapters/stepfunctions/clockMachine.ts'
import { allow } from './access.ts'
import { acknowledge } from './reasons.ts'

/** The clock machine, which may call `tick`, put aside what that cannot do, and nothing else. */
export const openClockMachine = (
  stack: Stack,
  stateMachineName: string,
  { tick, deadLetters }: { tick: LambdaFunction; deadLetters: Queue },
): CfnStateMachine => {
  const role = new Role(stack, 'clockRole', { assumedBy: new ServicePrincipal('states.amazonaws.com') })
  allow(role, ['lambda:InvokeFunction'], [tick.functionArn])
  allow(role, ['sqs:SendMessage'], [deadLetters.queueArn])
  const definition = clockMachine({
    functionArn: tick.functionArn,
    deadLetterQueueUrl: deadLetters.queueUrl,
    // Known when it is deployed.
    partition: stack.partition as NonNullable<ClockMachineOptions['partition']>,
  })
  const machine = new CfnStateMachine(stack, 'clock', {
    stateMachineName,
    stateMachineType: 'STANDARD',
    roleArn: role.roleArn,
    definitionString: stack.toJsonString(definition),
  })
  machine.node.addDependency(role)
  acknowledge(machine, 'clockLog')
  return machine
}
