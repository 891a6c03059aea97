import { endpoints } from '../routes/endpoints.ts'
import type { Input } from '../routes.ts'
import { addressOf } from './address.ts'
import { isBrought, type Target, targetOf } from './elsewhere.ts'
import type { ValueOf } from './operations.ts'
import { problemOf, unreachable } from './problem.ts'
import { persist } from './retry.ts'
import { type Silence, silenceAfter, silenceMsDefault, type TransferOptions } from './silence.ts'
import { type Answer, answerOf, headersOf, type Settings, urlOf } from './transport.ts'

/** Files that attempts leave, sent in pieces: they are never in memory as a whole. */

export interface UploadInput {
  params: Input<'uploadArtifact'>['params']
  query: Input<'uploadArtifact'>['query']
  source: {
    /** How many bytes there are. */
    bytes: number
    /** The bytes from the first on: called again for each try, and before it to hash what is large. */
    open(): AsyncIterable<Uint8Array>
    /** Lower-case hex: has the server check what it was sent. */
    sha256?: string
  }
}

export interface UploadOptions extends TransferOptions {
  /** Default: a new one for every call, so that its tries are one command. */
  idempotencyKey?: string
}

/** From so many bytes on the server is asked first where they are to go: that takes no time beside them. */
const offeredBytesMin = 4 * 1024 * 1024

type Told = { response: Response; text: string }
type Tried = Told | { error: unknown }

/**
 * Sends a file, again from its start after a lost connection; throws `Unreachable` when there is no answer in the end. Where
 * the server says that they lie elsewhere, the bytes are brought there; what can't be brought there goes through the server.
 */
export const uploadArtifact = async (
  settings: Settings,
  { params, query, source }: UploadInput,
  { signal, silenceMs, retryForMs = settings.retryForMs, idempotencyKey = crypto.randomUUID() }: UploadOptions = {},
): Promise<Answer<ValueOf<'uploadArtifact'>>> => {
  const url = urlOf(settings, addressOf(endpoints.uploadArtifact.path, { params, query }))
  const headers = headersOf(settings, 'application/json, application/problem+json')
  headers.set('idempotency-key', idempotencyKey)
  const sending = { settings, url, headers, source, signal, silenceMs }
  const digest = once(() => digestOf(sending))
  const tryOnce = async (): Promise<Tried> => {
    try {
      const told = source.bytes < offeredBytesMin ? undefined : await brought(sending, await digest())
      return told ?? (await through(sending))
    } catch (error) {
      return { error }
    }
  }
  const outcome = await persist(tryOnce, retryForMs, signal)
  if ('error' in outcome) throw unreachable(settings.url, outcome.error)
  return answerOf(settings, outcome) as Answer<ValueOf<'uploadArtifact'>>
}

interface Sending {
  settings: Settings
  url: string
  /** Of every request to the server. */
  headers: Headers
  source: UploadInput['source']
  signal: AbortSignal | undefined
  silenceMs: number | undefined
}

const once = <Value>(work: () => Promise<Value>): (() => Promise<Value>) => {
  let done: { value: Value } | undefined
  return async () => (done ??= { value: await work() }).value
}

const fieldOf = (base64: string): string => `sha-256=:${base64}:`

const digestOf = async ({ source, signal }: Sending): Promise<string> => {
  if (source.sha256 !== undefined) return fieldOf(Buffer.from(source.sha256, 'hex').toString('base64'))
  // Loaded when it is needed: a command line starts without it.
  const { createHash } = await import('node:crypto')
  const hash = createHash('sha256')
  for await (const piece of source.open()) {
    signal?.throwIfAborted()
    hash.update(piece)
  }
  return fieldOf(hash.digest('base64'))
}

/** The server's answer once the bytes lie where it wants them; undefined when they are to go through it. */
const brought = async (sending: Sending, digest: string): Promise<Told | undefined> => {
  const ask = async (): Promise<Told> => {
    const headers = new Headers(sending.headers)
    headers.set('upload-length', `${sending.source.bytes}`)
    headers.set('repr-digest', digest)
    return put(sending, sending.url, headers, false)
  }
  const offer = await ask()
  if (offer.response.status !== redirected) return isWantedHere(offer) ? undefined : offer
  const target = targetOf(sending.settings, offer.text)
  if (target === undefined || !(await isTakenBy(sending, target))) return undefined
  const answer = await ask()
  return isWantedHere(answer) ? undefined : answer
}

const redirected = 307
const isWantedHere = ({ response, text }: Told): boolean =>
  response.status === redirected || problemOf(response, text).code === 'bytes-required'

/** Whatever goes wrong there: it can still go through the server. */
const isTakenBy = async (sending: Sending, { url, headers }: Target): Promise<boolean> => {
  const told = await put(sending, url, new Headers(headers), true).catch(() => undefined)
  return told !== undefined && isBrought(told.response)
}

const through = (sending: Sending): Promise<Told> => {
  const headers = new Headers(sending.headers)
  const { sha256 } = sending.source
  headers.set('content-type', 'application/octet-stream')
  if (sha256 !== undefined) headers.set('repr-digest', fieldOf(Buffer.from(sha256, 'hex').toString('base64')))
  return put(sending, sending.url, headers, true)
}

/** One request, its body in pieces; rejects when nothing gets on any more. */
const put = async (
  { settings, source, signal, silenceMs = silenceMsDefault }: Sending,
  url: string,
  headers: Headers,
  hasBody: boolean,
): Promise<Told> => {
  const silence = silenceAfter(silenceMs)
  try {
    const given = signal === undefined ? silence.signal : AbortSignal.any([signal, silence.signal])
    const bytes = hasBody ? source.bytes : 0
    headers.set('content-length', `${bytes}`)
    const body = bytes === 0 ? new Uint8Array() : ReadableStream.from(heard(source.open(), silence))
    const init = { method: 'PUT', headers, body, duplex: 'half', redirect: 'manual', signal: given } as const
    const response = await (settings.fetch ?? fetch)(url, init)
    return { response, text: await response.text() }
  } finally {
    silence.end()
  }
}

async function* heard(source: AsyncIterable<Uint8Array>, silence: Silence): AsyncGenerator<Uint8Array, void> {
  for await (const piece of source) {
    silence.heard()
    yield piece
  }
  silence.heard()
}
