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
  /** Milliseconds of the epoch. */
  nowMs: () => number
}

const gone = 410

/** Sends events to addresses: one try, signed. No redirect is followed, and what is answered is not read. */
export const openPost =
  ({ secret, timeoutMs = 10_000, nowMs }: PostOptions): Post =>
  async ({ url, id, body, correlationId, traceparent }, signal) => {
    const headers = {
      'content-type': 'application/cloudevents+json; charset=utf-8',
      'user-agent': 'benchplane',
      'x-correlation-id': correlationId,
      ...(traceparent === undefined ? {} : { traceparent }),
      ...signed(secret, { id, timestamp: Math.floor(nowMs() / 1_000), body }),
    }
    const given = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
    try {
      const response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal: given })
      // What is not read would hold on to the connection.
      await response.body?.cancel().catch(() => undefined)
      if (response.ok) return { kind: 'taken' }
      const waitMs = retryAfterMs(response.headers.get('retry-after'), nowMs())
      const failed = {
        kind: 'failed',
        error: `answered ${response.status}`,
        isFinal: response.status === gone,
      } as const
      return waitMs === undefined ? failed : { ...failed, retryAfterMs: waitMs }
    } catch (error) {
      signal.throwIfAborted()
      return { kind: 'failed', error: reasonOf(error, timeoutMs), isFinal: false }
    }
  }

/** What fetch hides: its own message is always "fetch failed". */
const reasonOf = (error: unknown, timeoutMs: number): string => {
  if (!(error instanceof Error)) return String(error)
  if (error.name === 'TimeoutError') return `no answer within ${timeoutMs} ms`
  const { cause } = error
  return cause instanceof Error ? cause.message || String((cause as NodeJS.ErrnoException).code) : error.message
}
