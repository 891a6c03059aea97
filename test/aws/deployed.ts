/** A deployment as far as it runs here: its tables on DynamoDB Local, its bus, queues, bucket and clock on moto, its bundles as functions. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CreateTableCommand, type CreateTableCommandInput, type DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { CreateEventBusCommand, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { CreateQueueCommand, DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { App, Stack } from 'aws-cdk-lib'
import { Template } from 'aws-cdk-lib/assertions'
import { onTestFinished } from 'vitest'
import { connect as connectBus } from '../../adapters/eventbridge/client.ts'
import { bundled, functionNames } from '../../infra/stacks/bundle.ts'
import { deployment } from '../../infra/stacks/deployment.ts'
import { parseOptions } from '../../infra/stacks/options.ts'
import type { motoServer } from '../adapters/moto.ts'
import { allowedTo, openGuard } from '../infra/entry/allowed.ts'
import { startFunction } from '../infra/entry/functions.ts'
import { account, functionArn, machinesOf } from './machines.ts'

type Moto = ReturnType<typeof motoServer>
type Properties = Record<string, any> // oxlint-disable-line typescript/no-explicit-any -- whatever a template says

/** The synthesised app, with what its templates say of resources of a type. */
export const synthesised = () => {
  const outdir = mkdtempSync(join(tmpdir(), 'benchplane-deployed-'))
  onTestFinished(() => rmSync(outdir, { recursive: true, force: true }))
  const { context } = JSON.parse(readFileSync('cdk.json', 'utf8')) as { context: Record<string, unknown> }
  const app = new App({ context, outdir })
  deployment(app, parseOptions({}), (name) => bundled(name, outdir))
  app.synth()
  const stacks = app.node.children.filter((child) => Stack.isStack(child))
  const all = (type: string): Properties[] =>
    stacks.flatMap((stack) =>
      Object.values(Template.fromStack(stack).findResources(type)).map(({ Properties: found }) => found as Properties),
    )
  return { outdir, all }
}
type Synthesised = ReturnType<typeof synthesised>

export const createTables = async ({ all }: Synthesised, client: DynamoDBClient): Promise<void> => {
  for (const { TableName, KeySchema, AttributeDefinitions, BillingMode, StreamSpecification } of all(
    'AWS::DynamoDB::Table',
  )) {
    const stream = StreamSpecification && { StreamSpecification: { StreamEnabled: true, ...StreamSpecification } }
    const input = { TableName, KeySchema, AttributeDefinitions, BillingMode, ...stream } as CreateTableCommandInput
    await client.send(new CreateTableCommand(input))
  }
}

/** The bundle that the deployment would upload: found again by what it is, among the assets. */
const assetOf = ({ outdir }: Synthesised, name: string): string => {
  const own = readFileSync(join(outdir, 'bundles', name, 'index.mjs'), 'utf8')
  const found = readdirSync(outdir)
    .filter((each) => each.startsWith('asset.'))
    .map((each) => join(outdir, each, 'index.mjs'))
    .find((path) => readFileSync(path, 'utf8') === own)
  if (found === undefined) throw new Error(`no asset is the function ${name}`)
  return found
}

/**
 * Starts each function with the variables that its template names, and the rights to the tables that its role has; what they
 * are told is `values`.
 */
export const startFunctions = async (
  given: Synthesised,
  values: Readonly<Record<string, string>>,
  surroundings: Readonly<Record<string, string>>,
  endpoint: string,
) => {
  const refused: (() => readonly string[])[] = []
  const started = functionNames.map(async (name) => {
    const functionName = `benchplane-${name}`
    const properties = given.all('AWS::Lambda::Function').find((each) => each['FunctionName'] === functionName)
    const variables = properties?.['Environment'].Variables as Record<string, unknown>
    const environment = Object.keys(variables).map((key) => {
      const own = typeof variables[key] === 'string' ? variables[key] : values[key]
      if (own === undefined) throw new Error(`${name} is told ${key}, which this test does not know`)
      return [key, own]
    })
    const guard = await openGuard(endpoint, allowedTo(functionName, given.all))
    refused.push(guard.refused)
    const own = { AWS_ENDPOINT_URL_DYNAMODB: guard.endpoint, AWS_LAMBDA_FUNCTION_NAME: functionName }
    const all = { ...surroundings, ...Object.fromEntries(environment), ...own }
    return [name, await startFunction(assetOf(given, name), all as Record<string, string>)] as const
  })
  const functions = Object.fromEntries(await Promise.all(started)) as Record<
    (typeof functionNames)[number],
    Awaited<ReturnType<typeof startFunction>>
  >
  return { functions, refused: () => refused.flatMap((each) => each()) }
}

/** The bus with the deployment's rule for the policies, and another rule that sees everything; queues, bucket and clock. */
export const openServices = async (given: Synthesised, moto: Moto) => {
  const bus = moto.closing(connectBus(moto.settings()))
  const sqs = moto.closing(new SQSClient(moto.settings()))
  const s3 = moto.closing(new S3Client({ ...moto.settings(), forcePathStyle: true }))
  const busName = 'benchplane-events'
  await bus.send(new CreateEventBusCommand({ Name: busName }))
  await s3.send(
    new CreateBucketCommand({ Bucket: 'blobs', CreateBucketConfiguration: { LocationConstraint: 'eu-central-1' } }),
  )
  const queue = async (name: string): Promise<string> =>
    (await sqs.send(new CreateQueueCommand({ QueueName: name }))).QueueUrl ?? ''
  const to = async (name: string, pattern: unknown): Promise<string> => {
    const url = await queue(name)
    await bus.send(new PutRuleCommand({ EventBusName: busName, Name: name, EventPattern: JSON.stringify(pattern) }))
    const Arn = `arn:aws:sqs:eu-central-1:${account}:${name}`
    await bus.send(new PutTargetsCommand({ EventBusName: busName, Rule: name, Targets: [{ Id: 'queue', Arn }] }))
    return url
  }
  const watched = given.all('AWS::Events::Rule').find((each) => each['Name'] === 'benchplane-watched')
  const [reactions, seen] = [await to('reactions', watched?.['EventPattern']), await to('seen', ownSource)]
  const [letters, clockLetters] = [await queue('letters'), await queue('clockLetters')]
  const clockArn = await machinesOf(moto).create(clockOf(given, clockLetters))
  /** What has come by now; `take` answers whether it is done with. */
  const drain = async (url: string, take: (bodies: { messageId: string; body: string }[]) => Promise<Set<string>>) => {
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: url, MaxNumberOfMessages: 10 }))
    const failed = await take(Messages.map(({ MessageId = '', Body = '' }) => ({ messageId: MessageId, body: Body })))
    for (const { MessageId = '', ReceiptHandle } of Messages)
      if (!failed.has(MessageId)) await sqs.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle }))
    return Messages.length
  }
  return { busName, reactions, seen, letters, clockArn, drain }
}

const ownSource = { source: [{ prefix: 'benchplane/' }] }

/** As deployed: what is known by then is the function that moto's proxy runs, and the queue. */
const clockOf = ({ all }: Synthesised, deadLetters: string): object => {
  const [machine] = all('AWS::StepFunctions::StateMachine')
  const parts = machine?.['DefinitionString']['Fn::Join'][1] as (string | Record<string, unknown>)[]
  const told = (part: Record<string, unknown>): string => {
    if ('Fn::GetAtt' in part) return functionArn('tick')
    const ref = String(part['Ref'])
    return ref === 'AWS::Partition' ? 'aws' : deadLetters
  }
  return JSON.parse(parts.map((part) => (typeof part === 'string' ? part : told(part))).join('')) as object
}
