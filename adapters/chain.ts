/**
 * Seals commits: the canonical text of a commit, its hash, and the way back. Every store writes what `sealCommit` gives
 * and reads through `commitFromBody`, so that all of them hold the same bytes and verify alike.
 */
import { hash } from 'node:crypto'
import { type Commit, withoutContent } from '../domain/event.ts'
import { fault } from '../domain/faults.ts'
import type { NewCommit, Ride } from '../domain/ports.ts'

/** A commit as `/audit/export` writes it: its stream without the tenant, which stands beside it. */
export interface ExportedCommit extends Omit<Commit, 'hash'> {
  tenant: string
  hash?: string
}

export interface SealedCommit {
  commit: Commit
  /** Canonical JSON of the exported commit without `hash`: what is stored, and what is hashed. */
  body: string
  ride?: Ride
}

/**
 * The canonical JSON (RFC 8785) of a JSON value. JSON.stringify writes strings and numbers as the RFC wants them, so
 * only the order of keys is ours: one native call over a copy whose keys are in order is four times as fast as writing
 * every member by hand. Undefined members are dropped; whatever else is not JSON throws a TypeError.
 */
export const canonicalJson = (value: unknown): string => {
  if (value === undefined) throw new TypeError('not a JSON value: undefined')
  const copy = inOrder(value)
  const text = copy === byHand ? emitted(value) : JSON.stringify(copy)
  // JSON.stringify escapes lone surrogates. An escaped backslash before 'ud' looks alike, hence the second question.
  if (text.includes('\\ud') && /(?<!\\)(?:\\\\)*\\ud/.test(text))
    throw new TypeError('not a JSON value: lone surrogate')
  return text
}

/** SHA-256 of a text's UTF-8, 64 lower-case hex digits. */
export const sha256 = (text: string): string => hash('sha256', text)

/** Stands for a value that no object can hold in order: the engine puts integer-like keys first, and eats `__proto__`. */
const byHand = Symbol('by hand')

const isAwkward = (key: string): boolean => {
  const first = key.charCodeAt(0)
  return (first >= 48 && first <= 57) || key === '__proto__'
}

/** The value itself where its keys are in order all the way down, otherwise a copy. Keys sort by UTF-16 code units. */
const inOrder = (value: unknown): unknown => {
  if (typeof value === 'object' && value !== null)
    return Array.isArray(value) ? arrayInOrder(value) : objectInOrder(value)
  return leaf(value)
}

const leaf = (value: unknown): unknown => {
  if (typeof value === 'string' || value === null || typeof value === 'boolean' || value === undefined) return value
  if (typeof value === 'number' && Number.isFinite(value)) return value
  throw new TypeError(`not a JSON value: ${typeof value === 'number' ? value : typeof value}`)
}

const arrayInOrder = (array: readonly unknown[]): unknown => {
  let copy: unknown[] | undefined
  for (let index = 0; index < array.length; index++) {
    const item = inOrder(array[index])
    if (item === byHand) return byHand
    if (item === array[index]) continue
    copy ??= array.slice()
    copy[index] = item
  }
  return copy ?? array
}

const objectInOrder = (object: object): unknown => {
  const keys = keysOf(object)
  let isSame = true
  for (let index = 1; index < keys.length && isSame; index++) isSame = (keys[index - 1] ?? '') < (keys[index] ?? '')
  if (!isSame) keys.sort()
  const copy: Record<string, unknown> = {}
  for (const key of keys) {
    if (isAwkward(key)) return byHand
    const before: unknown = (object as Record<string, unknown>)[key]
    const item = inOrder(before)
    if (item === byHand) return byHand
    isSame &&= item === before
    copy[key] = item
  }
  return isSame ? object : copy
}

const keysOf = (object: object): string[] => {
  const prototype: unknown = Object.getPrototypeOf(object)
  if (prototype !== Object.prototype && prototype !== null)
    throw new TypeError('not a JSON value: an instance of a class')
  return Object.keys(object)
}

/** Canonical JSON member by member, for values `inOrder` cannot copy. */
const emitted = (value: unknown): string => {
  if (typeof value !== 'object' || value === null) return JSON.stringify(leaf(value) ?? null)
  if (Array.isArray(value)) return `[${Array.from(value, emitted).join(',')}]`
  const members = keysOf(value)
    .sort()
    .map((key): [string, unknown] => [key, (value as Record<string, unknown>)[key]])
    .filter(([, member]) => member !== undefined)
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${emitted(member)}`).join(',')}}`
}

/**
 * Seals one commit. `siblings` are the `{kind}/{id}@{version}` of the commits appended together with it, none for a
 * commit that goes alone. Throws a TypeError when data or actor hold what is not JSON: a bug of the caller.
 */
