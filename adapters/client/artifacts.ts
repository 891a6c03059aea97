import { endpoints } from '../routes/endpoints.ts'
import type { Input } from '../routes.ts'
import { addressOf } from './address.ts'
import type { ValueOf } from './operations.ts'
import { problemOf, unreachable } from './problem.ts'
import { persist } from './retry.ts'
import { type Silence, silenceAfter } from './silence.ts'
import { type Answer, answerOf, headersOf, type Settings, urlOf } from './transport.ts'

/** Files that attempts leave, sent and fetched in pieces: they are never in memory as a whole. */

export interface UploadInput {
  params: Input<'uploadArtifact'>['params']
  query: Input<'uploadArtifact'>['query']
  source: {
    /** How many bytes there are. */
    bytes: number
    /** The bytes from the first on: called again for each try. */
    open(): AsyncIterable<Uint8Array>
    /** Lower-case hex: has the server check what it was sent. */
    sha256?: string
  }
}

export interface TransferOptions {
  signal?: AbortSignal
  /** A try on which nothing gets on for so long is given up. Default 30 000. */
  silenceMs?: number
  /** For how long after the first try another is begun. Default: the client's. */
  retryForMs?: number
}

export interface UploadOptions extends TransferOptions {
  /** Default: a new one for every call, so that its tries are one command. */
  idempotencyKey?: string
}

const silenceMsDefault = 30_000

/** Sends a file, again from its start after a lost connection; throws `Unreachable` when there is no answer in the end. */
export const uploadArtifact = async (
  settings: Settings,
  { params, query, source }: UploadInput,
  { signal, silenceMs = silenceMsDefault, retryForMs = settings.retryForMs, idempotencyKey }: UploadOptions = {},
): Promise<Answer<ValueOf<'uploadArtifact'>>> => {
  const { method, path } = endpoints.uploadArtifact
  const url = urlOf(settings, addressOf(path, { params, query }))
  const headers = headersOf(settings, 'application/json, application/problem+json')
  headers.set('content-type', 'application/octet-stream')
  headers.set('content-length', `${source.bytes}`)
  headers.set('idempotency-key', idempotencyKey ?? crypto.randomUUID())
  if (source.sha256 !== undefined)
    headers.set('repr-digest', `sha-256=:${Buffer.from(source.sha256, 'hex').toString('base64')}:`)
  const outcome = await persist(
    async () => {
      const silence = silenceAfter(silenceMs)
      try {
        const given = signal === undefined ? silence.signal : AbortSignal.any([signal, silence.signal])
        const body = source.bytes === 0 ? new Uint8Array() : ReadableStream.from(heard(source.open(), silence))
        const init = { method, headers, body, duplex: 'half', redirect: 'error', signal: given } as const
        const response = await (settings.fetch ?? fetch)(url, init)
        return { response, text: await response.text() }
      } catch (error) {
        return { error }
      } finally {
        silence.end()
      }
    },
    retryForMs,
    signal,
  )
  if ('error' in outcome) throw unreachable(settings.url, outcome.error)
  return answerOf(settings, outcome) as Answer<ValueOf<'uploadArtifact'>>
}

async function* heard(source: AsyncIterable<Uint8Array>, silence: Silence): AsyncGenerator<Uint8Array, void> {
  for await (const piece of source) {
    silence.heard()
    yield piece
  }
  silence.heard()
}

export interface DownloadInput {
  params: Input<'downloadArtifact'>['params']
  /** What is there already: the bytes from `offset` on, if it still is the file of that SHA-256; else all of them. */
  from?: { offset: number; sha256: string }
}

export interface Download {
  /** The first byte that comes: 0, or the offset that was asked for. */
  offset: number
  /** Of the whole file. */
  bytes: number
  /** Of the whole file, lower-case hex. */
  sha256: string
  /** Read to its end, or returned. Throws `Unreachable` when it breaks off or falls silent: resume at what has come. */
  pieces: AsyncGenerator<Uint8Array, void>
}

/** Begins to fetch a file; the connection is tried like any other request's. */
export const downloadArtifact = async (
  settings: Settings,
  { params, from }: DownloadInput,
  { signal, silenceMs = silenceMsDefault, retryForMs = settings.retryForMs }: TransferOptions = {},
): Promise<Answer<Download>> => {
  const url = urlOf(settings, addressOf(endpoints.downloadArtifact.path, { params }))
  const headers = headersOf(settings, '*/*, application/problem+json')
  // As it is: what is counted and hashed are these bytes.
  headers.set('accept-encoding', 'identity')
  if (from !== undefined && from.offset > 0) {
    headers.set('range', `bytes=${from.offset}-`)
    headers.set('if-range', `"${from.sha256}"`)
  }
  const outcome = await persist(
    async () => {
      const silence = silenceAfter(silenceMs)
      try {
        const given = signal === undefined ? silence.signal : AbortSignal.any([signal, silence.signal])
        return {
          response: await (settings.fetch ?? fetch)(url, { headers, redirect: 'error', signal: given }),
          silence,
        }
      } catch (error) {
        silence.end()
        return { error }
      }
    },
    retryForMs,
    signal,
  )
  if ('error' in outcome) throw unreachable(settings.url, outcome.error)
  const { response, silence } = outcome
  if (response.ok) return { ok: true, value: downloadOf(settings, response, silence), headers: response.headers }
  const text = await response.text().catch(() => '')
  silence.end()
  return { ok: false, problem: problemOf(response, text) }
}

const downloadOf = (settings: Settings, response: Response, silence: Silence): Download => {
  const { headers } = response
  const [, first, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers.get('content-range') ?? '') ?? []
  return {
    offset: Number(first ?? 0),
    bytes: Number(total ?? headers.get('content-length') ?? 0),
    sha256: (headers.get('etag') ?? '').replaceAll('"', ''),
    pieces: piecesOf(settings, response, silence),
  }
}

async function* piecesOf(settings: Settings, { body }: Response, silence: Silence): AsyncGenerator<Uint8Array, void> {
  try {
    for await (const piece of body ?? []) {
      silence.heard()
      yield piece
      silence.heard()
    }
  } catch (error) {
    throw unreachable(settings.url, error)
  } finally {
    silence.end()
  }
}
