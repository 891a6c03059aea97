import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { openFeed } from '../../adapters/dynamodb/feed.ts'
import { openGenerations } from '../../adapters/dynamodb/generations.ts'
import { openHistory } from '../../adapters/dynamodb/history.ts'
import type { Commit } from '../../domain/event.ts'
import type { EventStore, ViewStore } from '../../domain/ports.ts'
import { noLog } from '../../infra/log.ts'
import { followGenerations, prepareGenerations } from '../../infra/shared/generations.ts'
import { openSharedRebuilding } from '../../infra/shared/rebuild.ts'
import type { SharedRebuildPorts } from '../../infra/views/rebuildPorts.ts'
import type { LocalViews } from '../../infra/views/viewGenerations.ts'
import { openFolds } from '../../projections/folds.ts'
import { project } from '../../projections/project.ts'
import { writePath } from '../writePath.ts'

interface Place {
  client: DynamoDBClient
  tablePrefix: string
}

/** One who writes rows and the feed, as the consumer of the history's stream does; in two steps, so that it can be late. */
export const openConsumer = (history: EventStore, place: Place) => {
  const [feed, folds] = [openFeed(place), openFolds()]
  return {
    write: async (views: ViewStore, commits: readonly Commit[]): Promise<void> => {
      await project({ views, load: history.load.bind(history), folds }, commits)
    },
    publish: async (commits: readonly Commit[]): Promise<void> => feed.publish(commits),
    close: (): void => feed.close(),
  }
}

/** A server's part in the views: its history, the rows it follows, and the rebuilds it may do. */
export const openServer = async (
  place: Place,
  {
    shape = 'now',
    serverClient = place.client,
    ...options
  }: Partial<Pick<SharedRebuildPorts, 'shape' | 'trailingMs' | 'abandonedMs' | 'log'>> & {
    serverClient?: DynamoDBClient
  } = {},
) => {
  const own = { ...place, client: serverClient }
  const feed = openFeed(own)
  const history = openHistory({ ...own, feed })
  const generations = openGenerations(own)
  const closing = new AbortController()
  await prepareGenerations(generations, history, { log: noLog, shape })
  const following = await followGenerations({ generations, log: noLog, everyMs: 0, shape })
  const ports = { generations, history, feed, following, log: noLog, signal: closing.signal, shape }
  const rebuilding = openSharedRebuilding({ ...ports, trailingMs: 20, abandonedMs: 120, ...options })
  return {
    history,
    feed,
    generations,
    following,
    rebuilding,
    close: async (): Promise<void> => {
      closing.abort(new Error('the house is closing'))
      await rebuilding.ended()
      feed.close()
      await history.close()
    },
  }
}
export type Server = Awaited<ReturnType<typeof openServer>>

/** Sends commands, and lets a consumer hear of every commit. */
export const openSender = (history: EventStore, heard: (commits: readonly Commit[]) => Promise<void>) => {
  const told: EventStore = {
    ...history,
    append: async (...asked) => {
      const result = await history.append(...asked)
      if (result.kind === 'appended') await heard(result.commits)
      return result
    },
  }
  const candidates = async () => ({ benchIds: ['b1', 'b2', 'b3'], excluded: {} })
  const { send } = writePath(told, { candidates })
  const bench = async (benchId: string) => send('bench', benchId, 'RegisterBench', { benchId, type: 'hil' })
  const book = async (id: string, benchId: string) =>
    send('reservation', id, 'RequestReservation', {
      holder: 'ada',
      benches: [{ benchId }],
      durationMs: 60_000,
      queue: true,
    })
  const run = async (id: string, reservationId: string) =>
    send('execution', id, 'SubmitExecution', {
      reservationId,
      tasks: [
        { name: 't', run: {} },
        { name: 'u', run: {} },
      ],
    })
  return { send, bench, book, run }
}

/** Rows as `foldedRows` has them. */
export const rowsIn = async (views: LocalViews): Promise<Map<string, unknown>> => {
  const rows = new Map<string, unknown>()
  for await (const page of views.scan())
    for (const { view, row } of page) rows.set(`${view}/${row.id}`, { version: row.version, body: row.body })
  return rows
}