export const sealCommit = (newCommit: NewCommit, siblings: readonly string[] = []): SealedCommit => {
  const { stream, version, events, at, actor, commandId, commandHash, correlationId, previousHash } = newCommit
  const commit: Commit = {
    stream,
    version,
    events,
    at,
    actor,
    commandId,
    commandHash,
    correlationId,
    previousHash,
    hash: '',
  }
  if (newCommit.causationId !== undefined) commit.causationId = newCommit.causationId
  if (newCommit.traceparent !== undefined) commit.traceparent = newCommit.traceparent
  if (siblings.length > 0) commit.siblings = siblings
  const body = bodyOf(commit)
  commit.hash = sha256(hasContent(commit) ? bodyOf({ ...commit, events: commit.events.map(withoutContent) }) : body)
  return newCommit.ride === undefined ? { commit, body } : { commit, body, ride: newCommit.ride }
}

/** Members in the order of their names; those that are undefined JSON.stringify drops. */
const bodyOf = (commit: Commit): string => {
  const slash = commit.stream.indexOf('/')
  return canonicalJson({
    actor: commit.actor,
    at: commit.at,
    causationId: commit.causationId,
    commandHash: commit.commandHash,
    commandId: commit.commandId,
    correlationId: commit.correlationId,
    events: commit.events,
    previousHash: commit.previousHash,
    siblings: commit.siblings,
    stream: commit.stream.slice(slash + 1),
    tenant: commit.stream.slice(0, slash),
    traceparent: commit.traceparent,
    version: commit.version,
  })
}

const hasContent = ({ stream }: { stream: string }): boolean => stream.includes('/message/')

/** The commit as `/audit/export` writes it, one a line, with its hash: a message's content goes by its own hash. */
export const exported = ({ stream, events, ...commit }: Commit): ExportedCommit => {
  const slash = stream.indexOf('/')
  return {
    tenant: stream.slice(0, slash),
    stream: stream.slice(slash + 1),
    events: events.map(withoutContent),
    ...commit,
  }
}

/**
 * What the stored bytes of a commit hash to. A message's body holds its content too: that must be the content which its
 * hash names, and the body must be what would be written today, or the bytes are hashed as they are, which matches nothing.
 */
export const hashOfBody = (body: string, commit: Commit | undefined): string => {
  if (commit === undefined || !hasContent(commit)) return sha256(body)
  const whole = commit.events.every(({ data }) => {
    const { content, sha256: named } = data as { content?: unknown; sha256?: unknown }
    return content !== undefined && sha256(canonicalJson(content)) === named
  })
  if (!whole || bodyOf(commit) !== body) return sha256(body)
  return sha256(bodyOf({ ...commit, events: commit.events.map(withoutContent) }))
}

/**
 * The commit that a stored body holds, with the hash stored beside it (which nobody compares here: that is the audit's).
 * Throws the fault `storage-unusable` for bytes that are no commit.
 */
export const commitFromBody = (body: string, storedHash: string): Commit => {
  const found = exportedIn(body)
  const { version, events, at, actor, commandId, commandHash, correlationId, previousHash } = found
  const commit: Commit = {
    stream: `${found.tenant}/${found.stream}`,
    version,
    events,
    at,
    actor,
    commandId,
    commandHash,
    correlationId,
    previousHash,
    hash: storedHash,
  }
  if (found.causationId !== undefined) commit.causationId = found.causationId
  if (found.traceparent !== undefined) commit.traceparent = found.traceparent
  if (found.siblings !== undefined) commit.siblings = found.siblings
  return commit
}

const exportedIn = (body: string): ExportedCommit => {
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch (cause) {
    throw fault('storage-unusable', `a stored commit that is not JSON: ${body.slice(0, 80)}`, cause)
  }
  if (!isExported(value)) throw fault('storage-unusable', `stored JSON that is not a commit: ${body.slice(0, 80)}`)
  return value
}

/** As much as a reader relies on: history may have been forged, and an auditor must live through it. */
const isExported = (value: unknown): value is ExportedCommit => {
  if (typeof value !== 'object' || value === null) return false
  const { tenant, stream, version, at, actor, commandId, events, siblings } = value as Partial<ExportedCommit>
  return (
    [tenant, stream, at, commandId, actor?.id].every((text) => typeof text === 'string') &&
    Number.isSafeInteger(version) &&
    (siblings === undefined || isTexts(siblings)) &&
    Array.isArray(events) &&
    events.length > 0 &&
    events.every((event: unknown) => isEvent(event))
  )
}

const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every((text) => typeof text === 'string')

const isEvent = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string' && 'data' in value
