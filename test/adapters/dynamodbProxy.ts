import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What goes wrong with one request. The first four happen before the engine has heard of it, the others after it has answered. */
export type Trouble = 'refused' | 'throttled' | 'contended' | 'skewed' | 'cut' | 'lost' | 'failed'
export const troubles: readonly Trouble[] = ['refused', 'throttled', 'contended', 'skewed', 'cut', 'lost', 'failed']

/** Trouble for the nth request (from 1), or none. */
export type Plan = (n: number) => Trouble | undefined

const bodyOf = async (message: IncomingMessage): Promise<Buffer> => Buffer.concat(await Array.fromAsync(message))

const says = (response: ServerResponse, status: number, type: string, more: object = {}): void => {
  response.setHeader('content-type', 'application/x-amz-json-1.0')
  response.writeHead(status)
  response.end(JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${type}`, message: 'by the proxy', ...more }))
}

/** Answers without the engine. Answers whether this trouble is such an answer. */
const refuse = (trouble: Trouble | undefined, operation: string, response: ServerResponse): boolean => {
  if (trouble === 'throttled') says(response, 400, 'ProvisionedThroughputExceededException')
  else if (trouble === 'skewed') {
    // The engine's time, by which the client sets its own.
    response.setHeader('date', new Date(Date.now() + 3_600_000).toUTCString())
    says(response, 403, 'RequestTimeTooSkewed')
  } else if (trouble !== 'contended') return false
  else if (operation !== 'TransactWriteItems') says(response, 400, 'TransactionConflictException')
  else
    says(response, 400, 'TransactionCanceledException', {
      CancellationReasons: [{ Code: 'None' }, { Code: 'TransactionConflict', Message: 'by the proxy' }],
    })
  return true
}

/** Stands between a client and the engine, and makes things go wrong as told. */
export const openProxy = async (endpoint: string) => {
  let plan: Plan = () => undefined
  let count = 0
  const agent = new Agent({ keepAlive: true })
  const forward = async (message: IncomingMessage, body: Buffer): Promise<{ answer: IncomingMessage; bytes: Buffer }> =>
    new Promise((resolve, reject) => {
      const options = { method: 'POST', headers: message.headers, agent }
      request(endpoint, options, (answer) => {
        bodyOf(answer).then((bytes) => resolve({ answer, bytes }), reject)
      })
        .on('error', reject)
        .end(body)
    })
  const serve = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await bodyOf(message)
    const operation = String(message.headers['x-amz-target']).split('.')[1] ?? ''
    const trouble = plan(++count)
    if (trouble === 'refused') return void message.socket.destroy()
    if (refuse(trouble, operation, response)) return
    const { answer, bytes } = await forward(message, body)
    if (trouble === 'cut') return void message.socket.destroy()
    if (trouble === 'failed') return says(response, 500, 'InternalServerError')
    // Never answered: the client has to give up by itself.
    if (trouble === 'lost') return
    response.writeHead(answer.statusCode ?? 0, answer.headers)
    response.end(bytes)
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
