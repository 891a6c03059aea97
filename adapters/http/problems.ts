/**
 * What goes wrong, as RFC 9457 problems: the one place where a problem gets its status. `code` is stable and kebab-case;
 * what explains the problem stands beside it.
 */

import type { Rejection } from '../../domain/decider.ts'
import { isFault } from '../../domain/faults.ts'
import type { InputFault } from '../routes/faults.ts'
import type { Route } from '../routes/route.ts'
import type { Reply } from './replies.ts'

const statuses = {
  'invalid-request': 400,
  unauthenticated: 401,
  'host-not-allowed': 403,
  'origin-not-allowed': 403,
  'not-found': 404,
  'method-not-allowed': 405,
  'request-timeout': 408,
  'bytes-required': 411,
  'version-mismatch': 412,
  'too-large': 413,
  'unsupported-media-type': 415,
  'range-not-satisfiable': 416,
  'idempotency-key-reused': 422,
  'internal-error': 500,
  'history-damaged': 500,
  closing: 503,
  'identity-unavailable': 503,
  'not-ready': 503,
  overloaded: 503,
  contended: 503,
  'storage-unavailable': 503,
  'view-behind': 503,
} as const
export type Code = keyof typeof statuses

/** The domain's no: 409, with the rejection's name as code. */
const refusedStatus = 409
/** Answers from here on are the server's fault: logged as errors. */
export const serverFaultFrom = 500

/** The statuses of problems that an operation's callers have to reckon with. */
export const problemStatuses = ({ params, query, body, raw, command, responses }: Route): readonly number[] => {
  const takesInput = params !== undefined || query !== undefined || body !== undefined
  const codes: readonly Code[] = [
    ...(takesInput ? (['invalid-request'] as const) : []),
    ...(params === undefined ? [] : (['not-found'] as const)),
    ...(body === undefined && raw === undefined ? [] : (['too-large', 'unsupported-media-type'] as const)),
    ...(raw === undefined ? [] : (['bytes-required'] as const)),
    ...(responses[206] === undefined ? [] : (['range-not-satisfiable'] as const)),
    ...(command === undefined ? [] : (['version-mismatch', 'idempotency-key-reused', 'contended'] as const)),
  ]
  return [...codes.map((code) => statuses[code]), ...(command === undefined ? [] : [refusedStatus])]
}

/** Seconds after which another try makes sense. */
const retryAfterS: { readonly [Each in Code]?: number } = {
  closing: 5,
  'identity-unavailable': 5,
  'not-ready': 1,
  overloaded: 5,
  contended: 1,
  'storage-unavailable': 5,
  'view-behind': 1,
}

type Facts = Readonly<Record<string, unknown>>

export const problem = (code: Code, detail: string, facts: Facts = {}, headers: Record<string, string> = {}): Reply => {
  const seconds = retryAfterS[code]
  const retry = seconds === undefined ? {} : { 'retry-after': `${seconds}` }
  return document(statuses[code], code, detail, facts, { ...retry, ...headers })
}

const document = (
  status: number,
  code: string,
  detail: string,
  facts: Facts,
  headers: Record<string, string>,
): Reply => ({
  status,
  body: JSON.stringify({
    type: `urn:benchplane:problem:${code}`,
    title: titleOf(code),
    status,
    code,
    detail,
    ...facts,
  }),
  headers: { 'content-type': 'application/problem+json', ...headers },
  code,
})

const titleOf = (code: string): string => code.charAt(0).toUpperCase() + code.slice(1).replaceAll('-', ' ')

/** More faults of one request than this are not told. */
const faultCountMax = 100

export const invalid = (faults: readonly InputFault[]): Reply => {
  const [first] = faults
  const where = first === undefined || first.path === '' ? '' : `${first.path}: `
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : ''
  return problem('invalid-request', `${where}${first?.message}${more}`, { errors: faults.slice(0, faultCountMax) })
}

export const notFound = (what: string): Reply => problem('not-found', `there is no ${what}`)

/** Members that RFC 9457 gives a meaning of its own: a fact of such a name is told under another. */
const reserved = new Set(['type', 'title', 'status', 'code', 'detail', 'instance'])

/** The domain's refusal. `addressed`: the resource of the request's path, whose absence is a 404 and nothing else. */
export const refusal = (
  { rejection, detail, ...facts }: Rejection,
  addressed?: { kind: string; id: string },
): Reply => {
  if (rejection === 'PlanInvalid') return invalid(facts['errors'] as readonly InputFault[])
  if (addressed !== undefined && isUnknown(rejection, facts, addressed)) return problem('not-found', detail)
  const subject = /^[A-Z][a-z]+/.exec(rejection)?.[0].toLowerCase() ?? ''
  const members = Object.entries(facts).map(([name, fact]) => [
    reserved.has(name) ? prefixed(subject, name) : name,
    fact,
  ])
  return document(refusedStatus, kebab(rejection), detail, Object.fromEntries(members) as Facts, {})
}

const isUnknown = (rejection: string, facts: Facts, { kind, id }: { kind: string; id: string }): boolean =>
  rejection.toLowerCase() === `${kind}unknown` && facts[`${kind}Id`] === id

const kebab = (name: string): string => name.replace(/(?<!^)[A-Z]/g, '-$&').toLowerCase()
const prefixed = (subject: string, name: string): string => subject + name.charAt(0).toUpperCase() + name.slice(1)

/** A refusal that HTTP itself finds, without asking the domain: worded like the domain's. */
export const refusedHere = (rejection: string, detail: string, facts: Facts = {}): Reply =>
  refusal({ rejection, detail, ...facts })

/** What was thrown: an outage that has a name, or a bug. */
export const thrown = (error: unknown): Reply => {
  if (isFault(error, 'too-large')) return problem('too-large', error.message)
  if (isFault(error, 'storage-full') || isFault(error, 'storage-unusable'))
    return problem(
      'storage-unavailable',
      'the store does not take or give anything now; whether this had an effect is unknown',
    )
  if (isFault(error, 'hole-in-history')) return problem('history-damaged', error.message)
  return problem('internal-error', 'the server has made a mistake: its log has it, under this correlation id')
}
