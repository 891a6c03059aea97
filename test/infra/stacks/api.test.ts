import { describe, expect, test } from 'vitest'
import { endpoints } from '../../../adapters/routes/endpoints.ts'
import { everything, type Resource, synthesised } from './synthesised.ts'

const given = synthesised()

describe('the gateway', () => {
  const routes = given.all('AWS::ApiGatewayV2::Route').map(({ Properties }) => Properties)

  test('asks for a token on every route but those that tell nothing of anybody', () => {
    const open = routes
      .filter((route) => route['AuthorizationType'] === 'NONE')
      .map((route) => String(route['RouteKey']))
    expect(open.sort()).toEqual(
      [endpoints.getDocs, endpoints.getHealth, endpoints.getOpenApi, endpoints.getReadiness].map(
        ({ path }) => `GET ${path}`,
      ),
    )
    const rest = routes.filter((route) => route['AuthorizationType'] === 'JWT')
    expect(rest.map((route) => route['RouteKey'])).toEqual(['ANY /{proxy+}'])
    expect(routes).toHaveLength(open.length + rest.length)
  })

  test('takes the tokens of the issuer that a deployment names, and has none by default', () => {
    const [authorizer] = given.all('AWS::ApiGatewayV2::Authorizer')
    expect(authorizer?.Properties).toMatchObject({
      AuthorizerType: 'JWT',
      JwtConfiguration: { Issuer: { Ref: 'JwtIssuer' }, Audience: [{ Ref: 'JwtAudience' }] },
    })
    const parameters = given.template('api').toJSON()['Parameters'] as Record<string, object>
    for (const name of ['JwtIssuer', 'JwtAudience']) expect(parameters[name]).not.toHaveProperty('Default')
  })

  test('writes down who has asked for what, and is not overrun', () => {
    const [stage] = given.all('AWS::ApiGatewayV2::Stage')
    expect(stage?.Properties).toMatchObject({
      AccessLogSettings: { DestinationArn: expect.anything() },
      DefaultRouteSettings: { ThrottlingRateLimit: 1_000, ThrottlingBurstLimit: 2_000 },
    })
  })
})

describe('servers', () => {
  const all = synthesised(everything)

  test('are there only when they are wanted, and so is a network', () => {
    expect(given.all('AWS::ECS::Service')).toEqual([])
    expect(given.stacks.map(({ stackName }) => stackName)).not.toContain('benchplane-network')
    expect(all.all('AWS::ECS::Service')[0]?.Properties).toMatchObject({ DesiredCount: 2, LaunchType: 'FARGATE' })
  })

  test('need no image of ours: one container fetches the bundle, a public Node runs it', () => {
    const [task] = all.all('AWS::ECS::TaskDefinition')
    const containers = task?.Properties['ContainerDefinitions'] as Record<string, unknown>[]
    const byName = Object.fromEntries(containers.map((each) => [each['Name'], each]))
    expect(byName['fetch']).toMatchObject({ Essential: false, Image: expect.stringMatching(/^public\.ecr\.aws\//) })
    expect(byName['server']).toMatchObject({
      Image: expect.stringMatching(/^public\.ecr\.aws\/docker\/library\/node:24/),
      Command: ['node', '--enable-source-maps', '/srv/benchplane/index.mjs'],
      DependsOn: [{ Condition: 'SUCCESS', ContainerName: 'fetch' }],
      ReadonlyRootFilesystem: true,
      User: 'node',
    })
    const environment = byName['server']?.['Environment'] as { Name: string; Value: unknown }[]
    const told = Object.fromEntries(environment.map(({ Name, Value }) => [Name, Value]))
    expect(told).toMatchObject({
      BENCHPLANE_STORE: 'dynamodb',
      BENCHPLANE_KEEPS: 'false',
      BENCHPLANE_JWT_ISSUER: { Ref: 'JwtIssuer' },
    })
  })

  test('are reached by TLS, and let streams be silent for longer than they are', () => {
    const listeners = all.all('AWS::ElasticLoadBalancingV2::Listener').map(({ Properties }) => Properties)
    expect(listeners.map((each) => each['Protocol'])).toEqual(['HTTPS'])
    const [balancer] = all.all('AWS::ElasticLoadBalancingV2::LoadBalancer')
    const attributes = balancer?.Properties['LoadBalancerAttributes'] as { Key: string; Value: string }[]
    expect(attributes).toContainEqual({ Key: 'idle_timeout.timeout_seconds', Value: '120' })
    const [targets] = all.all('AWS::ElasticLoadBalancingV2::TargetGroup')
    // Not readiness: while views are built anew nothing is ready, and a server that is replaced then never builds them.
    expect(targets?.Properties['HealthCheckPath']).toBe(endpoints.getHealth.path)
  })
})

describe('callbacks', () => {
  const toldTo = (resource: Resource | undefined): unknown => {
    const { Environment, ContainerDefinitions } = resource?.Properties ?? {}
    if (Environment !== undefined)
      return (Environment.Variables as Record<string, unknown>)['BENCHPLANE_CALLBACK_HOSTS']
    const containers = ContainerDefinitions as { Environment?: { Name: string; Value: unknown }[] }[]
    return containers.flatMap((each) => each.Environment ?? []).find(({ Name }) => Name === 'BENCHPLANE_CALLBACK_HOSTS')
      ?.Value
  }
  const toldBy = (options: Record<string, string>): unknown[] => {
    const { all } = synthesised({ ...everything, ...options })
    const functions = all('AWS::Lambda::Function')
    const named = (name: string) => functions.find(({ Properties }) => Properties['FunctionName'] === name)
    const [task] = all('AWS::ECS::TaskDefinition')
    return [named('benchplane-api'), named('benchplane-sweep'), task].map(toldTo)
  }

  test('go to public addresses only, unless a deployment names hosts: who takes and who sends them is told so', () => {
    expect(toldBy({})).toEqual(['public', 'public', 'public'])
    const hosts = 'ci.example.com,*.lab.example'
    expect(toldBy({ callbackHosts: hosts })).toEqual([hosts, hosts, hosts])
    expect(() => synthesised({ callbackHosts: 'http://ci' })).toThrow('-c callbackHosts: hosts, with commas between')
  })
})

describe('a network with endpoints', () => {
  const all = synthesised({ vpcEndpoints: 'true' })

  test('has one for each service that functions use, and the functions are in it', () => {
    const names = all.all('AWS::EC2::VPCEndpoint').map(({ Properties }) => JSON.stringify(Properties['ServiceName']))
    for (const service of ['dynamodb', 's3', 'events', 'states', 'sqs', 'logs'])
      expect(
        names.filter((name) => name.includes(`.${service}"`)),
        service,
      ).toHaveLength(1)
    for (const { Properties } of all.all('AWS::Lambda::Function')) expect(Properties['VpcConfig']).toBeDefined()
    for (const { Properties } of given.all('AWS::Lambda::Function')) expect(Properties['VpcConfig']).toBeUndefined()
  })
})
