import { type Commit, eventsOf } from '../../domain/event.ts'
import { msBetween } from '../../domain/ids.ts'
import type { EventStore, FeedCommit, FeedPage, ViewStore } from '../../domain/ports.ts'
import { type Bell, openBell } from '../bell.ts'
import type { Counters } from '../counters.ts'
import type { Log } from '../log.ts'
import { openPace, type Pace } from '../pace.ts'
import { positionOf } from '../views/projector.ts'
import { changeOf, type Owed, owedFor } from './callbackRows.ts'

/** How far callbacks have been noted is kept under this name, with the rows. */
export const callbackConsumer = 'callbacks'

/** How far history went when it was not known any more what had been sent of it, is kept under this name. */
export const callbackLoss = 'callbacks-lost'

export interface CallbackCursors {
  cursor: string
  /** Up to here it is not known what was sent. */
  lossEnd: number
}

export interface ConsumerPorts {
  history: Pick<EventStore, 'feed'>
  views: () => ViewStore
  projectedTo: () => string | undefined
  now: () => string
  log: Log
  counters: Counters
  /** Task tokens are answered by this server; else they are only kept in history. */
  hasTasks: boolean
  /** Nothing is noted before what was noted earlier is known. */
  ready: Promise<void>
  /** What is owed is kept: it can be sent. */
  onOwed: (owed: readonly Owed[]) => void
  /** Where it is not known what was sent: what happened longer ago than this is not sent again. */
  horizonMs: number
}

interface Run extends ConsumerPorts {
  cursor: string
  lossEnd: number
  savedAt: number
  isReading: boolean
  bell: Bell
  pace: Pace
}

/** A restart goes through so many commits again at most. */
const unsavedCountMax = 1_000
const outagePauseMs = 1_000

/** Notes what the end of an execution owes to whom, before it counts as seen. */
export const startCallbackConsumer = (ports: ConsumerPorts, { cursor, lossEnd }: CallbackCursors) => {
  const own = { cursor, lossEnd, savedAt: positionOf(cursor), isReading: false, bell: openBell(), pace: openPace() }
  const run: Run = { ...ports, ...own }
  const ended = loop(run)
  return {
    cursor: () => run.cursor,
    /** A page is in the views. Most pages owe nothing to anybody: they are not read again. */
    offer: (after: string | undefined, { commits, cursor: next }: FeedPage): void => {
      const isNext = !run.isReading && positionOf(after) === positionOf(run.cursor)
      const isDue = positionOf(next) - run.savedAt >= unsavedCountMax
      if (isNext && !isDue && !commits.some(({ commit }) => owes(commit))) run.cursor = next
      else run.bell.ring()
    },
    stop: async (): Promise<void> => {
      run.bell.stop()
      await ended
    },
  }
}

const owes = ({ events }: Commit): boolean => events.some(({ type }) => type === 'ExecutionFinished')

const loop = async (run: Run): Promise<void> => {
  const { bell, log, counters } = run
  run.isReading = true
  await run.ready
  while (!bell.isStopped()) {
    try {
      run.isReading = true
      if (await step(run)) continue
      run.isReading = false
      await bell.rung()
    } catch (error) {
      const count = ++counters.callbackOutages
      log.error({ cursor: run.cursor, count, err: error }, 'callbacks cannot be noted, and are tried again')
      await bell.pause(outagePauseMs)
    }
  }
}

const step = async (run: Run): Promise<boolean> => {
  const { history, pace, views, projectedTo, onOwed } = run
  const count = Math.min(pace.batch(), positionOf(projectedTo()) - positionOf(run.cursor))
  if (count <= 0) return false
  await pace.turn()
  const { cursor: after } = run
  const page = await pace.timed(() => history.feed(after, count))
  pace.learn(page.commits.length)
  if (page.commits.length === 0) return false
  const owed = page.commits.filter(({ commit }) => owes(commit)).flatMap((each) => owedIn(run, each))
  const position = positionOf(page.cursor)
  if (owed.length > 0 || position - run.savedAt >= unsavedCountMax) {
    await views().write(owed.map(changeOf), { consumer: callbackConsumer, cursor: page.cursor })
    run.savedAt = position
  }
  run.cursor = page.cursor
  if (owed.length > 0) onOwed(owed)
  return true
}

const owedIn = ({ log, now, horizonMs, lossEnd, hasTasks }: Run, { commit, cursor }: FeedCommit): readonly Owed[] =>
  eventsOf(commit).flatMap((event) => {
    const { stream, version, correlationId } = event
    const facts = { stream, version, correlationId }
    const owed = owedFor(event)
    if (owed === undefined) return []
    if (owed.url === undefined && !hasTasks) {
      log.debug(facts, 'a task token is kept in history: this server answers none')
      return []
    }
    if (positionOf(cursor) > lossEnd || msBetween(event.at, now()) <= horizonMs) return [owed]
    log.info({ ...facts, count: 1 }, 'a callback of long ago is not sent')
    return []
  })
