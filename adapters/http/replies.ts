import { canonicalJson } from '../chain.ts'

/** What is answered, before it is a Response: plain, so that the server can send it without looking at it again. */
export interface Reply {
  status: number
  body: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null
  headers: Record<string, string>
  /** Of a problem: its code, for those who count them. */
  code?: string
}

type Headers = Record<string, string>

export const json = (value: unknown, status = 200, headers: Headers = {}): Reply => ({
  status,
  body: JSON.stringify(value),
  headers: { 'content-type': 'application/json', ...headers },
})

/** A resource: its members in canonical order, since a state that was just decided and the same read back differ in theirs. */
export const resource = (value: unknown, status = 200, headers: Headers = {}): Reply => ({
  ...json(null, status, headers),
  body: canonicalJson(value),
})

export const noContent: Reply = { status: 204, body: null, headers: {} }

export const content = (body: Exclude<Reply['body'], null>, contentType: string, headers: Headers = {}): Reply => ({
  status: 200,
  body,
  headers: { 'content-type': contentType, ...headers },
})

/** An answer that shows which version it is: `ETag: "<version>"`. */
export const etag = (version: number): Headers => ({ etag: `"${version}"` })
