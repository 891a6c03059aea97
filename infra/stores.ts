import type { ConnectOptions } from '../adapters/awsConnection.ts'
import { openHistory as openMemoryHistory } from '../adapters/memory/history.ts'
import { openHistory as openSqliteHistory } from '../adapters/sqlite/history.ts'
import { fault } from '../domain/faults.ts'
import type { EventStore, FeedCommit } from '../domain/ports.ts'
import type { Verification } from '../projections/services.ts'
import { audit } from './audit.ts'
import { auditInThread, buildInThread } from './threads.ts'
import { type BuildProgress, type Built, buildViews } from './views/buildViews.ts'
import {
  type Generations,
  type LocalViews,
  memoryGenerations,
  type OpenGeneration,
  sqliteGenerations,
} from './views/viewGenerations.ts'

export interface StoreOptions extends TableOptions {
  store: 'sqlite' | 'memory' | 'dynamodb'
  /** Where SQLite keeps its files; created when missing, and this house's alone while it is open. */
  directory?: string
  /** Tests deliver the feed duplicated and in any order. */
  disorder?: (page: readonly FeedCommit[]) => readonly FeedCommit[]
}

/** Of tables in DynamoDB, which several servers may share. */
export interface TableOptions {
  /** Default `benchplane-`. */
  tablePrefix?: string
  /** Creates tables that are missing: for local use. Default false. */
  createTables?: boolean
  /** Whether this server may be the one that keeps the lease clock, and does what one does for all. Default true. */
  keeps?: boolean
  /** Default: the SDK's own settings. */
  connection?: ConnectOptions
  /** How often the ends of the feed and of the history's stream are looked at. Default 200 and 250. */
  pollEveryMs?: number
}

/** What differs between the engines; what takes long is done beside the serving thread where the engine allows it. */
export interface Stores {
  history: EventStore
  generations: Generations
  /** Fills the rows of a generation from history. */
  build: (
    generation: number,
    onProgress: (progress: BuildProgress) => void,
    signal: AbortSignal,
  ) => Promise<{ built: Built; views: LocalViews }>
  /** `stream` is `{tenant}/{kind}/{id}`; undefined for all. */
  audit: (serving: OpenGeneration, stream: string | undefined, signal: AbortSignal) => Promise<Verification>
}

export const openStores = ({ store, directory = '', ...options }: StoreOptions): Stores => {
  if (store === 'memory') return memoryStores(options)
  if (store === 'dynamodb') throw new Error('tables are opened by sharedStores.ts')
  if (directory === '') throw fault('storage-unusable', 'the sqlite store needs a directory')
  return sqliteStores(directory, options)
}

const memoryStores = (options: Pick<StoreOptions, 'disorder'>): Stores => {
  const history = openMemoryHistory(options)
  const generations = memoryGenerations()
  return {
    history,
    generations,
    build: async (generation, onProgress) => {
      const views = generations.create(generation)
      return { views, built: await buildViews(history, views, { onProgress }) }
    },
    audit: ({ views }, stream) => audit(history, views, stream),
  }
}

const sqliteStores = (directory: string, options: Pick<StoreOptions, 'disorder'>): Stores => {
  const generations = sqliteGenerations(directory)
  return {
    history: openSqliteHistory({ directory, ...options }),
    generations,
    build: async (generation, onProgress, signal) => {
      const built = await buildInThread({ directory, generation }, onProgress, signal)
      return { built, views: generations.create(generation) }
    },
    audit: ({ generation }, stream, signal) =>
      auditInThread({ directory, generation, ...(stream === undefined ? {} : { stream }) }, signal),
  }
}
