/** The app on a port of this machine. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import type { App } from './app.ts'
import type { House } from './house.ts'
import { invalid, problem } from './problems.ts'
import type { Reply } from './replies.ts'

export interface ServerOptions {
  app: App
  /** Default 127.0.0.1. */
  host?: string
  /** Default 4180; 0: any that is free. */
  port?: number
  log: House['log']
  /** How long requests may take to end when the server closes. Default 5 000. */
  drainMs?: number
}

export interface RunningServer {
  /** Such as `http://127.0.0.1:4180`. */
  url: string
  /** Takes nothing new, ends streams and waits, lets the rest end; resolves when nothing is open. */
  close(): Promise<void>
}

/**
 * Headers must come within 10 s; idle connections live a little longer than proxies think. How long a body may take is up
 * to who reads it (see body.ts and uploads.ts): an upload that gets on takes as long as it takes.
 */
const timeouts = {
  headersTimeout: 10_000,
  requestTimeout: 0,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 2_000,
}
const headerBytesMax = 16 * 1024
const headerCountMax = 100
/** The body of a request that should have none must come within this. */
const uncalledForMsMax = 60_000
/** Open connections; more wait in the system's queue until one closes. */
const connectionCountMax = 20_000

/** Resolves when it listens. Rejects with what to do about it when the address can't be had. */
export const startServer = async ({
  app,
  host = '127.0.0.1',
  port = 4180,
  log,
  drainMs = 5_000,
}: ServerOptions): Promise<RunningServer> => {
  const listener = getRequestListener(app.fetch, { hostname: host, errorHandler: (error) => malformed(error, log) })
  let isClosing = false
  const server = createServer({ ...timeouts, maxHeaderSize: headerBytesMax }, (incoming, outgoing) => {
    if (hasBodyUncalledFor(incoming)) endWithin(incoming, uncalledForMsMax)
    if (isClosing) send(outgoing, problem('closing', 'the server is stopping'))
    else listener(incoming, outgoing).catch((error: unknown) => broken(error, outgoing, log))
  })
  server.maxHeadersCount = headerCountMax
  server.maxConnections = connectionCountMax
  server.on('clientError', (error, socket) => refuse(error, socket as Socket, log))
  await listening(server, host, port)
  const { address, port: actual, family } = server.address() as AddressInfo
  const name = family === 'IPv6' ? `[${address}]` : address
  const close = (): Promise<void> => {
    isClosing = true
    return closed(server, app, drainMs, log)
  }
  return { url: `http://${name}:${actual}`, close }
}

/** Nobody would read it, nor notice that it never ends. */
const hasBodyUncalledFor = ({ method, headers }: IncomingMessage): boolean =>
  (method === 'GET' || method === 'HEAD') &&
  (headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0')

const endWithin = (incoming: IncomingMessage, ms: number): void => {
  const late = setTimeout(() => incoming.socket.destroy(), ms)
  incoming.on('close', () => clearTimeout(late))
}

/** An answer without the app, after which the connection closes. */
const send = (outgoing: ServerResponse, { status, headers, body }: Reply): void => {
  outgoing.writeHead(status, { ...headers, connection: 'close' }).end(body)
}

const listening = (server: Server, host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(cannotListen(error, host, port)))
    server.listen(port, host, resolve)
  })

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use: stop what runs there, or choose another with --port',
  EACCES: 'is not for everybody: choose a port from 1024 on with --port',
  EADDRNOTAVAIL: 'is no address of this machine: choose another with --host',
}

/** Why the server can't be had there. `code` is Node's own. */
const cannotListen = (cause: NodeJS.ErrnoException, host: string, port: number): Error => {
  const { code = 'EUNKNOWN' } = cause
  return Object.assign(new Error(`${host}:${port} ${reasons[code] ?? `can't be listened on (${code})`}`, { cause }), {
    code,
  })
}

/** What the framework can't make a request of, such as an address or a Host that is none. */
const malformed = (error: unknown, log: House['log']): Response => {
  log.debug({ err: error }, 'a malformed request')
  const { body, status, headers } = invalid([
    { path: '', message: error instanceof Error ? error.message : 'malformed' },
  ])
  return new Response(body, { status, headers: { ...headers, connection: 'close' } })
}

/** What Node's parser can't make a request of: answered by hand, since there is nobody to answer it. */
const refuse = (error: NodeJS.ErrnoException, socket: Socket, log: House['log']): void => {
  log.debug({ err: error }, 'no HTTP')
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy()
  const { body, status, headers } = invalid([{ path: '', message: `not HTTP as it is expected here (${error.code})` }])
  const text = typeof body === 'string' ? body : ''
  const head = `HTTP/1.1 ${status} \r\ncontent-type: ${headers['content-type']}\r\ncontent-length: ${Buffer.byteLength(text)}\r\nconnection: close`
  socket.end(`${head}\r\n\r\n${text}`)
}

/** An answer that could not be sent as it was begun. */
const broken = (error: unknown, outgoing: ServerResponse, log: House['log']): void => {
  log.warn({ err: error }, 'an answer could not be sent')
  outgoing.destroy()
}

const closed = async (server: Server, app: App, drainMs: number, log: House['log']): Promise<void> => {
  const done = new Promise<void>((resolve) => {
    server.close(() => resolve())
  })
  app.drain()
  server.closeIdleConnections()
  const idle = setInterval(() => server.closeIdleConnections(), 50)
  const late = setTimeout(() => {
    log.warn({ drainMs }, 'requests that did not end in time are cut off')
    server.closeAllConnections()
  }, drainMs)
  await done
  clearInterval(idle)
  clearTimeout(late)
}
