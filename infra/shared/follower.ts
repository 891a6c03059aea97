import type { EventStore, FeedPage } from '../../domain/ports.ts'
import { type Bell, openBell } from '../bell.ts'
import type { Counters } from '../counters.ts'
import type { Log } from '../log.ts'
import type { Progress } from '../progress.ts'
import { positionOf } from '../views/projector.ts'

export interface FollowerPorts {
  history: Pick<EventStore, 'feed' | 'feedEnd' | 'onAppend'>
  log: Log
  counters: Counters
  now: () => string
  progress: Progress
  /** A page of the feed: its commits' rows are there. Done again if it fails. */
  onPage: (page: FeedPage) => Promise<void>
  /** The same, once the cursor is beyond it. `after`: where it was read from. */
  onFollowed: (after: string, page: FeedPage) => void
  /** It goes on from the feed's end, and nobody was told of what came before. Done again if it fails. */
  onLeap: () => Promise<void>
}

interface Run extends FollowerPorts {
  cursor: string
  lagMs: number
  stuck: { sinceMs: number; error: unknown } | undefined
  hasCaughtUp: boolean
  /** At the last look nothing had come. */
  isIdle: boolean
  bell: Bell
}

const pageCountMax = 500
/** Who is so many commits behind has been away for long: asking anew is less than hearing of all that. */
const aheadCountMax = 10_000
const outagePausesMs = [50, 200, 1_000, 2_000] as const

/**
 * Follows the feed's end, for a server whose rows others write as well: it tells whoever waits, and writes nothing. It has
 * the projector's face towards those who ask how far the views are.
 */
export const startFollower = (ports: FollowerPorts, cursor: string) => {
  const state = { cursor, lagMs: 0, stuck: undefined, hasCaughtUp: false, isIdle: true }
  const run: Run = { ...ports, ...state, bell: openBell() }
  const stopListening = ports.history.onAppend(run.bell.ring)
  const ended = loop(run)
  return {
    /** Where the feed has been followed to. */
    cursor: () => run.cursor,
    /** Age of the last page's oldest commit when it was heard of; 0 when there was nothing to hear. */
    lagMs: () => run.lagMs,
    /** Why the feed can't be followed, and since when; undefined when it can. */
    stuck: () => run.stuck,
    /** Has once been at the feed's end. */
    hasCaughtUp: () => run.hasCaughtUp,
    /** The feed may have grown. */
    ring: run.bell.ring,
    stop: async (): Promise<void> => {
      stopListening()
      run.bell.stop()
      await ended
    },
  }
}
export type Follower = ReturnType<typeof startFollower>

/** Without a word from the store it looks by itself: what cannot be read is noticed although nobody says anything. */
const lookAgainMs = 2_000

const loop = async (run: Run): Promise<void> => {
  const { bell, log, counters } = run
  for (let outages = 0; !bell.isStopped(); ) {
    try {
      if (!(await step(run))) await bell.rung(lookAgainMs)
      outages = 0
      run.stuck = undefined
    } catch (error) {
      if (bell.isStopped()) return
      const count = ++counters.projectionOutages
      run.stuck ??= { sinceMs: Date.parse(run.now()), error }
      log.error({ cursor: run.cursor, count, err: error }, 'the feed cannot be followed, and is tried again')
      await bell.pause(outagePausesMs[Math.min(outages++, outagePausesMs.length - 1)] ?? 0)
    }
  }
}

/** One page; false at the end. */
const step = async (run: Run): Promise<boolean> => {
  const { history, cursor: after } = run
  const page = await history.feed(after, pageCountMax)
  if (page.commits.length === 0) {
    // The end was there a moment ago, unless nothing has come for a while.
    if (run.isIdle && (await isElsewhere(run))) return leap(run)
    run.isIdle = true
    if (run.lagMs > 0 || !run.hasCaughtUp) atEnd(run)
    return false
  }
  run.isIdle = false
  if (page.commits.length === pageCountMax && (await isElsewhere(run))) return leap(run)
  await run.onPage(page)
  run.cursor = page.cursor
  run.onFollowed(after, page)
  const now = run.now()
  run.lagMs = Math.max(0, Date.parse(now) - Date.parse(page.commits[0]?.commit.at ?? now))
  run.progress.happened()
  return true
}

const atEnd = (run: Run): void => {
  run.lagMs = 0
  run.hasCaughtUp = true
  run.progress.happened()
}

/** Whether the feed's end is far ahead; or behind: it was lost, and written anew. */
const isElsewhere = async ({ history, cursor }: Run): Promise<boolean> => {
  const aheadCount = positionOf(await history.feedEnd()) - positionOf(cursor)
  return aheadCount > aheadCountMax || aheadCount < 0
}

const leap = async (run: Run): Promise<true> => {
  const end = await run.history.feedEnd()
  run.log.warn({ from: run.cursor, to: end }, 'far from the end of the feed: it is followed from there on')
  await run.onLeap()
  run.cursor = end
  run.progress.happened()
  return true
}
