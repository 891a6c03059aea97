import type { Commit } from '../../domain/event.ts'

/** So many of the feed's newest names are remembered, and so many commits, of about so many bytes together. */
const nameCountMax = 10_000
const commitCountMax = 5_000
const commitBytesMax = 16_000_000

/**
 * What this process has read of the feed: neither a name at a position nor a commit of a name ever changes. So what many
 * readers follow at its end (live events, claims, the follower, the policies) is read once for all of them.
 */
export const openFeedMemory = () => ({ names: openNames(), commits: openCommits() })
export type FeedMemory = ReturnType<typeof openFeedMemory>

/** The names at positions without a gap, up to the last that was seen. */
const openNames = () => {
  let first = 1
  let names: string[] = []
  return {
    /** Those right after a position; empty: none that is known. */
    after: (position: number, limit: number): readonly string[] => {
      const from = position + 1 - first
      return from < 0 ? [] : names.slice(from, from + limit)
    },
    /** The names right after a position. What is further on than a gap takes the place of what is before it. */
    learn: (position: number, found: readonly string[]): void => {
      const from = position + 1 - first
      if (from < 0 || from + found.length <= names.length) return
      if (from > names.length) {
        first = position + 1
        names = [...found]
      } else names.push(...found.slice(names.length - from))
      const over = names.length - nameCountMax
      if (over < nameCountMax / 10) return
      names = names.slice(over)
      first += over
    },
  }
}

/** Commits by name; those used longest ago are forgotten. */
const openCommits = () => {
  const kept = new Map<string, { commit: Commit; bytes: number }>()
  let bytesTotal = 0
  const forget = (name: string): void => {
    bytesTotal -= kept.get(name)?.bytes ?? 0
    kept.delete(name)
  }
  return {
    get: (name: string): Commit | undefined => {
      const known = kept.get(name)
      if (known === undefined) return undefined
      // A Map is in the order of insertion.
      kept.delete(name)
      kept.set(name, known)
      return known.commit
    },
    set: (name: string, commit: Commit, bytes: number): void => {
      forget(name)
      kept.set(name, { commit, bytes })
      bytesTotal += bytes
      for (const oldest of kept.keys()) {
        if (kept.size <= commitCountMax && bytesTotal <= commitBytesMax) break
        forget(oldest)
      }
    },
  }
}

/**
 * One piece of work for all who ask for the same at about the same time. Who asks while it is done shares the next one: it
 * begins after they have asked, so that they see what they were woken for.
 */
export const openSharing = <Answer>() => {
  const running = new Map<string, { now: Promise<Answer>; next?: Promise<Answer> }>()
  const begin = (key: string, work: () => Promise<Answer>): Promise<Answer> => {
    const now = work()
    const own: { now: Promise<Answer>; next?: Promise<Answer> } = { now }
    running.set(key, own)
    const over = (): void => {
      if (running.get(key) === own && own.next === undefined) running.delete(key)
    }
    now.then(over, over)
    return now
  }
  return (key: string, work: () => Promise<Answer>): Promise<Answer> => {
    const known = running.get(key)
    if (known === undefined) return begin(key, work)
    const again = (): Promise<Answer> => begin(key, work)
    return (known.next ??= known.now.then(again, again))
  }
}
