import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { presignedFault } from './presigned.ts'

/**
 * What goes wrong with one request. `refused`: the connection is cut before the service has heard of it; `cut`: after it has
 * done it; `held`: the service hears of it when the promise resolves; `answer`: it never hears of it.
 */
export type Trouble =
  | { kind: 'refused' | 'cut' }
  | { kind: 'held'; until: Promise<unknown> }
  | { kind: 'answer'; status: number; code: string }

export interface Asked {
  /** `PutObject`, `GetObject`, …; `presigned` before it of one that no SDK has sent. */
  operation: string
  method: string
  path: string
  headers: IncomingMessage['headers']
  body: Buffer
}
export type Plan = (asked: Asked) => Trouble | undefined

const operationOf = ({ method, url = '' }: IncomingMessage): string => {
  const query = new URL(url, 'http://s3').searchParams
  const name =
    query.get('x-id') ?? (query.has('list-type') ? 'ListObjectsV2' : query.has('uploads') ? 'Create' : method)
  return query.has('X-Amz-Signature') ? `presigned ${name}` : String(name)
}

const refuse = (response: ServerResponse, status: number, code: string): void => {
  response.writeHead(status, { 'content-type': 'application/xml' })
  response.end(`<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>by proxy</Message></Error>`)
}

/** What S3 checks and moto does not: the signatures of presigned addresses, and SHA-256 of what comes. */
const faultOf = ({ headers, body }: Asked, message: IncomingMessage): [number, string] | undefined => {
  const fault = presignedFault(message)
  if (fault !== undefined) return [403, fault]
  const wanted = headers['x-amz-checksum-sha256']
  const isWrong = wanted !== undefined && createHash('sha256').update(body).digest('base64') !== wanted
  return isWrong ? [400, 'BadDigest'] : undefined
}

type Sent = () => Promise<IncomingMessage>

const forwardingTo = (endpoint: string, agent: Agent) => (message: IncomingMessage, body: Buffer) =>
  new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { ...message.headers, 'content-length': String(body.length) }
    delete headers['transfer-encoding']
    request(`${endpoint}${message.url}`, { method: message.method ?? 'GET', headers, agent }, resolve)
      .on('error', reject)
      .end(body)
  })

/** Writes of one key go one after the other: moto looks and writes in two steps, the service in one. */
const openTurns = () => {
  const turns = new Map<string, Promise<unknown>>()
  return (path: string, sent: Sent): Promise<IncomingMessage> => {
    const mine = (turns.get(path) ?? Promise.resolve()).then(sent, sent)
    turns.set(path, mine)
    return mine
  }
}

const askedOf = (message: IncomingMessage, body: Buffer): Asked => {
  const { method = '', url = '', headers } = message
  return { operation: operationOf(message), method, path: new URL(url, 'http://s3').pathname, headers, body }
}

/** Stands before moto's S3. */
export const openS3Proxy = async (endpoint: string) => {
  let plan: Plan = () => undefined
  const seen: Asked[] = []
  const agent = new Agent({ keepAlive: true })
  const [forward, inTurn] = [forwardingTo(endpoint, agent), openTurns()]
  const serve = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await buffer(message)
    const asked = askedOf(message, body)
    seen.push(asked)
    const trouble = plan(asked)
    if (trouble?.kind === 'refused') return void message.socket.destroy()
    if (trouble?.kind === 'answer') return refuse(response, trouble.status, trouble.code)
    if (trouble?.kind === 'held') await trouble.until
    const fault = faultOf(asked, message)
    if (fault !== undefined) return refuse(response, ...fault)
    const sent: Sent = () => forward(message, body)
    const answer = await (asked.method === 'PUT' ? inTurn(asked.path, sent) : sent())
    if (trouble?.kind === 'cut') return void message.socket.destroy()
    response.writeHead(answer.statusCode ?? 0, answer.headers)
    answer.pipe(response)
  }
  const server = createServer((message, response) => {
    serve(message, response).catch(() => message.socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    endpoint: `http://127.0.0.1:${port}`,
    follow: (next: Plan): void => {
      plan = next
      seen.length = 0
    },
    /** What was asked for, since the plan that is followed. */
    seen,
    operations: () => seen.map(({ operation }) => operation),
    close: async (): Promise<void> => {
      agent.destroy()
      server.closeAllConnections()
      await new Promise((resolve) => {
        server.close(resolve)
      })
    },
  }
}
export type S3Proxy = Awaited<ReturnType<typeof openS3Proxy>>
