/**
 * Verifies a history from its stored bytes up: hashes, links, versions, riding states, siblings, and that nothing the
 * views know of is gone. Pure but for the store it reads through; memory is bounded, however long the history.
 */
import type { Commit } from './event.ts'
import { isFault } from './faults.ts'
import { type StreamName, withoutTenant } from './ids.ts'
import type { EventStore, ScannedCommit } from './ports.ts'

/** How the auditor folds the streams of one kind, to compare with the states that ride on their commits. */
export interface Fold {
  reducerVersion: number
  /** The envelope of a stream without commits: opaque to the auditor. */
  initial: unknown
  apply(envelope: unknown, commit: Commit): unknown
  /** The JSON value that would ride on the last commit applied. */
  riding(envelope: unknown): unknown
}

export interface AuditOptions {
  /** Only this stream; its siblings are looked up, not verified themselves. */
  stream?: StreamName
  foldOf: (stream: StreamName) => Fold
  /** Versions somebody has seen, read from the views before the audit begins: they must still be there. */
  heads?: AsyncIterable<readonly KnownHead[]> | Iterable<readonly KnownHead[]>
  /** So many siblings wait to meet each other in the scan, 150 bytes each; what is more is looked up. Default 500 000. */
  claimsHeldMax?: number
  /** Lets others have the processor, between portions of work of a few milliseconds that the store does not interrupt. */
  pause?: () => Promise<void>
}

export interface KnownHead {
  stream: StreamName
  version: number
}

export interface Failure {
  /** `{kind}/{id}`. */
  stream: string
  version: number
  /** What is wrong, in words: `hash mismatch: …`, `hole: …`. */
  problem: string
}

export interface Findings {
  ok: boolean
  streamCount: number
  commitCount: number
  failureCount: number
  /** The first `failuresKeptMax` of them. */
  failures: readonly Failure[]
}

export const failuresKeptMax = 1_000

/** The findings as they grow. */
interface Ledger extends Findings {
  failures: Failure[]
  /**
   * `{tenant} {name} {name}` of two commits, the lesser name first: the one has said that the other was appended
   * together with it, the other has not been heard. The value tells which: was it the lesser?
   */
  claims: Map<string, boolean>
}

export const auditHistory = async (
  store: Pick<EventStore, 'scan' | 'load'>,
  { stream, foldOf, heads = [], claimsHeldMax = 500_000, pause = async () => {} }: AuditOptions,
): Promise<Findings> => {
  const ledger: Ledger = { ok: true, streamCount: 0, commitCount: 0, failureCount: 0, failures: [], claims: new Map() }
  let current: StreamAudit | undefined
  for await (const page of store.scan(stream)) {
    for (const scanned of page) {
      if (current?.stream !== scanned.stream) current = beginStream(ledger, scanned.stream, foldOf)
      auditCommit(ledger, current, scanned)
    }
    while (ledger.claims.size > claimsHeldMax) await settleClaims(store, ledger).then(pause)
  }
  while (ledger.claims.size > 0) await settleClaims(store, ledger).then(pause)
  for await (const page of heads) {
    // Where each look is a call over a line, they are under way together; told in the order of the heads all the same.
    const found = await Promise.all(page.map((head) => commitAt(store, head)))
    for (const [at, head] of page.entries()) auditHead(ledger, head, found[at])
    await pause()
  }
  const { claims: _, ...findings } = ledger
  return findings
}

const report = (ledger: Ledger, stream: StreamName, version: number, problem: string): void => {
  ledger.ok = false
  ledger.failureCount++
  if (ledger.failures.length < failuresKeptMax)
    ledger.failures.push({ stream: withoutTenant(stream), version, problem })
}

/** What is known of a stream whose commits are being read, first to last. */
interface StreamAudit {
  stream: StreamName
  /** Undefined after bytes that could not be read: what follows them cannot be told. */
  expected: number | undefined
  /** The scanned commit before; null before the first. */
  previous: ScannedCommit | null
  /** Undefined from the first failure on: a state is only as good as all that led to it. */
  fold: Fold | undefined
  envelope: unknown
}

const beginStream = (ledger: Ledger, stream: StreamName, foldOf: (stream: StreamName) => Fold): StreamAudit => {
  ledger.streamCount++
  const audit: StreamAudit = { stream, expected: 1, previous: null, fold: undefined, envelope: undefined }
  try {
    audit.fold = foldOf(stream)
    audit.envelope = audit.fold.initial
  } catch (error) {
    report(ledger, stream, 1, `cannot be folded: ${messageOf(error)}`)
  }
  return audit
}

const auditCommit = (ledger: Ledger, audit: StreamAudit, scanned: ScannedCommit): void => {
  const failureCount = ledger.failureCount
  ledger.commitCount++
  auditBytes(ledger, scanned)
  auditPlace(ledger, audit, scanned)
  if (ledger.failureCount > failureCount) audit.fold = undefined
  auditState(ledger, audit, scanned)
  if (scanned.commit?.siblings !== undefined) claim(ledger, scanned.stream, scanned.commit)
  audit.previous = scanned
  audit.expected = scanned.commit && scanned.version + scanned.commit.events.length
}

