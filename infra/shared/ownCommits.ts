import type { Commit } from '../../domain/event.ts'
import { openWaiting } from '../views/waiting.ts'

/** So many may be under way to the feed: more, and it stands still. */
const countMax = 50_000
/** What others of ours have overtaken for so long has been put aside on the way: it is not waited for any longer. */
const overtakenMsMax = 60_000
/** Who asks for freshness waits for so long at most. */
const freshnessMs = 5_000
const name = 'own'

interface UnderWay {
  number: number
  commit: Commit
  sinceMs: number
}

/** In the order in which they were appended. */
const openUnderWay = (monotonicMs: () => number) => {
  const byName = new Map<string, UnderWay>()
  let appendedCount = 0
  const oldest = (): UnderWay | undefined => byName.values().next().value
  return {
    byName,
    oldest,
    appendedCount: () => appendedCount,
    /** The number up to which all are in the feed. */
    reached: (): number => (oldest()?.number ?? appendedCount + 1) - 1,
    /** Answers whether one had to be dropped for it. */
    add: (commit: Commit): boolean => {
      byName.set(nameOf(commit), { number: ++appendedCount, commit, sinceMs: monotonicMs() })
      return byName.size > countMax && byName.delete(byName.keys().next().value ?? '')
    },
  }
}

/**
 * What this process has appended, until the feed names it: its rows are there then. Others' commits are as fresh as the
 * stream they come by; one's own are waited for.
 */
export const openOwnCommits = (monotonicMs: () => number) => {
  const { byName, oldest, appendedCount, reached, add } = openUnderWay(monotonicMs)
  const waiting = openWaiting(freshnessMs)
  /** More were appended than are kept here: until all that are have come, nothing is known. */
  let isBlind = false
  let cameAtMs = monotonicMs()
  const came = (): void => {
    if (byName.size === 0) isBlind = false
    if (!isBlind) waiting.tell(name, reached())
  }
  return {
    expect: (commits: readonly Commit[]): void => {
      for (const commit of commits) if (add(commit)) isBlind = true
    },
    /** The feed names these. */
    hear: (commits: readonly Commit[]): void => {
      let hasCome = false
      for (const commit of commits) if (byName.delete(nameOf(commit))) hasCome = true
      if (!hasCome) return
      cameAtMs = monotonicMs()
      for (const [key, { sinceMs }] of byName) {
        if (cameAtMs - sinceMs <= overtakenMsMax) break
        byName.delete(key)
      }
      came()
    },
    /** After the feed was left unread: asks of each whether its rows are there. */
    lookAgain: async (isThere: (commit: Commit) => Promise<boolean>): Promise<void> => {
      for (const [key, { commit }] of byName) if (await isThere(commit)) byName.delete(key)
      came()
    },
    /** Waits until everything appended here before the call is in the feed; false when it is not within 5 s. */
    caughtUp: async (): Promise<boolean> => {
      const target = appendedCount()
      return (!isBlind && reached() >= target) || waiting.until(name, target).promise
    },
    count: (): number => byName.size,
    /** For how long none has come although some are under way; 0: none is. */
    waitedMs: (): number => {
      const first = oldest()
      return first === undefined ? 0 : monotonicMs() - Math.max(first.sinceMs, cameAtMs)
    },
    /** Nobody waits any longer. */
    end: waiting.end,
  }
}

const nameOf = ({ stream, version }: Commit): string => `${stream}@${version}`
