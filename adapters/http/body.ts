/** The body of a request: bounded, and JSON that nothing behind it can stumble over. */
import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import type { InputFault } from '../routes/faults.ts'
import { problem } from './problems.ts'
import type { Reply } from './replies.ts'

/** Largest body in bytes. A log's piece or a plan of 1 000 tasks stays well below. */
export const bodyBytesMax = 1_000_000
/** Deepest nesting of JSON: everything behind may recurse. */
const nestingMax = 64

/** A whole body must come within this. */
const bodyMsMax = 60_000

type Bytes = Uint8Array | 'too large' | 'too slow' | 'broken off'

/** Counted as it comes, whatever content-length says; without a copy where Node's own message is at hand. */
const bytesOf = (request: Request, incoming: IncomingMessage | undefined): Promise<Bytes> =>
  incoming === undefined ? fromStream(request.body) : fromIncoming(incoming)

const fromStream = async (body: ReadableStream<Uint8Array> | null): Promise<Bytes> => {
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    for await (const chunk of body ?? []) {
      length += chunk.length
      if (length > bodyBytesMax) return 'too large'
      chunks.push(chunk)
    }
  } catch {
    return 'broken off'
  }
  return Buffer.concat(chunks)
}

const fromIncoming = (incoming: IncomingMessage): Promise<Bytes> =>
  new Promise((resolve) => {
    const chunks: Buffer[] = []
    let length = 0
    const onData = (chunk: Buffer): void => {
      length += chunk.length
      if (length > bodyBytesMax) {
        clearTimeout(slow)
        incoming.off('data', onData).pause()
        resolve('too large')
      } else chunks.push(chunk)
    }
    const slow = setTimeout(() => {
      incoming.off('data', onData).pause()
      resolve('too slow')
    }, bodyMsMax)
    const brokenOff = (): void => {
      clearTimeout(slow)
      resolve('broken off')
    }
    incoming.on('data', onData)
    incoming.on('end', () => {
      clearTimeout(slow)
      resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks))
    })
    incoming.on('error', brokenOff)
    incoming.on('close', brokenOff)
  })

/** The body piece by piece, at the speed of who reads it. Who stops reading before its end can still answer. */
export const rawBody = (request: Request, incoming: IncomingMessage | undefined): AsyncIterable<Uint8Array> =>
  incoming === undefined
    ? (request.body ?? noBytes)
    : { [Symbol.asyncIterator]: () => incoming.iterator({ destroyOnReturn: false }) as AsyncIterator<Uint8Array> }

const noBytes: AsyncIterable<Uint8Array> = { async *[Symbol.asyncIterator]() {} }

export type ReadBody = { value: unknown } | { fault: InputFault } | { reply: Reply }

export interface BodyHeaders {
  contentType: string | undefined
  contentEncoding: string | undefined
  contentLength: string | undefined
}

const json = /^application\/json *(?:; *charset="?utf-8"? *)?$/i

/** The JSON of the body; undefined for an empty one. `anyKeys`: `__proto__` too, for content that is only stored. */
export const readBody = async (
  request: Request,
  incoming: IncomingMessage | undefined,
  headers: BodyHeaders,
  anyKeys: boolean,
): Promise<ReadBody> => {
  if (Number(headers.contentLength ?? 0) > bodyBytesMax) return { reply: bodyTooLarge() }
  const bytes = await bytesOf(request, incoming)
  if (bytes === 'too large') return { reply: bodyTooLarge() }
  if (bytes === 'too slow') return { reply: bodyTooSlow() }
  // Its client has gone, and hears nothing of this.
  if (bytes === 'broken off') return { fault: { path: '', message: 'the body was broken off' } }
  if (bytes.length === 0) return { value: undefined }
  const { contentType = '', contentEncoding = 'identity' } = headers
  if (!json.test(contentType) || contentEncoding !== 'identity')
    return { reply: wrongType(contentType, contentEncoding) }
  if (!isUtf8(bytes)) return { fault: { path: '', message: 'the body is not UTF-8' } }
  return parsed(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString(), anyKeys)
}

/** What is left of the body is not read: the connection goes with it. */
const bodyTooLarge = (): Reply =>
  problem('too-large', `a body has at most ${bodyBytesMax} bytes`, { bytesMax: bodyBytesMax }, { connection: 'close' })

const bodyTooSlow = (): Reply =>
  problem('request-timeout', `a body comes within ${bodyMsMax} ms`, {}, { connection: 'close' })

const wrongType = (contentType: string, contentEncoding: string): Reply => {
  const sent =
    contentEncoding === 'identity' ? contentType.slice(0, 100) || 'none' : `${contentEncoding.slice(0, 20)}-encoded`
  return problem(
    'unsupported-media-type',
    `the body must be application/json in UTF-8, not ${sent}`,
    {},
    { accept: 'application/json' },
  )
}

const parsed = (text: string, anyKeys: boolean): ReadBody => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return { fault: { path: '', message: `not JSON: ${error instanceof Error ? error.message : ''}` } }
  }
  if (isDeeper(value, nestingMax)) return { fault: { path: '', message: `nested deeper than ${nestingMax} levels` } }
  const fault = oddities.test(text) ? oddityIn(value, anyKeys, '') : undefined
  return fault === undefined ? { value } : { fault }
}

const isDeeper = (value: unknown, levels: number): boolean => {
  if (typeof value !== 'object' || value === null) return false
  if (levels === 0) return true
  for (const key in value) if (isDeeper((value as Record<string, unknown>)[key], levels - 1)) return true
  return false
}

/** Texts that may hold what `oddityIn` looks for: escaped surrogates and underscores, and the one awkward name. */
const oddities = /\\u(?:[dD][89a-fA-F]|005[fF])|__proto__/

/** The first string that is no Unicode text, or a member that JavaScript takes for something else. */
const oddityIn = (value: unknown, anyKeys: boolean, path: string): InputFault | undefined => {
  if (typeof value === 'string') return value.isWellFormed() ? undefined : { path, message: 'half a surrogate pair' }
  if (typeof value !== 'object' || value === null) return undefined
  for (const [key, item] of Object.entries(value)) {
    const at = path === '' ? key : `${path}.${key}`
    if (!key.isWellFormed()) return { path, message: 'a name with half a surrogate pair' }
    if (key === '__proto__' && !anyKeys) return { path: at, message: 'a member of this name is not allowed' }
    const fault = oddityIn(item, anyKeys, at)
    if (fault !== undefined) return fault
  }
  return undefined
}
