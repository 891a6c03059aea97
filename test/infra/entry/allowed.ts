/** DynamoDB asks nobody for a right when it runs here; this does, before it, as the policies of the templates say. */
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { onTestFinished } from 'vitest'
import { layout, type TableKey } from '../../../adapters/dynamodb/layout.ts'

type Properties = Record<string, any> // oxlint-disable-line typescript/no-explicit-any -- whatever a template says

/** What a request does, one for each of its members. */
interface Deed {
  action: string
  table: TableKey
  /** Of the item that is written or read; undefined: of several, or none. */
  partition: string | undefined
}

export type IsAllowed = (deed: Deed) => boolean

interface Statement {
  Effect: string
  Action: string | string[]
  Resource: unknown
  Condition?: { 'ForAllValues:StringEquals'?: { 'dynamodb:LeadingKeys'?: string | string[] } }
}

const listed = <Value>(value: Value | Value[]): Value[] => (Array.isArray(value) ? value : [value])

/** `all`: the properties of the templates' resources of a type. Throws when there is no such function. */
export const allowedTo = (functionName: string, all: (type: string) => Properties[]): IsAllowed => {
  const own = all('AWS::Lambda::Function').find((each) => each['FunctionName'] === functionName)
  const role = own?.['Role']['Fn::GetAtt'][0] as string | undefined
  if (role === undefined) throw new Error(`there is no function ${functionName}`)
  const policies = all('AWS::IAM::Policy').filter(({ Roles }) =>
    (Roles as Properties[]).some(({ Ref }) => Ref === role),
  )
  const statements = policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement as Statement[])
  return ({ action, table, partition }) =>
    statements.some(({ Effect, Action, Resource, Condition }) => {
      const keys = Condition?.['ForAllValues:StringEquals']?.['dynamodb:LeadingKeys']
      return (
        Effect === 'Allow' &&
        listed(Action).includes(`dynamodb:${action}`) &&
        new RegExp(`ExportsOutputFnGetAtt${table}[0-9A-F]{8}Arn`).test(JSON.stringify(Resource)) &&
        (keys === undefined || (partition !== undefined && listed(keys).includes(partition)))
      )
    })
}

const tableOf = (name: string): TableKey => name.slice(name.lastIndexOf('-') + 1) as TableKey

const deedOf = (action: string, { TableName, Item, Key }: Properties): Deed => {
  const table = tableOf(TableName as string)
  return { action, table, partition: (Item ?? Key)?.[layout.tables[table].hashKey.name]?.S as string | undefined }
}

const memberActions: Readonly<Record<string, string>> = {
  Put: 'PutItem',
  Update: 'UpdateItem',
  Delete: 'DeleteItem',
  ConditionCheck: 'ConditionCheckItem',
  Get: 'GetItem',
}

const deedsOf = (operation: string, body: Properties): Deed[] => {
  if (body['TransactItems'] !== undefined)
    return (body['TransactItems'] as Record<string, Properties>[]).flatMap((member) =>
      Object.entries(member).map(([kind, told]) => deedOf(memberActions[kind] ?? kind, told)),
    )
  if (body['RequestItems'] !== undefined)
    return Object.keys(body['RequestItems'] as object).map((TableName) => deedOf(operation, { TableName }))
  return [deedOf(operation, body)]
}

const forwarded = (endpoint: string, agent: Agent, headers: IncomingMessage['headers'], body: Buffer) =>
  new Promise<IncomingMessage>((resolve, reject) => {
    request(endpoint, { method: 'POST', headers, agent }, resolve).on('error', reject).end(body)
  })

/** Before the engine, for one role: what it may not do is refused as AWS does, and listed. */
export const openGuard = async (endpoint: string, isAllowed: IsAllowed) => {
  const refused: string[] = []
  const agent = new Agent({ keepAlive: true })
  const serve = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await buffer(message)
    const operation = String(message.headers['x-amz-target']).split('.')[1] ?? ''
    const wrong = deedsOf(operation, JSON.parse(body.toString()) as Properties).filter((deed) => !isAllowed(deed))
    if (wrong.length > 0) {
      refused.push(...wrong.map(({ action, table, partition }) => `${action} ${table} ${partition ?? ''}`.trim()))
      const refusal = { __type: 'com.amazon.coral.service#AccessDeniedException', Message: refused.at(-1) }
      response.writeHead(400, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(refusal))
      return
    }
    const answer = await forwarded(endpoint, agent, message.headers, body)
    response.writeHead(answer.statusCode ?? 0, answer.headers)
    response.end(await buffer(answer))
  }
  const server = createServer((message, response) => {
    serve(message, response).catch(() => message.socket.destroy())
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  onTestFinished(() => {
    agent.destroy()
    server.closeAllConnections()
    server.close()
  })
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, refused: () => refused }
}
