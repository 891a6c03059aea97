import { type Problem, problemOf, unreachable } from './problem.ts'
import { persist } from './retry.ts'
import { type Silence, silenceAfter } from './silence.ts'
import { headersOf, type Settings, urlOf } from './transport.ts'

export interface StreamOptions {
  signal?: AbortSignal
  /** A connection on which nothing comes for so long is taken for dead: the server says something more often. */
  silenceMs?: number
  /** How long to try for a connection before `Unreachable` is thrown. */
  retryForMs?: number
}

const silenceMsDefault = 45_000

/** An answer that comes while it happens, or a refusal. */
export type Connection =
  | {
      /** Text as it comes. Ends when the answer does; throws when the connection breaks or falls silent. */
      texts: AsyncGenerator<string, void>
      /** Lets go of it, read to the end or not. */
      close: () => void
    }
  | { problem: Problem }

/** Connects, trying again like any other request does (see `persist`); with no answer at all, throws `Unreachable`. */
export const connect = async (
  settings: Settings,
  path: string,
  accept: string,
  { lastId, signal, ...options }: StreamOptions & { lastId?: string | undefined },
): Promise<Connection> => {
  const headers = headersOf(settings, accept)
  if (lastId !== undefined) headers.set('last-event-id', lastId)
  const tryOnce = async (): Promise<{ response: Response; silence: Silence } | { error: unknown }> => {
    const silence = silenceAfter(options.silenceMs ?? silenceMsDefault)
    try {
      const given = signal === undefined ? silence.signal : AbortSignal.any([signal, silence.signal])
      const init = { headers, redirect: 'error', signal: given } as const
      return { response: await (settings.fetch ?? fetch)(urlOf(settings, path), init), silence }
    } catch (error) {
      silence.end()
      return { error }
    }
  }
  const outcome = await persist(tryOnce, options.retryForMs ?? settings.retryForMs, signal)
  if ('error' in outcome) throw unreachable(settings.url, outcome.error)
  const { response, silence } = outcome
  if (response.ok && response.body !== null) return { texts: textsOf(response.body, silence), close: silence.end }
  const text = await response.text().catch(() => '')
  silence.end()
  return { problem: problemOf(response, text) }
}

async function* textsOf(body: ReadableStream<Uint8Array>, silence: Silence): AsyncGenerator<string, void> {
  const decoder = new TextDecoder()
  silence.heard()
  for await (const bytes of body) {
    silence.heard()
    yield decoder.decode(bytes, { stream: true })
  }
}
