/** From a request to a call: everything that came is checked, and every fault told at once, before anybody acts on it. */
import type { IncomingMessage } from 'node:http'
import type { Actor } from '../../domain/event.ts'
import type { Operation } from '../routes/endpoints.ts'
import { faultsOf, type InputFault } from '../routes/faults.ts'
import { nothing, type Route } from '../routes/route.ts'
import type { Parsed } from '../routes.ts'
import { rawBody, readBody } from './body.ts'
import type { Who } from './identity.ts'
import { invalid } from './problems.ts'
import type { Reply } from './replies.ts'
import { readingsOf, readParams, readQuery } from './text.ts'

/** Who calls and why: the same for every operation. */
export interface Caller {
  tenant: string
  actor: Actor
  correlationId: string
  traceparent?: string
  idempotencyKey?: string
  ifMatch?: number
  /** Of an event stream that is taken up again. */
  lastEventId?: string
  /** What the request says of itself, by lower-case name. */
  header: (name: string) => string | undefined
  /** The body of a `raw` operation, as it comes; throws when it is broken off. Read once. */
  bytes(): AsyncIterable<Uint8Array>
  /** Only the headers of the answer are wanted. */
  isHead: boolean
  /** Aborted when the client has gone. */
  gone(): AbortSignal
  /** Closes the connection, answered or not; false when there is none of which this could know. */
  cut(): boolean
}

/** A call of one operation. */
export interface Call<Op extends Operation> extends Parsed<Op>, Caller {}
/** A call of any. */
export interface AnyCall extends Caller {
  params: unknown
  query: unknown
  body: unknown
}

/** What came in, as the framework has it. */
export interface Incoming {
  request: Request
  /** Node's own message, where there is one: read without a detour. */
  message: IncomingMessage | undefined
  method: string
  /** Without the question mark. */
  search: string
  params: Readonly<Record<string, string>>
  header: (name: string) => string | undefined
}

const visible = /^[\x21-\x7e]{1,128}$/
const quotedVersion = /^"([1-9]\d{0,14})"$/
const traceContext = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

/** The id that everything a request causes carries: the client's, when it is fit to be logged. */
export const correlationOf = (incoming: Incoming, newId: () => string): { id: string; fault?: InputFault } => {
  const given = incoming.header('x-correlation-id')
  if (given === undefined) return { id: newId() }
  return visible.test(given) ? { id: given } : { id: newId(), fault: notVisible('X-Correlation-Id') }
}

const notVisible = (path: string): InputFault => ({ path, message: '1 to 128 visible ASCII characters' })

export interface Reader {
  (
    incoming: Incoming,
    correlation: { id: string; fault?: InputFault },
    who: Who,
  ): Promise<{ call: AnyCall } | { reply: Reply }>
}

/** Prepared once per operation: reads its requests. */
export const readerOf = (operation: Operation, route: Route): Reader => {
  const part = partsReader(route)
  const takesBody = route.body !== undefined || route.bodyless === true
  const bodySchema = route.body ?? nothing.prefault({})
  return async (incoming, correlation, who) => {
    const faults: InputFault[] = correlation.fault === undefined ? [] : [correlation.fault]
    const caller = callerOf(incoming, faults, { ...who, correlationId: correlation.id })
    const { params, query } = part(incoming, faults)
    let body: unknown
    if (takesBody) {
      const read = await readBody(
        incoming.request,
        incoming.message,
        bodyHeaders(incoming),
        operation === 'acceptMessage',
      )
      if ('reply' in read) return read
      if ('fault' in read) faults.push(read.fault)
      else body = checked(bodySchema, read.value, faults)
    }
    return faults.length > 0 ? { reply: invalid(faults) } : { call: { ...caller, params, query, body } }
  }
}

/** Path and query by their schemas; a part without one is undefined, and takes nothing. */
const partsReader = (route: Route) => {
  const [paramReadings, queryReadings] = [readingsOf(route.params), readingsOf(route.query)]
  const querySchema = route.query ?? nothing
  return (incoming: Incoming, faults: InputFault[]): { params: unknown; query: unknown } => {
    const params =
      route.params === undefined ? undefined : checked(route.params, readParams(incoming.params, paramReadings), faults)
    if (incoming.search === '' && route.query === undefined) return { params, query: undefined }
    const read = readQuery(incoming.search, queryReadings)
    faults.push(...read.faults)
    const query = checked(querySchema, read.query, faults)
    return { params, query: route.query === undefined ? undefined : query }
  }
}

const checked = (schema: NonNullable<Route['body']>, value: unknown, faults: InputFault[]): unknown => {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  faults.push(...faultsOf(result.error))
  return undefined
}

const bodyHeaders = ({ header }: Incoming) => ({
  contentType: header('content-type'),
  contentEncoding: header('content-encoding'),
  contentLength: header('content-length'),
})

/** A malformed traceparent is dropped, as W3C Trace Context wants it; other malformed headers are faults. */
const callerOf = (
  incoming: Incoming,
  faults: InputFault[],
  known: Pick<Caller, 'tenant' | 'actor' | 'correlationId'>,
): Caller => {
  const { request, message, header, method } = incoming
  const caller: Caller = {
    ...known,
    header,
    bytes: () => rawBody(request, message),
    isHead: method === 'HEAD',
    gone: () => request.signal,
    cut: () => message?.socket.destroy() !== undefined,
  }
  const [key, match, trace, last] = [
    header('idempotency-key'),
    header('if-match'),
    header('traceparent'),
    header('last-event-id'),
  ]
  if (key !== undefined && visible.test(key)) caller.idempotencyKey = key
  else if (key !== undefined) faults.push(notVisible('Idempotency-Key'))
  const version = match === undefined ? undefined : quotedVersion.exec(match)?.[1]
  if (version !== undefined) caller.ifMatch = Number(version)
  else if (match !== undefined) faults.push({ path: 'If-Match', message: 'a version in quotes, as ETag has it' })
  if (trace !== undefined && traceContext.test(trace)) caller.traceparent = trace
  if (last !== undefined && last !== '') caller.lastEventId = last
  return caller
}
