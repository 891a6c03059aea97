/** What every history does alike, whatever it is kept in: what it takes in, and how it answers what it finds. */
import { type Commit, lastVersion } from '../domain/event.ts'
import { holeInHistory, tooLarge } from '../domain/faults.ts'
import { type StreamName, withoutTenant } from '../domain/ids.ts'
import { appendMembersMax, type Check, commitBytesMax, type NewCommit, type ScannedCommit } from '../domain/ports.ts'
import { commitFromBody, hashOfBody, type SealedCommit, sealCommit } from './chain.ts'

/** `{kind}/{id}@{version}`: how a commit's siblings name it. */
const siblingName = ({ stream, version }: NewCommit): string => `${withoutTenant(stream)}@${version}`

/**
 * Seals the commits of one append, in order. Throws before anything is written: `TooLarge` for a commit whose body
 * passes `commitBytesMax`, an Error for an append that no correct caller makes (see `demandWellFormed`).
 */
export const sealAppend = (commits: readonly NewCommit[], checks: readonly Check[]): readonly SealedCommit[] => {
  demandWellFormed(commits, checks)
  const names = commits.length > 1 ? commits.map(siblingName) : []
  return commits.map((commit, index) => {
    const sealed = sealCommit(commit, names.toSpliced(index, 1))
    // A UTF-16 code unit is at most three bytes of UTF-8: only large bodies need to be counted.
    const bytes = sealed.body.length * 3 > commitBytesMax ? Buffer.byteLength(sealed.body) : 0
    if (bytes > commitBytesMax) throw tooLarge(commit.stream, bytes)
    return sealed
  })
}

/** 1..100 members, no stream twice, one tenant (siblings are named without theirs), commits with events at versions from 1. */
const demandWellFormed = (commits: readonly NewCommit[], checks: readonly Check[]): void => {
  const memberCount = commits.length + checks.length
  if (memberCount < 1 || memberCount > appendMembersMax) throw new Error(`an append of ${memberCount} members`)
  for (const { stream, version, events } of commits) {
    if (events.length === 0) throw new Error(`a commit without events on ${stream}`)
    if (!Number.isSafeInteger(version) || version < 1) throw new Error(`a commit at version ${version} of ${stream}`)
  }
  for (const { stream, version } of checks)
    if (!Number.isSafeInteger(version) || version < 0) throw new Error(`a check at version ${version} of ${stream}`)
  if (memberCount === 1) return
  const streams = [...commits, ...checks].map(({ stream }) => stream)
  if (new Set(streams).size < memberCount) throw new Error(`a stream twice in one append: ${streams.join(', ')}`)
  const tenants = new Set(commits.map(({ stream }) => stream.slice(0, stream.indexOf('/'))))
  if (tenants.size > 1) throw new Error(`commits of several tenants in one append: ${streams.join(', ')}`)
}

/** A stored commit as an auditor is shown it; `state` is the JSON of the riding state. Throws for nothing. */
export const scannedFrom = (
  { stream, version }: { stream: StreamName; version: number },
  { body, hash: storedHash, reducerVersion, state }: StoredBytes,
): ScannedCommit => {
  const commit = readable(() => commitFromBody(body, storedHash))
  const scanned: ScannedCommit = { stream, version, computedHash: hashOfBody(body, commit), storedHash }
  if (commit !== undefined) scanned.commit = commit
  if (state !== null)
    scanned.ride = { reducerVersion: reducerVersion ?? 0, state: readable((): unknown => JSON.parse(state)) }
  return scanned
}

export interface StoredBytes {
  body: string
  hash: string
  /** JSON of the riding state; null: none rides. */
  state: string | null
  reducerVersion: number | null
}

/** Undefined for what cannot be read: to find that is what a scan is for. */
const readable = <Value>(read: () => Value): Value | undefined => {
  try {
    return read()
  } catch {
    return undefined
  }
}

/**
 * The commits of a load that reach `from`, proven contiguous. They come in version order and begin with the one that
 * should contain `from`. Throws `HoleInHistory` where a version is missing.
 */
export const withoutHoles = (stream: StreamName, commits: readonly Commit[], from: number): readonly Commit[] => {
  const first = commits[0]
  if (first === undefined) return commits
  let expected = Math.min(first.version, from)
  for (const commit of commits) {
    if (commit.version !== expected) throw holeInHistory(stream, expected, commit.version)
    expected = lastVersion(commit) + 1
  }
  return lastVersion(first) < from ? commits.slice(1) : commits
}

/** The position a decimal cursor stands for; 0 before the first. Throws a RangeError for what no feed has given out. */
export const feedPosition = (cursor = '0'): number => {
  if (!/^\d{1,15}$/.test(cursor)) throw new RangeError(`not a cursor of this feed: ${cursor.slice(0, 40)}`)
  return Number(cursor)
}
