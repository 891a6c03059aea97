import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export interface Seen {
  method: string
  url: string
  headers: IncomingMessage['headers']
  body: string
}

export type Answering = (response: ServerResponse, seen: Seen) => void

/** A server that answers its n-th request with the n-th function, and all others with the last. */
export const fakeServer = async (...answers: readonly Answering[]): Promise<{ url: string; seen: Seen[] }> => {
  const seen: Seen[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += String(chunk)))
    request.on('end', () => {
      const one = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body }
      seen.push(one)
      answers[Math.min(seen.length, answers.length) - 1]?.(response, one)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen }
}

export const json =
  (value: unknown, status = 200, headers: Record<string, string> = {}): Answering =>
  (response) =>
    response
      .writeHead(status, { 'content-type': status < 400 ? 'application/json' : 'application/problem+json', ...headers })
      .end(JSON.stringify(value))

export const text =
  (body: string, status = 200, contentType = 'text/plain'): Answering =>
  (response) =>
    response.writeHead(status, { 'content-type': contentType }).end(body)

/** Ends the connection without an answer, or in the middle of one. */
export const broken =
  (begun?: string): Answering =>
  (response) => {
    if (begun === undefined) response.destroy()
    else {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '10000' }).write(begun)
      setImmediate(() => response.destroy())
    }
  }

export const silent: Answering = () => undefined

/** Server-sent events; `isOpen`: the connection stays. */
export const events =
  (body: string, isOpen = false): Answering =>
  (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(body)
    if (!isOpen) setImmediate(() => response.destroy())
  }