const auditBytes = (ledger: Ledger, { stream, version, computedHash, storedHash, commit }: ScannedCommit): void => {
  const fail = (problem: string) => report(ledger, stream, version, problem)
  if (computedHash !== storedHash) fail(`hash mismatch: the stored bytes hash to ${computedHash}, not to ${storedHash}`)
  if (commit === undefined) fail('unreadable: the stored bytes are no commit')
  else if (commit.stream !== stream || commit.version !== version)
    fail(`wrong place: the commit itself says ${withoutTenant(commit.stream)}@${commit.version}`)
}

const auditPlace = (ledger: Ledger, { stream, expected, previous }: StreamAudit, scanned: ScannedCommit): void => {
  const { version, commit } = scanned
  if (expected !== undefined && version > expected)
    report(ledger, stream, expected, `hole: version ${expected} is missing, found ${version}`)
  else if (expected !== undefined && version < expected)
    report(ledger, stream, version, `overlap: version ${version} is taken twice`)
  else if (commit !== undefined && !isLink(commit.previousHash, previous))
    report(ledger, stream, version, `broken chain: names ${commit.previousHash} as the hash before it`)
}

/** Either hash of the commit before will do: where they differ, that commit has been reported. */
const isLink = (previousHash: string | null, previous: ScannedCommit | null): boolean =>
  previous === null
    ? previousHash === null
    : previousHash === previous.storedHash || previousHash === previous.computedHash

const auditState = (ledger: Ledger, audit: StreamAudit, { stream, version, commit, ride }: ScannedCommit): void => {
  const { fold } = audit
  if (fold === undefined || commit === undefined) return
  try {
    audit.envelope = fold.apply(audit.envelope, commit)
  } catch (error) {
    report(ledger, stream, version, `cannot be folded: ${messageOf(error)}`)
    audit.fold = undefined
    return
  }
  if (ride === undefined || ride.reducerVersion !== fold.reducerVersion) return
  if (!sameJson(ride.state, fold.riding(audit.envelope)))
    report(ledger, stream, version, 'wrong state: the state that rides is not what the commits fold to')
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Equal as JSON: members that are undefined are not there. */
const sameJson = (a: unknown, b: unknown): boolean => {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const [left, right] = [membersOf(a), membersOf(b)]
  return left.length === right.length && left.every(([key, member]) => sameJson(member, (b as Members)[key]))
}

type Members = Record<string, unknown>
const membersOf = (object: object): ReadonlyArray<[string, unknown]> =>
  Object.entries(object).filter(([, member]) => member !== undefined)

/**
 * Each of two siblings claims the other: the second claim takes back the first, and what is left in the end is what has
 * no mirror image. So a whole history is checked in one scan.
 */
const claim = (ledger: Ledger, stream: StreamName, { version, siblings = [] }: Commit): void => {
  const tenant = stream.slice(0, stream.indexOf('/'))
  const own = `${withoutTenant(stream)}@${version}`
  for (const name of siblings) {
    const isLesser = own < name
    const key = isLesser ? `${tenant} ${own} ${name}` : `${tenant} ${name} ${own}`
    if (ledger.claims.get(key) === !isLesser) ledger.claims.delete(key)
    else ledger.claims.set(key, isLesser)
  }
}

/** Looks up the siblings of the oldest claims, as many as take a few milliseconds. */
const settleClaims = async (store: Pick<EventStore, 'load'>, ledger: Ledger): Promise<void> => {
  for (const [key, isLesser] of ledger.claims.entries().take(500)) {
    ledger.claims.delete(key)
    const [tenant = '', lesser = '', greater = ''] = key.split(' ')
    const [own, name] = isLesser ? [lesser, greater] : [greater, lesser]
    const claimant = positionOf(tenant, own)
    const sibling = positionOf(tenant, name)
    const found = await commitAt(store, sibling)
    const fail = (problem: string) => report(ledger, claimant.stream, claimant.version, problem)
    if (found?.version !== sibling.version) fail(`missing sibling: ${name}, appended together with it, is not there`)
    else if (found.siblings?.includes(own) !== true) fail(`unrequited sibling: ${name} does not name it back`)
  }
}

/** Of a name as siblings have it, `{kind}/{id}@{version}`. */
const positionOf = (tenant: string, name: string): KnownHead => {
  const at = name.lastIndexOf('@')
  return { stream: `${tenant}/${name.slice(0, at)}`, version: Number(name.slice(at + 1)) }
}

const auditHead = (ledger: Ledger, head: KnownHead, found: Commit | undefined): void => {
  if (found === undefined)
    report(
      ledger,
      head.stream,
      head.version,
      `removed: version ${head.version} was seen by the views, and is not there`,
    )
}

/** The commit that holds a version; none where it is missing or cannot be read, which the scan tells apart. */
const commitAt = async (
  store: Pick<EventStore, 'load'>,
  { stream, version }: KnownHead,
): Promise<Commit | undefined> => {
  try {
    return (await store.load(stream, { from: version, to: version }))[0]
  } catch (error) {
    if (isFault(error, 'hole-in-history') || isFault(error, 'storage-unusable')) return undefined
    throw error
  }
}
