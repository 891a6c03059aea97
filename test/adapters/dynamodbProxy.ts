import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * What goes wrong with one request. The first four, and those of the second row, happen before the engine has heard of it,
 * the others after it has answered.
 */
export type Trouble =
  | ('refused' | 'throttled' | 'contended' | 'skewed' | 'cut' | 'lost' | 'failed')
  | ('slowed' | 'crowded' | 'unsigned' | 'away')
  | ('torn' | 'late')
export const troubles: readonly Trouble[] = ['refused', 'throttled', 'contended', 'skewed', 'cut', 'lost', 'failed']
/** All after which a request is sent again: only what is late comes. */
export const weather: readonly Trouble[] = [...troubles, 'slowed', 'crowded', 'unsigned', 'away', 'torn']

export interface Asked {
  operation: string
  about: 'history' | 'views' | 'leases' | 'streams' | undefined
}

/** Trouble for the nth request (from 1), or none. */
export type Plan = (n: number, asked: Asked) => Trouble | undefined

const bodyOf = async (message: IncomingMessage): Promise<Buffer> => Buffer.concat(await Array.fromAsync(message))

const askedOf = (message: IncomingMessage, body: Buffer): Asked => {
  const [service = '', operation = ''] = String(message.headers['x-amz-target']).split('.')
  if (service.startsWith('DynamoDBStreams')) return { operation, about: 'streams' }
  const table = /-(history|views|leases)"/.exec(body.toString())?.[1]
  return { operation, about: table as Asked['about'] }
}

const says = (response: ServerResponse, status: number, type: string, more: object = {}): void => {
  response.setHeader('content-type', 'application/x-amz-json-1.0')
  response.writeHead(status)
  response.end(JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${type}`, message: 'by the proxy', ...more }))
}

/** Transactions have reasons, one a member. */
const cancels = (response: ServerResponse, operation: string, code: string, otherwise: string): void => {
  if (operation !== 'TransactWriteItems') return says(response, 400, otherwise)
  const reason = { Code: code, Message: 'by the proxy' }
  return says(response, 400, 'TransactionCanceledException', { CancellationReasons: [{ Code: 'None' }, reason] })
}

/** The engine's time, by which the client sets its own. */
const hourAhead = (response: ServerResponse): void => {
  response.setHeader('date', new Date(Date.now() + 3_600_000).toUTCString())
}

/** What is answered without the engine. */
const refusals: { readonly [Each in Trouble]?: (response: ServerResponse, operation: string) => void } = {
  throttled: (response) => says(response, 400, 'ProvisionedThroughputExceededException'),
  slowed: (response) => says(response, 400, 'ThrottlingException'),
  away: (response) => says(response, 503, 'ServiceUnavailable'),
  contended: (response, operation) =>
    cancels(response, operation, 'TransactionConflict', 'TransactionConflictException'),
  crowded: (response, operation) => cancels(response, operation, 'ThrottlingError', 'RequestLimitExceeded'),
  skewed: (response) => {
    hourAhead(response)
    says(response, 403, 'RequestTimeTooSkewed')
  },
  unsigned: (response) => {
    hourAhead(response)
    says(response, 400, 'InvalidSignatureException')
  },
}

/** Longer than the engine ever takes, shorter than anybody's patience. */
const lateMs = 150

const forwarding =
  (endpoint: string, agent: Agent) =>
  (message: IncomingMessage, body: Buffer): Promise<{ answer: IncomingMessage; bytes: Buffer }> =>
    new Promise((resolve, reject) => {
      const options = { method: 'POST', headers: message.headers, agent }
      request(endpoint, options, (answer) => {
        bodyOf(answer).then((bytes) => resolve({ answer, bytes }), reject)
      })
        .on('error', reject)
        .end(body)
    })

/** Stands between a client and the engine, and makes things go wrong as told. */
export const openProxy = async (endpoint: string) => {
  let plan: Plan = () => undefined
  let count = 0
  const agent = new Agent({ keepAlive: true })
  const forward = forwarding(endpoint, agent)
  const serve = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await bodyOf(message)
    const asked = askedOf(message, body)
    const trouble = plan(++count, asked)
    if (trouble === 'refused') return void message.socket.destroy()
    const refuse = trouble && refusals[trouble]
    if (refuse !== undefined) return refuse(response, asked.operation)
    const { answer, bytes } = await forward(message, body)
    if (trouble === 'cut') return void message.socket.destroy()
    if (trouble === 'failed') return says(response, 500, 'InternalServerError')
    // Never answered: the client has to give up by itself.
    if (trouble === 'lost') return
    if (trouble === 'late') await sleep(lateMs)
    response.writeHead(answer.statusCode ?? 0, answer.headers)
    if (trouble === 'torn') response.write(bytes.subarray(0, bytes.length / 2), () => message.socket.destroy())
    else response.end(bytes)
  }
  const server = createServer((message, response) => {
    serve(message, response).catch(() => message.socket.destroy())
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** From the next request on, which is the first. */
    follow: (next: Plan): void => {
      plan = next
      count = 0
    },
    requestCount: () => count,
    close: async (): Promise<void> => {
      agent.destroy()
      server.closeAllConnections()
      await new Promise((resolve) => {
        server.close(resolve)
      })
    },
  }
}
