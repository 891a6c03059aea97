import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

/**
 * What goes wrong with one request. `refused`: the connection is cut before the service has heard of it; `cut`: after it has
 * answered; `failed`: it has answered, and a 500 is told; `silent`: it has heard of nothing, and nobody is answered; `answer`: the service never hears of it; `partial`: of PutEvents,
 * the entries that are given a code fail, the others go on.
 */
export type Trouble =
  | { kind: 'refused' | 'cut' | 'failed' | 'silent' }
  | { kind: 'answer'; status: number; type: string }
  | { kind: 'partial'; codeOf: (entry: { Detail: string }, index: number) => string | undefined }

/** `n` counts the requests for this operation, from 1. */
export type Plan = (asked: { operation: string; n: number; body: string }) => Trouble | undefined
export const throttled: Trouble = { kind: 'answer', status: 400, type: 'ThrottlingException' }

/** A function that the service may invoke: what it throws is told as Lambda tells it. */
export type Invoked = (payload: unknown) => Promise<unknown>

const says = (response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void => {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1', ...headers })
  response.end(JSON.stringify(body))
}

const invocation = /^\/2015-03-31\/functions\/([^/]+)\/invocations/

interface Passed {
  status: number
  headers: IncomingMessage['headers']
  body: Buffer
}
type Forward = (message: IncomingMessage, body: Buffer) => Promise<Passed>

/** Sends a request on to where `endpoint` says by then. */
const forwarding =
  (agent: Agent, endpoint: () => string): Forward =>
  (message, body) =>
    new Promise((resolve, reject) => {
      const headers = { ...message.headers, 'content-length': String(body.length) }
      request(`${endpoint()}${message.url}`, { method: message.method ?? 'GET', headers, agent }, (answer) => {
        buffer(answer).then((bytes) => {
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: bytes })
        }, reject)
      })
        .on('error', reject)
        .end(body)
    })

interface Exchange {
  message: IncomingMessage
  body: Buffer
  response: ServerResponse
}

/** Answers, or does not, as the trouble is. */
const answer = async (trouble: Trouble | undefined, { message, body, response }: Exchange, forward: Forward) => {
  if (trouble?.kind === 'silent') return
  if (trouble?.kind === 'refused') return void message.socket.destroy()
  if (trouble?.kind === 'answer') return says(response, trouble.status, { __type: trouble.type, message: 'by proxy' })
  if (trouble?.kind === 'partial') return partly(trouble.codeOf, body, response, (rest) => forward(message, rest))
  const passed = await forward(message, body)
  if (trouble?.kind === 'cut') return void message.socket.destroy()
  if (trouble?.kind === 'failed') return says(response, 500, { __type: 'InternalFailure', message: 'by proxy' })
  response.writeHead(passed.status, passed.headers).end(passed.body)
}

/**
 * Stands between everybody and moto, moto's own calls to its other services included. Functions are invoked here, in the
 * test: moto itself would want Docker for them.
 */
export const openProxy = async () => {
  let endpoint = ''
  let plan: Plan = () => undefined
  const counts = new Map<string, number>()
  const functions = new Map<string, Invoked>()
  const agent = new Agent({ keepAlive: true })
  const forward = forwarding(agent, () => endpoint)
  const serve = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await buffer(message)
    const name = invocation.exec(message.url ?? '')?.[1]
    if (name !== undefined) return invoke(functions.get(decodeURIComponent(name)), body, response)
    const operation = String(message.headers['x-amz-target']).split('.')[1] ?? ''
    const n = (counts.get(operation) ?? 0) + 1
    counts.set(operation, n)
    return answer(plan({ operation, n, body: body.toString() }), { message, body, response }, forward)
  }
  const server = createServer((message, response) => {
    serve(message, response).catch(() => message.socket.destroy())
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    port,
    endpoint: `http://127.0.0.1:${port}`,
    standBefore: (service: string): void => {
      endpoint = service
    },
    /** From the next request on, counted anew. */
    follow: (next: Plan): void => {
      plan = next
      counts.clear()
    },
    /** Requests for an operation, since the plan that is followed. */
    countOf: (operation: string): number => counts.get(operation) ?? 0,
    runFunction: (name: string, invoked: Invoked): void => void functions.set(name, invoked),
    close: async (): Promise<void> => {
      agent.destroy()
      server.closeAllConnections()
      await new Promise((resolve) => {
        server.close(resolve)
      })
    },
  }
}
export type Proxy = Awaited<ReturnType<typeof openProxy>>

const invoke = async (invoked: Invoked | undefined, body: Buffer, response: ServerResponse): Promise<void> => {
  if (invoked === undefined) return says(response, 404, { Type: 'User', Message: 'no such function' })
  try {
    says(response, 200, ((await invoked(JSON.parse(body.toString()))) ?? null) as object)
  } catch (error) {
    const { name, message } = error as Error
    says(response, 200, { errorType: name, errorMessage: message }, { 'x-amz-function-error': 'Unhandled' })
  }
}

interface PutAnswer {
  FailedEntryCount: number
  Entries: object[]
}

const partly = async (
  codeOf: Extract<Trouble, { kind: 'partial' }>['codeOf'],
  body: Buffer,
  response: ServerResponse,
  forward: (body: Buffer) => Promise<Passed>,
): Promise<void> => {
  const { Entries } = JSON.parse(body.toString()) as { Entries: { Detail: string }[] }
  const codes = Entries.map(codeOf)
  const rest = Entries.filter((_, index) => codes[index] === undefined)
  const passed = rest.length === 0 ? undefined : await forward(Buffer.from(JSON.stringify({ Entries: rest })))
  const put = passed === undefined ? [] : (JSON.parse(passed.body.toString()) as PutAnswer).Entries
  const answers = codes.map((code) =>
    code === undefined ? put.shift() : { ErrorCode: code, ErrorMessage: 'by proxy' },
  )
  says(response, 200, { FailedEntryCount: codes.filter(Boolean).length, Entries: answers })
}
