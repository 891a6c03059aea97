import { vi } from 'vitest'
import { openFeed } from '../../../adapters/dynamodb/feed.ts'
import { openHistory } from '../../../adapters/dynamodb/history.ts'
import { type StreamRunnerOptions, startStreamRunner } from '../../../adapters/dynamodb/streamRunner.ts'
import { connectStreams } from '../../../adapters/dynamodb/streams.ts'
import { openViews } from '../../../adapters/dynamodb/views.ts'
import { openViews as openMemoryViews } from '../../../adapters/memory/views.ts'
import type { Commit } from '../../../domain/event.ts'
import type { EventStore } from '../../../domain/ports.ts'
import { openProjectConsumer, type ProjectConsumerPorts } from '../../../infra/consumers/project.ts'
import { openCounters } from '../../../infra/counters.ts'
import { noLog } from '../../../infra/log.ts'
import { openFolds } from '../../../projections/folds.ts'
import type { StreamHandler } from '../../../projections/handler.ts'
import type { Letter, RangeLetter } from '../../../projections/letters.ts'
import { project } from '../../../projections/project.ts'
import { viewNames } from '../../../projections/views.ts'
import { temporaryDirectories } from '../../adapters/directories.ts'
import { anybody, type localEngine } from '../../adapters/dynamodbLocal.ts'
import { drain } from '../../contract/medium.ts'
import { writePath } from '../../writePath.ts'

export const now = (): string => new Date().toISOString()

/** Letters that are only kept here. */
export const openLetterBox = () => {
  const letters: Letter[] = []
  const ranges: RangeLetter[] = []
  return {
    letters,
    ranges,
    keep: async (kept: readonly Letter[]) => void letters.push(...kept),
    keepRange: async (range: RangeLetter) => void ranges.push(range),
  }
}

/** Runs a handler from the stream of the tables, quickly; all of them are stopped together. */
const runsOf = (endpoint: string, ports: Pick<StreamRunnerOptions, 'tablePrefix' | 'checkpoints' | 'letters'>) => {
  const streams = connectStreams({ endpoint, ...anybody })
  const runs: { stop: () => Promise<void> }[] = []
  const quick = { pollEveryMs: 5, discoverEveryMs: 50, pausesMs: [1, 5], saveEveryMs: 5 }
  return {
    run: (handler: StreamHandler, more: Partial<StreamRunnerOptions> = {}) => {
      const consumers = { project: handler }
      const runner = startStreamRunner({ ...ports, streams, consumers, log: noLog, ...quick, ...more })
      runs.push(runner)
      return runner
    },
    stopAll: () => Promise.all(runs.map(({ stop }) => stop())),
  }
}

/** Fresh tables, who writes history, and who projects it. */
export const streamedHouse = (engine: ReturnType<typeof localEngine>) => {
  const { closing } = temporaryDirectories()
  return async () => {
    const tablePrefix = await engine.tables()
    const options = { client: engine.client(), tablePrefix, pollEveryMs: 10 }
    const history = closing(openHistory(options))
    const feed = closing(openFeed(options))
    const views = closing(openViews({ ...options, generation: 1 }))
    const kept = closing(openViews({ ...options, generation: 0 }))
    const [box, counters] = [openLetterBox(), openCounters()]
    const told = { letters: box, log: noLog, counters, now }
    const ports: ProjectConsumerPorts = { ...told, views: async () => views, history, feed }
    return {
      ...options,
      ...runsOf(engine.endpoint(), { tablePrefix, checkpoints: kept, letters: box }),
      history,
      feed,
      views,
      kept,
      box,
      counters,
      ports,
      write: writePath(history),
      consumer: (more: Partial<ProjectConsumerPorts> = {}) => openProjectConsumer({ ...ports, ...more }),
      inFeed: () => entriesOf(history),
      appended: () => commitsIn(history),
    }
  }
}
export type StreamedHouse = Awaited<ReturnType<ReturnType<typeof streamedHouse>>>

export const nameOf = ({ stream, version }: Commit): string => `${stream}@${version}`

const entriesOf = async (history: EventStore): Promise<readonly string[]> =>
  (await drain(history)).map(({ commit }) => nameOf(commit))

export const commitsIn = async (history: Pick<EventStore, 'scan'>): Promise<readonly Commit[]> => {
  const commits: Commit[] = []
  for await (const page of history.scan()) commits.push(...page.flatMap(({ commit }) => commit ?? []))
  return commits
}

type Scanned = { scan: () => AsyncIterable<readonly { view: string; tenant: string; row: object }[]> }

export const rowsIn = async (views: Scanned): Promise<ReadonlyMap<string, unknown>> => {
  const rows = new Map<string, unknown>()
  for await (const page of views.scan())
    for (const { view, tenant, row } of page)
      if (viewNames.includes(view)) rows.set(JSON.stringify([view, tenant, (row as { id: string }).id]), row)
  return new Map([...rows].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** What a fold of all that is in history says. */
export const foldedRows = async ({ history, appended }: StreamedHouse): Promise<ReadonlyMap<string, unknown>> => {
  const views = openMemoryViews()
  await project({ views, load: (...asked) => history.load(...asked), folds: openFolds() }, await appended())
  return rowsIn(views)
}

/** Until all that is in history is in the feed. */
export const untilFed = (house: StreamedHouse): Promise<void> =>
  vi.waitFor(
    async () => {
      const fed = new Set(await house.inFeed())
      const missing = (await house.appended()).map(nameOf).filter((name) => !fed.has(name))
      if (missing.length > 0) throw new Error(`not in the feed: ${missing.join(', ')}`)
    },
    { timeout: 10_000, interval: 20 },
  )

/** Some benches, bookings and executions: several streams, and appends over several of them. */
export const story = async ({ write }: StreamedHouse, count = 6): Promise<void> => {
  for (let n = 0; n < count; n++) {
    await demand(write.send('bench', `b${n}`, 'RegisterBench', { benchId: `b${n}`, type: 'hil' }))
    await demand(
      write.send('reservation', `r${n}`, 'RequestReservation', {
        holder: 'ada',
        benches: [{ benchId: `b${n}` }],
        start: '2026-03-01T10:00:00.000Z',
        durationMs: 3_600_000,
        checkInWithinMs: 0,
        graceMs: 0,
      }),
    )
    if (n % 2 === 0) await demand(write.send('reservation', `r${n}`, 'CancelReservation', {}))
  }
}

const demand = async (sent: Promise<{ kind: string }>): Promise<void> => {
  const outcome = await sent
  if (outcome.kind !== 'done') throw new Error(JSON.stringify(outcome))
}
