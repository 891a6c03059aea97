/** Artifacts on their way out: as fast as they are read, in whole or from where a download broke off. */
import type { ArtifactKey } from '../../domain/artifactStore.ts'
import type { ExecutionState } from '../../domain/execution/state.ts'
import { fault } from '../../domain/faults.ts'
import { artifactIn } from './artifacts.ts'
import type { Call } from './call.ts'
import type { House } from './house.ts'
import { notFound, problem } from './problems.ts'
import { isFirstVersion, isKnown, rangeOf } from './ranges.ts'
import type { Reply } from './replies.ts'

export interface DownloadOptions {
  /** A client that has not taken what was sent for so long is cut off. Default 30 000. */
  stallMs: number
  /** Downloads at once; more are told to come back later. Default 256. */
  downloadCountMax: number
}

type Download = Call<'downloadArtifact'>

export const downloadArtifact = (house: House, options: DownloadOptions) => {
  const open = new Set<object>()
  const counts = { stalled: 0, failed: 0 }
  return async (call: Download): Promise<Reply> => {
    const { tenant, params, header, isHead } = call
    const { state } = await house.headOf(tenant, 'execution', params.executionId)
    const sha256 = artifactIn(state as ExecutionState, params)
    if (sha256 === undefined)
      return notFound(`artifact ${params.path} of attempt ${params.attempt} of ${params.taskName}`)
    const key = { tenant, executionId: params.executionId, sha256 }
    const size = await house.artifacts.size(key)
    if (size === undefined) throw fault('storage-unusable', `the bytes of artifact ${sha256} are gone`)
    const headers = { ...always(params.path), etag: `"${sha256}"` }
    if (isKnown(header('if-none-match'), sha256)) return { status: 304, body: null, headers }
    const asked = isFirstVersion(header('if-range'), sha256) ? rangeOf(header('range'), size) : undefined
    if (asked === 'unsatisfiable') {
      const told = { etag: headers.etag, 'accept-ranges': 'bytes', 'content-range': `bytes */${size}` }
      return problem('range-not-satisfiable', `it has ${size} bytes`, { bytes: size }, told)
    }
    if (!isHead && open.size >= options.downloadCountMax)
      return problem('overloaded', `${options.downloadCountMax} downloads are under way already`)
    if (!isHead && size > 0 && call.query.redirect) {
      const url = await house.artifacts.urlOf?.(key, shownAs(params.path))
      if (url !== undefined) return elsewhere(url, headers.etag)
    }
    const range = asked ?? { from: 0, to: size - 1 }
    return {
      status: asked === undefined ? 200 : 206,
      body: isHead || size === 0 ? null : bodyOf(house, call, key, range, { open, counts, ...options }),
      headers: {
        ...headers,
        'content-length': `${range.to + 1 - range.from}`,
        ...(asked === undefined ? {} : { 'content-range': `bytes ${range.from}-${range.to}/${size}` }),
      },
    }
  }
}

const nameOf = (path: string): string => path.split('/').at(-1) ?? ''
const shownAs = (path: string) => ({ fileName: nameOf(path), contentType: typeOf(path) })

/** The address is a key of its own, for a while: nobody is to keep it. */
const elsewhere = (url: string, etag: string): Reply => ({
  status: 307,
  body: null,
  headers: { location: url, etag, 'cache-control': 'no-store', 'content-length': '0' },
})

/** Shown in a browser it could act there in our name: it is saved, whatever it is. */
const always = (path: string): Record<string, string> => ({
  'content-type': typeOf(path),
  'content-disposition': `attachment; filename="${nameOf(path)}"`,
  'content-security-policy': "default-src 'none'; sandbox",
  'accept-ranges': 'bytes',
  'cache-control': 'private, no-cache',
})

const text = 'text/plain; charset=utf-8'
/** None of these is run by whoever opens it. */
const types: ReadonlyMap<string, string> = new Map([
  ...['txt', 'log', 'md', 'csv', 'tsv', 'yaml', 'yml'].map((end) => [end, text] as const),
  ['json', 'application/json'],
  ['xml', 'application/xml'],
  ['pdf', 'application/pdf'],
  ['zip', 'application/zip'],
  ['gz', 'application/gzip'],
  ['tar', 'application/x-tar'],
  ['png', 'image/png'],
  ['jpg', 'image/jpeg'],
  ['jpeg', 'image/jpeg'],
  ['gif', 'image/gif'],
  ['webp', 'image/webp'],
])
const typeOf = (path: string): string =>
  types.get(/\.(\w+)$/.exec(path)?.[1]?.toLowerCase() ?? '') ?? 'application/octet-stream'

interface Opened extends DownloadOptions {
  open: Set<object>
  /** How often it came to that, for the log. */
  counts: { stalled: number; failed: number }
}

const closed = (open: Set<object>, pieces: AsyncIterator<Uint8Array>): void => {
  open.delete(pieces)
  // Nobody hears it any more.
  Promise.resolve(pieces.return?.()).catch(() => {})
}

/** Opened with the first read, closed with the last, or when nobody reads any more. */
const bodyOf = (
  { artifacts, log }: House,
  call: Download,
  key: ArtifactKey,
  range: { from: number; to: number },
  { open, counts, stallMs }: Opened,
): ReadableStream<Uint8Array> => {
  const { correlationId } = call
  const pieces = artifacts.read(key, range)[Symbol.asyncIterator]()
  let stalled: NodeJS.Timeout | undefined
  open.add(pieces)
  const end = (): void => {
    clearTimeout(stalled)
    closed(open, pieces)
  }
  const watch = (controller: ReadableStreamDefaultController): void => {
    stalled = setTimeout(() => {
      counts.stalled += 1
      log.info({ correlationId, ...key, stallMs, count: counts.stalled }, 'a download that nobody reads is cut off')
      end()
      if (!call.cut()) controller.error(new Error(`nobody has read for ${stallMs} ms`))
    }, stallMs)
  }
  return new ReadableStream<Uint8Array>(
    {
      start: watch,
      pull: async (controller) => {
        clearTimeout(stalled)
        try {
          const next = await pieces.next()
          // Cancelled while it was read.
          if (!open.has(pieces)) return
          if (next.done === true) {
            end()
            return controller.close()
          }
          controller.enqueue(next.value)
          watch(controller)
        } catch (error) {
          counts.failed += 1
          log.error({ err: error, correlationId, ...key, count: counts.failed }, 'a download was broken off')
          end()
          if (!call.cut()) controller.error(error)
        }
      },
      cancel: end,
    },
    { highWaterMark: 0 },
  )
}
