import type { EventStore, FeedPage, RowChange, ViewStore } from '../../domain/ports.ts'
import { type Folds, openFolds } from '../../projections/folds.ts'
import { type Projected, project } from '../../projections/project.ts'
import { type Bell, openBell } from '../bell.ts'
import type { Counters } from '../counters.ts'
import type { Log } from '../log.ts'
import { openPace, type Pace } from '../pace.ts'
import type { Progress } from '../progress.ts'

/** How far the projector has come is kept under this name, with the rows. */
export const projectConsumer = 'project'
/** After an outage of a store, the longer the more often it happens. */
const outagePausesMs = [50, 200, 1_000, 5_000] as const

/** Both local stores count their commits: a cursor is a decimal. */
export const positionOf = (cursor: string | undefined): number => Number(cursor ?? 0)

export interface ProjectorPorts {
  history: Pick<EventStore, 'feed' | 'load' | 'onAppend'>
  log: Log
  counters: Counters
  now: () => string
  /** Told whenever the views have changed. */
  progress: Progress
  onWritten: (changes: readonly RowChange[]) => void
  /** A page is in the views. `after`: the cursor it was read from. */
  onPage: (after: string | undefined, page: FeedPage) => void
}

/** The projector at work. */
interface Run extends ProjectorPorts {
  views: ViewStore
  /** What the rows alone don't tell; the same whichever rows serve. */
  folds: Folds<unknown>
  cursor: string | undefined
  lagMs: number
  stuck: { sinceMs: number; error: unknown } | undefined
  /** Has once seen all there was. */
  hasCaughtUp: boolean
  replacement: { next: ViewStore; done: PromiseWithResolvers<ViewStore> } | undefined
  bell: Bell
  pace: Pace
}

/** Keeps the views up with history, in small steps between which requests are served. */
export const startProjector = (ports: ProjectorPorts, views: ViewStore, cursor: string | undefined) => {
  const state = { views, cursor, lagMs: 0, stuck: undefined, hasCaughtUp: false, replacement: undefined }
  const run: Run = { ...ports, ...state, folds: openFolds(), bell: openBell(), pace: openPace() }
  const stopListening = ports.history.onAppend(run.bell.ring)
  const ended = loop(run)
  return {
    /** Where the views have come to; undefined at the beginning. */
    cursor: () => run.cursor,
    views: () => run.views,
    /** Age of the last batch's oldest commit when it became visible; 0 when there was nothing to do. */
    lagMs: () => run.lagMs,
    /** Why the views don't get on, and since when; undefined when they do. */
    stuck: () => run.stuck,
    hasCaughtUp: () => run.hasCaughtUp,
    /** Lets other rows serve once they have seen as much; answers those that served before, for the caller to close. */
    replaceBy: (next: ViewStore): Promise<ViewStore> => {
      if (run.bell.isStopped()) return Promise.reject(new Error('the house is closing'))
      run.replacement = { next, done: Promise.withResolvers() }
      run.bell.ring()
      return run.replacement.done.promise
    },
    stop: async (): Promise<void> => {
      stopListening()
      run.bell.stop()
      await ended
    },
  }
}
export type Projector = ReturnType<typeof startProjector>

const loop = async (run: Run): Promise<void> => {
  const { bell, log, counters } = run
  for (let outages = 0; !bell.isStopped(); ) {
    try {
      if (run.replacement !== undefined) await takeOver(run)
      if (!(await step(run))) await bell.rung()
      outages = 0
      run.stuck = undefined
    } catch (error) {
      const count = ++counters.projectionOutages
      run.stuck ??= { sinceMs: Date.parse(run.now()), error }
      log.error({ cursor: run.cursor, count, err: error }, 'the projector cannot get on, and tries again')
      await bell.pause(outagePausesMs[Math.min(outages++, outagePausesMs.length - 1)] ?? 0)
    }
  }
  run.replacement?.done.reject(new Error('the house is closing'))
}

/** One page of the feed; false when there was none. */
const step = async (run: Run): Promise<boolean> => {
  const { history, pace, views, cursor: after } = run
  const page = await pace.timed(() => history.feed(after, pace.batch()))
  if (page.commits.length === 0) {
    run.lagMs = 0
    if (!run.hasCaughtUp) {
      run.hasCaughtUp = true
      run.progress.happened()
    }
    return false
  }
  await pace.turn()
  tell(run, await projectPage(run, views, page), page)
  run.cursor = page.cursor
  pace.learn(page.commits.length)
  run.progress.happened()
  run.onPage(after, page)
  await pace.turn()
  return true
}

/** Folding and writing are a slice each. */
const projectPage = (
  { history, pace, folds }: Pick<Run, 'history' | 'pace' | 'folds'>,
  views: ViewStore,
  page: FeedPage,
): Promise<Projected> => {
  const paced: Pick<ViewStore, 'read' | 'write'> = {
    read: (...asked) => pace.timed(() => views.read(...asked)),
    write: async (...asked) => {
      await pace.turn()
      return pace.timed(() => views.write(...asked))
    },
  }
  const commits = page.commits.map(({ commit }) => commit)
  const load: EventStore['load'] = (...asked) => history.load(...asked)
  return project({ views: paced, load, folds }, commits, { consumer: projectConsumer, cursor: page.cursor })
}

const tell = (run: Run, { changes, eventCount, rowCount, failures }: Projected, page: FeedPage): void => {
  const { counters, log } = run
  counters.projectedEvents += eventCount
  counters.writtenRows += rowCount
  for (const { stream, error } of failures) {
    const correlationId = page.commits.findLast(({ commit }) => commit.stream === stream)?.commit.correlationId
    const count = ++counters.projectionFailures
    log.error({ stream, correlationId, count, err: error }, 'a stream cannot be folded: its row stays as it was')
  }
  const now = run.now()
  run.lagMs = Math.max(0, Date.parse(now) - Date.parse(page.commits[0]?.commit.at ?? now))
  if (changes.length > 0) run.onWritten(changes)
}

/** Other rows serve from here on, having seen as much as those before. */
const takeOver = async (run: Run): Promise<void> => {
  const { next, done } = run.replacement as NonNullable<Run['replacement']>
  run.replacement = undefined
  try {
    const cursor = await catchUp(run, next, () => positionOf(run.cursor))
    const before = run.views
    run.views = next
    run.cursor = cursor
    run.progress.happened()
    done.resolve(before)
  } catch (error) {
    done.reject(error)
  }
}

/** Brings rows that nobody reads yet up to a position; answers where they are then. */
export const catchUp = async (
  { history }: Pick<ProjectorPorts, 'history'>,
  views: ViewStore,
  target: () => number,
): Promise<string | undefined> => {
  const [pace, folds] = [openPace(), openFolds()]
  let cursor = await views.checkpoint(projectConsumer)
  while (positionOf(cursor) < target()) {
    const after = cursor
    const page = await pace.timed(() => history.feed(after, pace.batch()))
    if (page.commits.length === 0) break
    await pace.turn()
    await projectPage({ history, pace, folds }, views, page)
    cursor = page.cursor
    pace.learn(page.commits.length)
    await pace.turn()
  }
  return cursor
}
