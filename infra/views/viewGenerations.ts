import { openViews as openMemoryViews } from '../../adapters/memory/views.ts'
import type { ScannedRow } from '../../adapters/rows.ts'
import { discardGeneration, generationsIn } from '../../adapters/sqlite/generations.ts'
import { openViews as openSqliteViews } from '../../adapters/sqlite/views.ts'
import type { EventStore, ViewStore } from '../../domain/ports.ts'
import { viewsShape } from '../../projections/views.ts'
import { callbackConsumer, callbackLoss } from '../callbacks/callbackConsumer.ts'
import { callbacksView } from '../callbacks/callbackRows.ts'
import { deadLettersView } from '../deadLetters.ts'
import { type Log, noLog } from '../log.ts'
import { reactConsumer } from '../reactor.ts'

/** A view store of this process. */
export interface LocalViews extends ViewStore {
  rowCount: (view: string) => Promise<number>
  /** Every row of these views; default: of all. */
  scan: (views?: readonly string[]) => AsyncIterable<readonly ScannedRow[]>
}

/** Sets of rows, one of which serves. Which one: the newest that is whole. */
export interface Generations {
  /** The one that serves, or a new one when there is none, or none that today's code can read. */
  openNewest: (history: Pick<EventStore, 'feed'>, log: Log) => Promise<OpenGeneration>
  /** An empty one beside those that are there. It does not count as whole until it is sealed. */
  create: (generation: number) => LocalViews
  discard: (generation: number) => void
}

export interface OpenGeneration {
  generation: number
  views: LocalViews
}

const shapeFact = 'shape'
const originFact = 'origin'

/** What tells one history from another: the hash of its first commit; undefined while it is empty. */
export const originOf = async (history: Pick<EventStore, 'feed'>): Promise<string | undefined> =>
  (await history.feed(undefined, 1)).commits[0]?.commit.hash

/** Marks rows as whole, written by today's code, and of this history. */
export const seal = async (views: ViewStore, origin: string | undefined): Promise<void> => {
  if (origin !== undefined) await views.saveCheckpoint(originFact, origin)
  await views.saveCheckpoint(shapeFact, viewsShape)
}

/** What is not folded from history, and must not be lost with a set of rows: how far its consumers are, and what they keep there. */
export const carryOver = async (from: LocalViews, to: ViewStore): Promise<void> => {
  for (const consumer of [reactConsumer, callbackConsumer, callbackLoss]) {
    const cursor = await from.checkpoint(consumer)
    if (cursor !== undefined) await to.saveCheckpoint(consumer, cursor)
  }
  await carryLetters(from, to)
}

const carried = [deadLettersView, callbacksView]

/** Whatever is there already, or newer, stays as it is. */
export const carryLetters = async (from: LocalViews, to: ViewStore): Promise<void> => {
  for await (const page of from.scan(carried.map(({ name }) => name)))
    await to.write(
      page.flatMap(({ view, tenant, row }) => carried.find(({ name }) => name === view)?.change(tenant, row) ?? []),
    )
}

export const memoryGenerations = (): Generations => ({
  openNewest: async () => ({ generation: 1, views: openMemoryViews() }),
  create: () => openMemoryViews(),
  discard: () => {},
})

export const sqliteGenerations = (directory: string): Generations => ({
  openNewest: (history, log) => openNewest(directory, history, log),
  create: (generation) => openSqliteViews({ directory, generation }),
  discard: (generation) => discardGeneration(directory, generation),
})

const openNewest = async (directory: string, history: Pick<EventStore, 'feed'>, log: Log): Promise<OpenGeneration> => {
  const origin = await originOf(history)
  const all = generationsIn(directory)
  const opened = await openWhole(directory, all, origin, log)
  const generation = opened?.generation ?? (all[0] ?? 0) + 1
  const views = opened?.views ?? openSqliteViews({ directory, generation })
  await seal(views, origin)
  for (const other of all) {
    if (other === generation) continue
    if (opened === undefined) await rescue(directory, other, origin, views)
    discardGeneration(directory, other)
  }
  return { generation, views }
}

const openWhole = async (
  directory: string,
  generations: readonly number[],
  origin: string | undefined,
  log: Log,
): Promise<OpenGeneration | undefined> => {
  for (const generation of generations) {
    const views = tryOpen(directory, generation, log)
    if (views === undefined) continue
    const [shape, from] = [await views.checkpoint(shapeFact), await views.checkpoint(originFact)]
    if (shape === viewsShape && (from === undefined || from === origin)) return { generation, views }
    if (shape === undefined) log.info({ generation }, 'views that were not built to their end are thrown away')
    else
      log.warn(
        { generation, shape, isOfThisHistory: from === origin },
        'these views are thrown away: not of this version, or this history',
      )
    await views.close()
  }
  return undefined
}

/** A file of rows that can't be opened is as good as none. */
const tryOpen = (directory: string, generation: number, log: Log): LocalViews | undefined => {
  try {
    return openSqliteViews({ directory, generation })
  } catch (error) {
    log.error({ generation, count: 1, err: error }, 'the views cannot be opened, and are built anew from history')
    return undefined
  }
}

/** Of rows that are given up, what is not in history. */
const rescue = async (
  directory: string,
  generation: number,
  origin: string | undefined,
  to: ViewStore,
): Promise<void> => {
  const from = tryOpen(directory, generation, noLog)
  if (from === undefined) return
  if ((await from.checkpoint(originFact)) === origin) await carryOver(from, to)
  await from.close()
}
