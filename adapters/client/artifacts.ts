import { endpoints } from '../routes/endpoints.ts'
import type { Input } from '../routes.ts'
import { addressOf } from './address.ts'
import { locationOf } from './elsewhere.ts'
import { largeFetch } from './largeFetch.ts'
import { problemOf, unreachable } from './problem.ts'
import { persist } from './retry.ts'
import { type Silence, silenceAfter, silenceMsDefault, type TransferOptions } from './silence.ts'
import { type Answer, headersOf, type Settings, urlOf } from './transport.ts'

/** Files that attempts leave, fetched in pieces: they are never in memory as a whole. */

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

/**
 * Begins to fetch a file; the connection is tried like any other request's. Where the server says that the bytes lie elsewhere,
 * they are fetched from there; what can't be had there comes through the server.
 */
export const downloadArtifact = async (
  settings: Settings,
  { params, from }: DownloadInput,
  { signal, silenceMs, retryForMs = settings.retryForMs }: TransferOptions = {},
): Promise<Answer<Download>> => {
  const { path } = endpoints.downloadArtifact
  const headers = headersOf(settings, '*/*, application/problem+json')
  // As it is: what is counted and hashed are these bytes.
  headers.set('accept-encoding', 'identity')
  if (from !== undefined && from.offset > 0) {
    headers.set('range', `bytes=${from.offset}-`)
    headers.set('if-range', `"${from.sha256}"`)
  }
  const get = (url: string, own: Headers): Promise<Begun> => begin(settings, url, own, signal, silenceMs)
  const tryOnce = async (): Promise<Begun | { error: unknown }> => {
    try {
      const told = await get(urlOf(settings, addressOf(path, { params })), headers)
      if (told.response.status !== 307) return told
      const found = await foundElsewhere(settings, told, from, get)
      return found ?? (await get(urlOf(settings, addressOf(path, { params, query: { redirect: false } })), headers))
    } catch (error) {
      return { error }
    }
  }
  const outcome = await persist(tryOnce, retryForMs, signal)
  if ('error' in outcome) throw unreachable(settings.url, outcome.error)
  const { response, silence } = outcome
  if (response.ok) return { ok: true, value: downloadOf(settings, outcome), headers: response.headers }
  const text = await response.text().catch(() => '')
  silence.end()
  return { ok: false, problem: problemOf(response, text) }
}

/** An answer whose body is still to come. */
interface Begun {
  response: Response
  silence: Silence
  /** The server's ETag. */
  etag: string
}

const begin = async (
  settings: Settings,
  url: string,
  headers: Headers,
  signal: AbortSignal | undefined,
  silenceMs = silenceMsDefault,
): Promise<Begun> => {
  const silence = silenceAfter(silenceMs)
  try {
    const given = signal === undefined ? silence.signal : AbortSignal.any([signal, silence.signal])
    const ask = settings.fetch ?? (await largeFetch())
    const response = await ask(url, { headers, redirect: 'manual', signal: given })
    return { response, silence, etag: response.headers.get('etag') ?? '' }
  } catch (error) {
    silence.end()
    throw error
  }
}

/** There ETags are others: what `If-Range` asks, the server's own ETag has answered. Undefined: not to be had there. */
const foundElsewhere = async (
  settings: Settings,
  { response, silence, etag }: Begun,
  from: DownloadInput['from'],
  get: (url: string, headers: Headers) => Promise<Begun>,
): Promise<Begun | undefined> => {
  silence.end()
  const location = locationOf(settings, response)
  if (location === undefined) return undefined
  const headers = new Headers({ 'accept-encoding': 'identity' })
  if (from !== undefined && from.offset > 0 && etag === `"${from.sha256}"`)
    headers.set('range', `bytes=${from.offset}-`)
  const found = await get(location, headers).catch(() => undefined)
  if (found?.response.ok === true) return { ...found, etag }
  found?.silence.end()
  return undefined
}

const downloadOf = (settings: Settings, { response, silence, etag }: Begun): Download => {
  const { headers } = response
  const [, first, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers.get('content-range') ?? '') ?? []
  return {
    offset: Number(first ?? 0),
    bytes: Number(total ?? headers.get('content-length') ?? 0),
    sha256: etag.replaceAll('"', ''),
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
