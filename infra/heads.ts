import type { Commit } from '../domain/event.ts'
import { lastVersion } from '../domain/event.ts'
import { fold, type Head } from '../domain/head.ts'
import type { Instant, StreamName } from '../domain/ids.ts'
import type { HandlePorts } from '../domain/round.ts'

/** The stream as it was: after an event, or after the newest commit at or before an instant. Undefined before its birth and beyond its end. */
export const headAsOf = async (
  { store, digest }: Pick<HandlePorts, 'store' | 'digest'>,
  stream: StreamName,
  asOf: { version: number } | { at: Instant },
): Promise<Head | undefined> => {
  if ('at' in asOf) {
    const commits = await store.load(stream)
    const after = commits.findIndex(({ at }) => at > asOf.at)
    return foldedUp(stream, after < 0 ? commits : commits.slice(0, after), digest)
  }
  const commits = (await store.load(stream, { to: asOf.version })).map((commit) => upTo(commit, asOf.version))
  const head = foldedUp(stream, commits, digest)
  return head?.version === asOf.version ? head : undefined
}

const foldedUp = (stream: StreamName, commits: readonly Commit[], digest: HandlePorts['digest']): Head | undefined =>
  commits.length === 0 ? undefined : fold(stream, commits, digest)

/** A version may lie in the middle of a commit: what came with it, but later, has not happened yet. */
const upTo = (commit: Commit, version: number): Commit =>
  lastVersion(commit) <= version ? commit : { ...commit, events: commit.events.slice(0, version - commit.version + 1) }
