import { type App, CfnOutput, CfnParameter, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib'
import { HttpApi, HttpMethod, HttpStage, LogGroupLogDestination } from 'aws-cdk-lib/aws-apigatewayv2'
import { HttpJwtAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers'
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations'
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs'
import { endpoints, openOperations } from '../../adapters/routes/endpoints.ts'
import { allowTaskAnswers } from './access.ts'
import { allowBlobs } from './buckets.ts'
import { openFunction, type Surroundings } from './functions.ts'
import { named, type Options } from './options.ts'
import { acknowledge } from './reasons.ts'
import { openServers, type Servers } from './servers.ts'

export interface Api {
  stack: Stack
  gateway: HttpApi
  function: LambdaFunction
  /** For what takes longer than the gateway waits: long polls and event streams. */
  servers?: Servers
}

/** Who issues the tokens that callers bring, and for whom. */
export interface Identity {
  issuer: string
  audience: string
}

/** Of all callers together. */
const throttle = { rateLimit: 1_000, burstLimit: 2_000 }
/** The service allows 30 s and no more. */
const gatewaySeconds = 29

/**
 * The API: a gateway that asks for a token before it asks the function, which reads it again. A deployment is told the
 * issuer and the audience (`--parameters …:JwtIssuer=https://…`); there is no default, since anybody's tokens would do.
 */
export const apiStack = (app: App, surroundings: Surroundings): Api => {
  const { options, data } = surroundings
  const stack = new Stack(app, named(options, 'api'))
  const identity = identityOf(stack)
  const environment = served(surroundings, identity)
  const api = openFunction(stack, 'api', surroundings, environment)
  allowBlobs(api, data.blobs)
  allowTaskAnswers(api, ['Heartbeat'])
  const gateway = openGateway(stack, options, { api, identity })
  const servers = options.servers > 0 ? openServers(stack, surroundings, environment) : undefined
  return { stack, gateway, function: api, ...(servers && { servers }) }
}

/** Who serves the API is told so, function or server. */
const served = ({ options, data }: Surroundings, { issuer, audience }: Identity): Record<string, string> => ({
  BENCHPLANE_BUCKET: data.blobs.bucketName,
  BENCHPLANE_CALLBACK_HOSTS: options.callbackHosts,
  BENCHPLANE_JWT_ISSUER: issuer,
  BENCHPLANE_JWT_AUDIENCE: audience,
})

const identityOf = (stack: Stack): Identity => {
  const issuer = new CfnParameter(stack, 'JwtIssuer', {
    description: 'Issuer of the tokens that callers bring, as in their claim iss',
    allowedPattern: '^https://[^\\s]{1,2000}$',
  })
  const audience = new CfnParameter(stack, 'JwtAudience', {
    description: 'Audience of these tokens, as in their claim aud',
    allowedPattern: '^[^\\s]{1,255}$',
  })
  return { issuer: issuer.valueAsString, audience: audience.valueAsString }
}

const openGateway = (
  stack: Stack,
  options: Options,
  { api, identity }: { api: LambdaFunction; identity: Identity },
): HttpApi => {
  const integration = new HttpLambdaIntegration('function', api, { timeout: Duration.seconds(gatewaySeconds) })
  const { issuer, audience } = identity
  const authorizer = new HttpJwtAuthorizer('token', issuer, { jwtAudience: [audience] })
  const gateway = new HttpApi(stack, 'gateway', { apiName: named(options, 'api'), createDefaultStage: false })
  for (const operation of openOperations) {
    const [route] = gateway.addRoutes({ path: endpoints[operation].path, methods: [HttpMethod.GET], integration })
    if (route !== undefined) acknowledge(route, 'openRoutes')
  }
  gateway.addRoutes({ path: '/{proxy+}', methods: [HttpMethod.ANY], integration, authorizer })
  const stage = new HttpStage(stack, 'stage', {
    httpApi: gateway,
    stageName: '$default',
    autoDeploy: true,
    detailedMetricsEnabled: true,
    throttle,
    accessLogSettings: { destination: new LogGroupLogDestination(accessLog(stack, options)) },
  })
  new CfnOutput(stack, 'Url', { value: stage.url })
  return gateway
}

const accessLog = (stack: Stack, { logDays }: Options): LogGroup =>
  new LogGroup(stack, 'accessLog', { retention: logDays as RetentionDays, removalPolicy: RemovalPolicy.DESTROY })
