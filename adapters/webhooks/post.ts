import { lookup } from 'node:dns'
import { type IncomingMessage, type RequestOptions, request as requestPlain } from 'node:http'
import { request as requestTls } from 'node:https'
import { isPublicAddress } from '../callbackHosts.ts'
import { retryAfterMs } from '../client/retry.ts'
import { signed } from './signature.ts'

export interface Letter {
  url: string
  /** The same for every attempt: receivers tell by it what they have had already. */
  id: string
  body: string
  correlationId: string
  traceparent?: string
}

export type Posted =
  | { kind: 'taken' }
  /** `error`: why not. `isFinal`: the receiver wants no more of it (410). */
  | { kind: 'failed'; error: string; isFinal: boolean; retryAfterMs?: number }

/** Resolves whatever happens; rejects only when `signal` aborts. */
export type Post = (letter: Letter, signal: AbortSignal) => Promise<Posted>

export interface PostOptions {
  /** `whsec_…`, see signature.ts. */
  secret: string
  /** For connecting and the answer's head. Default 10 000. */
  timeoutMs?: number
  /** Names are followed to public addresses only. Default: anywhere. */
  isPublicOnly?: boolean
  /** Milliseconds of the epoch. */
  nowMs: () => number
}

const gone = 410

/** Sends events to addresses: one try, signed. No redirect is followed, and what is answered is not read. */
export const openPost =
  ({ secret, timeoutMs = 10_000, isPublicOnly = false, nowMs }: PostOptions): Post =>
  async ({ url, id, body, correlationId, traceparent }, signal) => {
    const headers = {
      'content-type': 'application/cloudevents+json; charset=utf-8',
      'content-length': Buffer.byteLength(body),
      'user-agent': 'benchplane',
      'x-correlation-id': correlationId,
      ...(traceparent === undefined ? {} : { traceparent }),
      ...signed(secret, { id, timestamp: Math.floor(nowMs() / 1_000), body }),
    }
    const timeout = AbortSignal.timeout(timeoutMs)
    const place = isPublicOnly ? { lookup: publicLookup } : {}
    const options = { method: 'POST', headers, agent: false, signal: AbortSignal.any([signal, timeout]), ...place }
    try {
      const { statusCode = 0, headers: answered } = await headOf(url, options, body)
      if (statusCode >= 200 && statusCode < 300) return { kind: 'taken' }
      const waitMs = retryAfterMs(answered['retry-after'] ?? null, nowMs())
      const failed = { kind: 'failed', error: `answered ${statusCode}`, isFinal: statusCode === gone } as const
      return waitMs === undefined ? failed : { ...failed, retryAfterMs: waitMs }
    } catch (error) {
      signal.throwIfAborted()
      const reason = timeout.aborted ? `no answer within ${timeoutMs} ms` : reasonOf(error)
      return { kind: 'failed', error: reason, isFinal: false }
    }
  }

const headOf = (url: string, options: RequestOptions, body: string): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const request = url.startsWith('https:') ? requestTls : requestPlain
    request(url, options, (answer) => {
      resolve(answer)
      answer.destroy()
    })
      .on('error', reject)
      .end(body)
  })

/** Asked for the connection itself, so that a name cannot stand for another address by then. */
const publicLookup: NonNullable<RequestOptions['lookup']> = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, found) => {
    if (error !== null) return callback(error, [])
    const isPublic = found.every(({ address }) => isPublicAddress(address))
    if (!isPublic) return callback(new Error(`${hostname} is not at a public address`), [])
    if (options.all === true) return callback(null, found)
    const [first] = found
    callback(null, first?.address ?? '', first?.family)
  })
}

/** Of several addresses that were tried there is no message, only a code. */
const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message || String((error as NodeJS.ErrnoException).code) : String(error)
