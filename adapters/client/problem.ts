/** A refusal as the server tells it (RFC 9457). `code` is stable; the facts of the refusal are members beside it. */
export interface Problem {
  type: string
  title: string
  status: number
  /** Kebab-case: `interval-conflict`, `invalid-request`, … ; `http-502` and the like for an answer that is no problem document. */
  code: string
  detail: string
  /** Of an `invalid-request`: every fault at once. */
  errors?: readonly { path: string; message: string }[]
  [fact: string]: unknown
}

/** The problem that an answer tells; one is made of what came when something between us and the server answered. */
export const problemOf = (response: Response, text: string): Problem => {
  const body = objectOf(text)
  const code = typeof body['code'] === 'string' ? body['code'] : `http-${response.status}`
  const title = typeof body['title'] === 'string' ? body['title'] : response.statusText || code
  const detail = typeof body['detail'] === 'string' ? body['detail'] : title
  return { type: 'about:blank', ...body, title, status: response.status, code, detail }
}

const objectOf = (text: string): Record<string, unknown> => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : {}
  } catch {
    return {}
  }
}

/** Not the request's fault: the same may be answered otherwise later. */
export const isOutage = ({ status }: Problem): boolean => passing.has(status) || Math.floor(status / 100) === 5

/** Too many, or not now. What stands between (502, 504) can't tell whether the server saw it: a key makes that safe. */
export const passing: ReadonlySet<number> = new Set([429, 502, 503, 504])

/** Nobody answers: thrown, since it says nothing about what was asked. Whether a command took effect is unknown. */
export interface Unreachable extends Error {
  code: 'unreachable'
}

export const unreachable = (url: string, cause: unknown): Unreachable =>
  Object.assign(new Error(`${url} does not answer: ${reasonOf(cause)}`, { cause }), { code: 'unreachable' as const })

export const isUnreachable = (error: unknown): error is Unreachable =>
  error instanceof Error && 'code' in error && error.code === 'unreachable'

/** What fetch hides: its own message is always "fetch failed". */
const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  if (error.name === 'TimeoutError') return 'timed out'
  if (error.cause instanceof Error) return reasonOf(error.cause)
  return error.message === '' && 'code' in error ? String(error.code) : error.message
}
