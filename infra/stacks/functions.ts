import { Duration, RemovalPolicy, type Stack } from 'aws-cdk-lib'
import type { IVpc } from 'aws-cdk-lib/aws-ec2'
import { ManagedPolicy, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Architecture, Code, Function as LambdaFunction, LoggingFormat, Runtime } from 'aws-cdk-lib/aws-lambda'
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs'
import { allowTables, tableAccess } from './access.ts'
import type { Bundle, FunctionName } from './bundle.ts'
import type { Data } from './data.ts'
import { named, type Options } from './options.ts'
import { acknowledge } from './reasons.ts'

interface FunctionSettings {
  /** Longer than what it does takes at its worst, shorter than whoever calls it waits. */
  timeoutSeconds: number
  memoryMb: number
}

/** A megabyte buys its share of a processor: 1 769 are one. */
export const functionSettings: Readonly<Record<FunctionName, FunctionSettings>> = {
  /** The API's gateway gives up after 30 s. */
  api: { timeoutSeconds: 29, memoryMb: 1_024 },
  /** Shorter than rows that were switched away from are still followed (90 s). */
  project: { timeoutSeconds: 60, memoryMb: 1_024 },
  publish: { timeoutSeconds: 60, memoryMb: 512 },
  react: { timeoutSeconds: 60, memoryMb: 1_024 },
  /** The clock machine gives up after 60 s. */
  tick: { timeoutSeconds: 55, memoryMb: 512 },
  /** Loops inside its minute; who comes next takes over from who is late. */
  sweep: { timeoutSeconds: 75, memoryMb: 512 },
}

/** What the parts of a deployment share. */
export interface Surroundings {
  options: Options
  data: Data
  /** For servers; functions are in it when they are to reach AWS by its endpoints, else in Lambda's own network. */
  vpc: IVpc | undefined
  bundle: Bundle
}

/**
 * A function with a role, a log group and a bundle that are nobody else's. Its role may do to the tables what `access.ts`
 * says, write its log, and nothing else until it is told.
 */
export const openFunction = (
  stack: Stack,
  name: FunctionName,
  { options, data, vpc: network, bundle }: Surroundings,
  environment: Readonly<Record<string, string>>,
): LambdaFunction => {
  const functionName = named(options, name)
  const vpc = options.vpcEndpoints ? network : undefined
  const logGroup = new LogGroup(stack, `${name}Log`, {
    logGroupName: `/aws/lambda/${functionName}`,
    retention: options.logDays as RetentionDays,
    removalPolicy: RemovalPolicy.DESTROY,
  })
  const role = new Role(stack, `${name}Role`, { assumedBy: new ServicePrincipal('lambda.amazonaws.com') })
  logGroup.grantWrite(role)
  if (vpc !== undefined) joinNetwork(role)
  allowTables(role, data.tables, tableAccess[name])
  const { timeoutSeconds, memoryMb } = functionSettings[name]
  return new LambdaFunction(stack, name, {
    functionName,
    role,
    logGroup,
    loggingFormat: LoggingFormat.JSON,
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    handler: 'index.handler',
    code: Code.fromAsset(bundle(name)),
    timeout: Duration.seconds(timeoutSeconds),
    memorySize: memoryMb,
    environment: { ...environmentOf(options), ...environment },
    ...(vpc === undefined ? {} : { vpc }),
  })
}

/** The addresses of a function in a network come and go: this policy of Lambda's own is what that takes. */
const joinNetwork = (role: Role): void => {
  role.addManagedPolicy(ManagedPolicy.fromAwsManagedPolicyName('service-role/AWSLambdaVPCAccessExecutionRole'))
  acknowledge(role, 'networkRole')
}

const environmentOf = ({ prefix }: Options): Record<string, string> => ({
  BENCHPLANE_TABLE_PREFIX: prefix,
  NODE_OPTIONS: '--enable-source-maps',
})
