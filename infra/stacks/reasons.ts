import { Stack, Validations } from 'aws-cdk-lib'
import type { IConstruct } from 'constructs'

/** Rules that are not kept somewhere, and why. Findings within a rule are named as cdk-nag does. */
interface Reason {
  rules: readonly string[]
  reason: string
}

const managedPolicy = (name: string): string =>
  `AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/${name}]`
const anyResource = 'AwsSolutions-IAM5[Resource::*]'

/** Everything that cdk-nag is asked to overlook. */
export const reasons = {
  backupRole: {
    rules: [managedPolicy('AWSBackupServiceRolePolicyForBackup')],
    reason: 'AWS Backup keeps this policy up to date with what it needs; the role is assumed by it alone',
  },
  networkRole: {
    rules: [managedPolicy('AWSLambdaVPCAccessExecutionRole')],
    reason: 'a function in a network makes and removes its interfaces there, which have no names beforehand',
  },
  listStreams: { rules: [anyResource], reason: 'dynamodb:ListStreams, which a mapping needs, knows no resources' },
  taskTokens: {
    rules: [anyResource],
    reason: 'a task token names no state machine: users’ own machines wait, and have handed their tokens to us',
  },
  clockLog: {
    rules: ['AwsSolutions-SF1', 'AwsSolutions-SF2'],
    reason: 'each run keeps its own history for 90 days, and a failed one leaves its step in the dead letters',
  },
  callbackSecret: {
    rules: ['AwsSolutions-SMG4'],
    reason: 'receivers of callbacks verify by it and are to be told first: it is rotated with them, not by itself',
  },
  deadLetters: {
    rules: ['AwsSolutions-SQS3'],
    reason: 'it is a dead-letter queue: of a stream’s mapping, a state machine or a rule, which the rule does not see',
  },
  loggedElsewhere: {
    rules: ['Annotation::@aws-cdk/aws-s3:accessLogsPolicyNotAdded'],
    reason: 'the bucket of the logs is in the stack of the data, where it lets the service write',
  },
  openRoutes: {
    rules: ['AwsSolutions-APIG4'],
    reason:
      'health, readiness and the description of the API tell nothing of anybody, and are asked for before a token',
  },
  ownAddresses: {
    rules: ['AwsSolutions-EC23'],
    reason: 'open on 443 to the addresses of its own network only, whose range the rule cannot see',
  },
  publicBalancer: {
    rules: ['AwsSolutions-EC23'],
    reason: 'open on 443 to everybody, as the API’s gateway is: all that tells anything of anybody needs a token',
  },
  plainSettings: {
    rules: ['AwsSolutions-ECS2'],
    reason: 'names of tables and buckets, and the issuer of tokens: none of it is secret',
  },
} as const satisfies Record<string, Reason>

const acknowledgeAll = (construct: IConstruct, { rules, reason }: Reason): void => {
  Validations.of(construct).acknowledge(...rules.map((id) => ({ id, reason })))
}

export const acknowledge = (construct: IConstruct, name: keyof typeof reasons): void =>
  acknowledgeAll(construct, reasons[name])

/** Of all objects of these buckets: which there will be, nobody knows when the policy is written. */
export const acknowledgeObjects = (construct: IConstruct, bucketArns: readonly string[], below = ''): void =>
  acknowledgeAll(construct, {
    rules: bucketArns.map((arn) => `AwsSolutions-IAM5[Resource::${told(Stack.of(construct), arn)}/${below}*]`),
    reason: 'keys are made of ids and hashes that come later; the actions are few, and the bucket is one',
  })

/** An ARN that is known when it is deployed, as cdk-nag writes it. */
const told = (stack: Stack, arn: string): string => {
  const resolved: unknown = stack.resolve(arn)
  const { 'Fn::GetAtt': attribute, 'Fn::ImportValue': imported } = resolved as Record<string, unknown>
  if (Array.isArray(attribute)) return `<${attribute.join('.')}>`
  return String(imported)
}
