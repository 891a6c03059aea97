import { endpoints, type Operation } from '../routes/endpoints.ts'
import { addressOf, type Parts, unaddressable } from './address.ts'
import { type Download, type DownloadInput, downloadArtifact } from './artifacts.ts'
import type { StreamOptions } from './connection.ts'
import type { InputOf, Operations, ValueOf } from './operations.ts'
import type { Problem } from './problem.ts'
import type { TransferOptions } from './silence.ts'
import { follow, lines, type ServerMessage } from './stream.ts'
import { type Answer, type CallOptions, type Settings, send } from './transport.ts'
import { type UploadInput, type UploadOptions, uploadArtifact } from './uploads.ts'

/** One method per operation, and streams for what happens while one looks. */
export interface Client extends Operations {
  /** CloudEvents as they happen, from now or from after a cursor on, across lost connections. */
  followEvents(input: InputOf<'followEvents'>, options?: StreamOptions): AsyncGenerator<ServerMessage, void>
  /** A log while it is written, until its attempt is over. */
  followLog(input: InputOf<'readLog'>, options?: StreamOptions): AsyncGenerator<ServerMessage, void>
  /** A file that an attempt leaves, sent in pieces. */
  uploadArtifact(input: UploadInput, options?: UploadOptions): Promise<Answer<ValueOf<'uploadArtifact'>>>
  /** The same, fetched in pieces, in whole or from where it broke off. */
  downloadArtifact(input: DownloadInput, options?: TransferOptions): Promise<Answer<Download>>
  /** One commit a line, or a refusal alone. */
  exportHistory(input: InputOf<'exportHistory'>, options?: StreamOptions): AsyncGenerator<string | Problem, void>
}

/** `timeoutMs` for one try (30 000), `retryForMs` for all of them (10 000). */
export type ClientSettings = Pick<Settings, 'url' | 'token' | 'fetch'> & Partial<Settings>

/**
 * A client of one server. Every call ends: with an answer, with a `Problem` as a value, or by throwing `Unreachable`. What
 * got no answer, or "not now", is tried again with jitter; every mutation carries an Idempotency-Key, so that is safe.
 */
export const createClient = (given: ClientSettings): Client => {
  const settings: Settings = { timeoutMs: 30_000, retryForMs: 10_000, ...given }
  const methods = Object.keys(endpoints).map((operation) => [operation, methodOf(settings, operation as Operation)])
  return {
    ...(Object.fromEntries(methods) as Operations),
    followEvents: (input, options = {}) => follow(settings, pathOf('followEvents', input), () => false, options),
    followLog: (input, options = {}) =>
      follow(
        settings,
        pathOf('readLog', { ...input, query: { ...input.query, follow: true } }),
        ({ event }) => event === 'end',
        options,
      ),
    uploadArtifact: async (input, options) => refusedHere(input.params) ?? uploadArtifact(settings, input, options),
    downloadArtifact: async (input, options) => refusedHere(input.params) ?? downloadArtifact(settings, input, options),
    exportHistory: (input, options = {}) => lines(settings, pathOf('exportHistory', input), options),
  }
}

const pathOf = (operation: Operation, parts: Parts): string => addressOf(endpoints[operation].path, parts)

const methodOf =
  (settings: Settings, operation: Operation) =>
  async (input: Parts & { body?: unknown } = {}, options: CallOptions = {}): Promise<Answer<unknown>> => {
    const refused = refusedHere(input.params)
    if (refused !== undefined) return refused
    const { method } = endpoints[operation]
    return send(settings, { ...options, method, path: pathOf(operation, input), body: input.body })
  }

const refusedHere = (params: Parts['params']): { ok: false; problem: Problem } | undefined => {
  const wrong = unaddressable(params)
  return wrong.length === 0 ? undefined : { ok: false, problem: notAddressable(wrong) }
}

/** Told here because no server could: such an address means another resource. */
const notAddressable = (names: readonly string[]): Problem => ({
  type: 'about:blank',
  title: 'Invalid request',
  status: 0,
  code: 'invalid-request',
  detail: `${names.join(', ')}: empty, or only dots`,
  errors: names.map((path) => ({ path, message: 'may be neither empty nor only dots' })),
})
