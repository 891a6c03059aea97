import { CfnOutput, Duration, RemovalPolicy, type Stack } from 'aws-cdk-lib'
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager'
import {
  AwsLogDriver,
  Cluster,
  type ContainerDefinition,
  ContainerDependencyCondition,
  ContainerImage,
  ContainerInsights,
  CpuArchitecture,
  FargateService,
  FargateTaskDefinition,
  type ICluster,
  OperatingSystemFamily,
} from 'aws-cdk-lib/aws-ecs'
import {
  ApplicationLoadBalancer,
  ApplicationProtocol,
  type ApplicationTargetGroup,
  SslPolicy,
} from 'aws-cdk-lib/aws-elasticloadbalancingv2'
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs'
import { Asset } from 'aws-cdk-lib/aws-s3-assets'
import { allow, allowTables, allowTaskAnswers, tableAccess } from './access.ts'
import { allowBlobs } from './buckets.ts'
import type { Data } from './data.ts'
import type { Surroundings } from './functions.ts'
import type { Options } from './options.ts'
import { acknowledge } from './reasons.ts'

type Environment = Readonly<Record<string, string>>

export interface Servers {
  service: FargateService
  balancer: ApplicationLoadBalancer
  targets: ApplicationTargetGroup
}

/** Public images as they are, by their versions: none is built for this. */
const images = {
  node: 'public.ecr.aws/docker/library/node:24-slim',
  aws: 'public.ecr.aws/aws-cli/aws-cli:2.31.0',
}
const port = 4180
const place = '/srv/benchplane'
const bundleFile = `${place}/index.mjs`

/** Streams are silent for 15 s at most. */
const idleSeconds = 120

/**
 * The server of `benchplane serve` on Fargate, without an image of its own: a first container fetches the bundle, and a
 * public Node runs it. For what outlasts the gateway: waits of minutes, event streams, large bodies. It keeps nothing and
 * runs no loop of the pipeline: the functions do.
 */
export const openServers = (stack: Stack, surroundings: Surroundings, environment: Environment): Servers => {
  const { options, data, vpc } = surroundings
  if (vpc === undefined) throw new Error('servers need a network')
  const cluster = new Cluster(stack, 'cluster', { vpc, containerInsightsV2: ContainerInsights.ENABLED })
  const service = new FargateService(stack, 'servers', {
    cluster: cluster as ICluster,
    taskDefinition: taskOf(stack, surroundings, environment),
    desiredCount: options.servers,
    minHealthyPercent: 100,
    circuitBreaker: { rollback: true },
  })
  const balancer = new ApplicationLoadBalancer(stack, 'balancer', {
    vpc,
    internetFacing: true,
    dropInvalidHeaderFields: true,
    deletionProtection: true,
    idleTimeout: Duration.seconds(idleSeconds),
  })
  acknowledge(balancer, 'publicBalancer')
  logged(balancer, data)
  const targets = listenedTo(stack, balancer, options).addTargets('servers', {
    targets: [service],
    port,
    protocol: ApplicationProtocol.HTTP,
    healthCheck: { path: '/healthz', interval: Duration.seconds(10), healthyThresholdCount: 2 },
    deregistrationDelay: Duration.seconds(30),
  })
  new CfnOutput(stack, 'ServersUrl', { value: `https://${balancer.loadBalancerDnsName}` })
  return { service, balancer, targets }
}

/** The region is known when it is deployed: its own way of asking for that wants it earlier. */
const logged = (balancer: ApplicationLoadBalancer, { accessLogs }: Data): void => {
  balancer.setAttribute('access_logs.s3.enabled', 'true')
  balancer.setAttribute('access_logs.s3.bucket', accessLogs.bucketName)
  balancer.setAttribute('access_logs.s3.prefix', 'servers')
}

const listenedTo = (stack: Stack, balancer: ApplicationLoadBalancer, { certificateArn = '' }: Options) =>
  balancer.addListener('tls', {
    port: 443,
    protocol: ApplicationProtocol.HTTPS,
    sslPolicy: SslPolicy.RECOMMENDED_TLS,
    certificates: [Certificate.fromCertificateArn(stack, 'certificate', certificateArn)],
  })

const taskOf = (stack: Stack, surroundings: Surroundings, environment: Environment): FargateTaskDefinition => {
  const { options, data, bundle } = surroundings
  const task = new FargateTaskDefinition(stack, 'server', {
    cpu: 512,
    memoryLimitMiB: 1_024,
    runtimePlatform: { cpuArchitecture: CpuArchitecture.ARM64, operatingSystemFamily: OperatingSystemFamily.LINUX },
    volumes: [{ name: 'bundle' }],
  })
  allowTables(task.taskRole, data.tables, tableAccess.server)
  allowBlobs(task.taskRole, data.blobs)
  allowTaskAnswers(task.taskRole, ['Heartbeat'])
  const { logDays: retention } = options
  const logGroup = new LogGroup(stack, 'serverLog', {
    retention: retention as RetentionDays,
    removalPolicy: RemovalPolicy.DESTROY,
  })
  const fetched = fetching(task, logGroup, bundle('server'))
  const server = task.addContainer('server', {
    image: ContainerImage.fromRegistry(images.node),
    command: ['node', '--enable-source-maps', bundleFile],
    environment: { ...environment, ...settingsOf(options) },
    logging: new AwsLogDriver({ logGroup, streamPrefix: 'server' }),
    portMappings: [{ containerPort: port }],
    readonlyRootFilesystem: true,
    user: 'node',
    stopTimeout: Duration.seconds(30),
  })
  server.addMountPoints({ sourceVolume: 'bundle', containerPath: place, readOnly: true })
  server.addContainerDependencies({ container: fetched, condition: ContainerDependencyCondition.SUCCESS })
  acknowledge(task, 'plainSettings')
  return task
}

/** As `serve` reads them. */
export const settingsOf = ({ prefix }: Options): Record<string, string> => ({
  BENCHPLANE_STORE: 'dynamodb',
  BENCHPLANE_TABLE_PREFIX: prefix,
  BENCHPLANE_HOST: '0.0.0.0',
  BENCHPLANE_PORT: String(port),
  BENCHPLANE_KEEPS: 'false',
  BENCHPLANE_TASK_TOKENS: 'true',
})

/** The bundle is one file, which lies where the deployment has put its assets. */
const fetching = (task: FargateTaskDefinition, logGroup: LogGroup, directory: string): ContainerDefinition => {
  const asset = new Asset(task, 'bundle', { path: `${directory}/index.mjs` })
  allow(task.taskRole, ['s3:GetObject'], [asset.bucket.arnForObjects(asset.s3ObjectKey)])
  const container = task.addContainer('fetch', {
    image: ContainerImage.fromRegistry(images.aws),
    command: ['s3', 'cp', asset.s3ObjectUrl, bundleFile],
    essential: false,
    logging: new AwsLogDriver({ logGroup, streamPrefix: 'fetch' }),
  })
  container.addMountPoints({ sourceVolume: 'bundle', containerPath: place, readOnly: false })
  return container
}
