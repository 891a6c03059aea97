import { type Problem, problemOf, unreachable } from './problem.ts'
import { persist } from './retry.ts'

export interface Settings {
  /** Where the server is, such as `http://127.0.0.1:4180`; a path in it is kept. */
  url: string
  /** Sent as a bearer token. */
  token?: string
  fetch?: typeof fetch
  /** How long one try may take, its answer included. */
  timeoutMs: number
  /** For how long after the first try another is begun; 0: never again. */
  retryForMs: number
}

export interface CallOptions {
  timeoutMs?: number
  retryForMs?: number
  signal?: AbortSignal
  /** Default: a new one for every call, so that its tries are one command. */
  idempotencyKey?: string
  /** The version that must be the current one: else `version-mismatch`. */
  ifMatch?: number
  /** A command's answer tells only id, status (of reservations and executions) and version: see `Brief`. */
  prefer?: 'minimal'
}

interface Call extends CallOptions {
  method: string
  /** With its query, from `/` on. */
  path: string
  /** JSON; undefined: no body. */
  body?: unknown
}

/** What the server said. A refusal is a value; that nobody answers is thrown (`Unreachable`). */
export type Answer<Value> = { ok: true; value: Value; headers: Headers } | { ok: false; problem: Problem }

/** Every request's: who asks, and what is understood. */
export const headersOf = ({ token }: Settings, accept: string): Headers => {
  const headers = new Headers({ accept })
  if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
  return headers
}

export const urlOf = ({ url }: Settings, path: string): string => url.replace(/\/+$/, '') + path

/** A request with its key: the same for every try. */
const requestOf = (settings: Settings, call: Call): RequestInit => {
  const headers = headersOf(settings, 'application/json, text/*;q=0.5, application/problem+json')
  if (call.method !== 'GET') headers.set('idempotency-key', call.idempotencyKey ?? crypto.randomUUID())
  if (call.ifMatch !== undefined) headers.set('if-match', `"${call.ifMatch}"`)
  if (call.prefer !== undefined) headers.set('prefer', `return=${call.prefer}`)
  if (call.body !== undefined) headers.set('content-type', 'application/json')
  const body = call.body === undefined ? {} : { body: JSON.stringify(call.body) }
  return { method: call.method, headers, redirect: 'error', ...body }
}

/** Asks until there is an answer that stays (see `persist`); with none at all, throws `Unreachable`. */
export const send = async (settings: Settings, call: Call): Promise<Answer<unknown>> => {
  const [url, init] = [urlOf(settings, call.path), requestOf(settings, call)]
  const tryOnce = async (): Promise<{ response: Response; text: string } | { error: unknown }> => {
    const timeout = AbortSignal.timeout(call.timeoutMs ?? settings.timeoutMs)
    const signal = call.signal === undefined ? timeout : AbortSignal.any([timeout, call.signal])
    try {
      const response = await (settings.fetch ?? fetch)(url, { ...init, signal })
      return { response, text: await response.text() }
    } catch (error) {
      return { error }
    }
  }
  const outcome = await persist(tryOnce, call.retryForMs ?? settings.retryForMs, call.signal)
  if ('error' in outcome) throw unreachable(settings.url, outcome.error)
  return answerOf(settings, outcome)
}

export const answerOf = (
  settings: Settings,
  { response, text }: { response: Response; text: string },
): Answer<unknown> => {
  const { headers } = response
  if (!response.ok) return { ok: false, problem: problemOf(response, text) }
  if (!/\bjson\b/.test(headers.get('content-type') ?? ''))
    return { ok: true, value: text === '' ? undefined : text, headers }
  try {
    return { ok: true, value: JSON.parse(text) as unknown, headers }
  } catch (error) {
    throw unreachable(settings.url, error)
  }
}
