import { type App, Stack } from 'aws-cdk-lib'
import {
  FlowLogDestination,
  GatewayVpcEndpointAwsService,
  InterfaceVpcEndpointAwsService,
  IpAddresses,
  type IVpc,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2'
import { named, type Options } from './options.ts'
import { acknowledge } from './reasons.ts'

/** Interface endpoints are paid by the hour and zone; those of the tables and buckets are free. */
const interfaces = {
  events: InterfaceVpcEndpointAwsService.EVENTBRIDGE,
  states: InterfaceVpcEndpointAwsService.STEP_FUNCTIONS,
  sqs: InterfaceVpcEndpointAwsService.SQS,
  logs: InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
}

/**
 * A network of two zones, for servers and, where they are to reach AWS by its endpoints only, for functions. One way out is
 * left, through one NAT gateway: to the identity provider's keys, to receivers of callbacks, and to the servers' images.
 */
export const networkStack = (app: App, options: Options): IVpc => {
  const stack = new Stack(app, named(options, 'network'))
  const vpc = new Vpc(stack, 'vpc', {
    vpcName: named(options, 'vpc'),
    ipAddresses: IpAddresses.cidr('10.42.0.0/16'),
    maxAzs: 2,
    natGateways: 1,
    subnetConfiguration: [
      { name: 'public', subnetType: SubnetType.PUBLIC, cidrMask: 24, mapPublicIpOnLaunch: false },
      { name: 'private', subnetType: SubnetType.PRIVATE_WITH_EGRESS, cidrMask: 20 },
    ],
    gatewayEndpoints: {
      dynamodb: { service: GatewayVpcEndpointAwsService.DYNAMODB },
      s3: { service: GatewayVpcEndpointAwsService.S3 },
    },
    flowLogs: { all: { destination: FlowLogDestination.toCloudWatchLogs() } },
  })
  if (options.vpcEndpoints)
    for (const [name, service] of Object.entries(interfaces))
      acknowledge(vpc.addInterfaceEndpoint(name, { service }), 'ownAddresses')
  return vpc as IVpc
}
