/** The API as an app that any server can run: routes → handlers, and whatever happens answered as it is promised. */
import type { HttpBindings } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { TrieRouter } from 'hono/router/trie-router'
import type { Actor } from '../../domain/event.ts'
import { endpoints, openOperations } from '../routes/endpoints.ts'
import { operations } from '../routes.ts'
import { type AnyCall, correlationOf, type Incoming, type Reader, readerOf } from './call.ts'
import { guard } from './guards.ts'
import { createHandlers, type HandlerOptions } from './handlers.ts'
import type { House } from './house.ts'
import type { Who } from './identity.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { problem, serverFaultFrom, thrown } from './problems.ts'
import type { Reply } from './replies.ts'

export interface AppOptions extends HandlerOptions {
  /** Who everybody is while identity is not configured. */
  tenant: string
  actor: Actor
}

type Bindings = { Bindings: Partial<HttpBindings> }
export interface App extends Hono<Bindings> {
  /** Ends what is open for long: streams and waiting claims. For a server that stops. */
  drain(): void
}

export const defaults: AppOptions = {
  tenant: 'default',
  actor: { kind: 'user', id: 'local' },
  version: '0.1.0',
  heartbeatMs: 15_000,
  stallMs: 30_000,
  streamCountMax: 1_000,
  uploadCountMax: 64,
  downloadCountMax: 256,
}

export const createApp = (house: House, options: Partial<AppOptions> = {}): App => {
  const settings = { ...defaults, ...options }
  const metrics = createMetrics(house)
  const closing = new AbortController()
  const { handlers, drain } = createHandlers(house, metrics, closing.signal, settings)
  const app = new Hono<Bindings>({ router: new TrieRouter() })
  const respond = responder(house, metrics, settings)
  const asks = askerOf(settings)
  for (const { operation, method, path, route } of operations) {
    const read = identified(readerOf(operation, route), asks(path))
    const handle = handlers[operation] as (call: AnyCall) => Reply | Promise<Reply>
    app.on(method, honoPath(path), (context) => respond(context, operation, read, handle))
  }
  app.notFound((context) => respond(context, 'other', undefined, () => elsewhere(context.req.method, context.req.path)))
  return Object.assign(app, {
    drain: () => {
      closing.abort()
      drain()
    },
  })
}

/** Only a `path` may hold slashes. */
const honoPath = (path: string): string => path.replace('{path}', ':path{[^]+}').replaceAll(/\{(\w+)\}/g, ':$1')

/** The addresses that there are, each with its methods. */
const places = [...Map.groupBy(operations, ({ path }) => path)].map(([path, all]) => {
  const methods = all.map(({ method }): string => method)
  const pattern = new RegExp(
    `^${path
      .replaceAll('.', '\\.')
      .replace('{path}', '[^]+')
      .replaceAll(/\{\w+\}/g, '[^/]+')}$`,
  )
  return { pattern, methods: methods.includes('GET') ? [...methods, 'HEAD'] : methods }
})

/** Where no operation is: an address with other methods, or none at all. */
const elsewhere = (method: string, path: string): Reply => {
  const methods = places.find(({ pattern }) => pattern.test(path))?.methods
  if (methods === undefined) return problem('not-found', 'there is nothing at this address')
  return problem(
    'method-not-allowed',
    `${method} is not for this address`,
    { allow: methods },
    { allow: methods.join(', ') },
  )
}

const openToAll: ReadonlySet<string> = new Set(openOperations.map((operation) => endpoints[operation].path))

/** Who calls: asked wherever anything is told of anybody. */
const askerOf = ({ tenant, actor, identity }: AppOptions) => {
  const anybody = { tenant, actor }
  return (path: string): Asks =>
    identity === undefined || openToAll.has(path)
      ? () => anybody
      : ({ header }, correlationId) => identity.identify(header('authorization'), correlationId)
}

type Asks = (incoming: Incoming, correlationId: string) => Who | Promise<Who | { reply: Reply }>
type Identified = (...asked: [Incoming, ReturnType<typeof correlationOf>]) => ReturnType<Reader>

/** Nothing of a request is read before it is known whose it is. */
const identified =
  (read: Reader, asks: Asks): Identified =>
  async (incoming, correlation) => {
    const who = await asks(incoming, correlation.id)
    return 'reply' in who ? who : read(incoming, correlation, who)
  }

const noCall = { call: {} as AnyCall }

type Handle = (call: AnyCall) => Reply | Promise<Reply>

/** One request, from its headers to its answer. Without a reader, the handler is not given a call. */
const responder = (house: House, metrics: Metrics, { identity }: AppOptions) => {
  let failureCount = 0

  const failed = (error: unknown, operation: string, correlationId: string): Reply => {
    const reply = thrown(error)
    failureCount += 1
    const facts = { err: error, operation, correlationId, status: reply.status, count: failureCount }
    if (reply.status >= serverFaultFrom) house.log.error(facts, 'a request failed')
    return reply
  }

  return async (
    context: Context<Bindings>,
    operation: string,
    read: Identified | undefined,
    handle: Handle,
  ): Promise<Response> => {
    const startedAt = performance.now()
    const incoming = incomingOf(context)
    const correlation = correlationOf(incoming, () => house.newId())
    // A token has to be put into a request by who has it: no page from elsewhere does.
    let reply = identity === undefined ? guard(guardedHeaders(context, incoming)) : undefined
    try {
      if (reply === undefined) {
        const ready = read === undefined ? noCall : await read(incoming, correlation)
        reply = 'reply' in ready ? ready.reply : await handle(ready.call)
      }
    } catch (error) {
      reply = failed(error, operation, correlation.id)
    }
    if (reply.code !== undefined) metrics.problem(reply.code)
    metrics.observe(operation, reply.status, (performance.now() - startedAt) / 1_000)
    return responseOf(reply, correlation.id)
  }
}

const responseOf = ({ status, body, headers }: Reply, correlationId: string): Response =>
  new Response(body, {
    status,
    headers: { ...headers, 'x-correlation-id': correlationId, 'x-content-type-options': 'nosniff' },
  })

const incomingOf = (context: Context<Bindings>): Incoming => {
  const request = context.req.raw
  const message = context.env?.incoming
  const { url } = request
  const question = url.indexOf('?')
  const fragment = url.indexOf('#')
  return {
    request,
    message: message === undefined || 'stream' in message ? undefined : message,
    method: request.method,
    search: question < 0 ? '' : url.slice(question + 1, fragment < 0 ? undefined : fragment),
    params: context.req.param(),
    header:
      message === undefined
        ? (name) => request.headers.get(name) ?? undefined
        : (name) => message.headers[name] as string | undefined,
  }
}

const guardedHeaders = (context: Context<Bindings>, { header, method, request }: Incoming) => ({
  method,
  host: header('host') ?? new URL(request.url).host,
  origin: header('origin'),
  fetchSite: header('sec-fetch-site'),
})
