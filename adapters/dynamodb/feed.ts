import { fault } from '../../domain/faults.ts'
import type { StreamName } from '../../domain/ids.ts'
import type { FeedPage } from '../../domain/ports.ts'
import { feedPosition } from '../commits.ts'
import { type CommitEntity, commitEntity, type EntityOptions, type PageEntity, pageEntity } from './entities.ts'
import { commitOf, type FoundItem } from './items.ts'
import { tableName } from './layout.ts'
import { isNamed, outage, pause } from './outages.ts'
import { openTail } from './tail.ts'

/** Where a commit lies: what a record of the table's stream tells of it. */
export interface CommitKey {
  stream: StreamName
  version: number
}

export interface FeedOptions extends EntityOptions {
  /** How often the end of the feed is looked at, while somebody listens. Default 200. */
  pollEveryMs?: number
}

/**
 * The feed is a stream of pages, and a page names commits: `publish` is for who consumes the records of the history's
 * table, and may be told of a commit twice; a page is durable when it resolves, so that the record can be let go. A
 * cursor is a position, counted in commits named. Nobody may rely on order.
 */
export interface Feed {
  publish(commits: readonly CommitKey[]): Promise<void>
  read(after: string | undefined, limit: number): Promise<FeedPage>
  end(): Promise<string>
  onGrown(listener: () => void): () => void
  close(): void
}

/** Commits named by a page. */
export const pageEntriesMax = 100

/** There is one feed; its name is its partition's. */
const feed = 'feed'
const reading = { consistent: true, ignoreOwnership: true, originalErr: true } as const

export const openFeed = ({ pollEveryMs = 200, ...options }: FeedOptions): Feed => {
  const [pages, commits] = [pageEntity(options), commitEntity(options)]
  const table = tableName('views', options.tablePrefix)
  /** What the engine throws, as a fault that names the table. */
  const guarded = <Answer>(work: Promise<Answer>): Promise<Answer> =>
    work.catch((error: unknown) => {
      throw outage(table, error)
    })
  const tail = openTail(() => guarded(endOf(pages, false)), pollEveryMs)
  return {
    publish: async (keys) => {
      for (let start = 0; start < keys.length; start += pageEntriesMax)
        tail.reached(await guarded(appendPage(pages, keys.slice(start, start + pageEntriesMax).map(entryOf))))
    },
    read: async (after, limit) => guarded(read(pages, commits, feedPosition(after), limit)),
    end: async () => String(await guarded(endOf(pages))),
    onGrown: (listener) => tail.listen(listener),
    close: () => tail.close(),
  }
}

const entryOf = ({ stream, version }: CommitKey): string => `${stream}@${version}`

const keyOf = (entry: string): CommitKey => {
  const at = entry.lastIndexOf('@')
  return { stream: entry.slice(0, at), version: Number(entry.slice(at + 1)) }
}

/** The position of the last entry; 0: there is none. */
const endOf = async (pages: PageEntity, consistent = true): Promise<number> => {
  const options = { ...reading, consistent, order: 'desc', limit: 1 } as const
  const { data } = await pages.query.byPosition({ feed }).go(options)
  const [last] = data
  return last === undefined ? 0 : last.first + last.entries.length - 1
}

/** Writers of pages that meet each other: each shard of the table's stream has one. */
const attemptCountMax = 50

/** Positions have no hole: a page goes right after the last, and who finds its place taken looks again. */
const appendPage = async (pages: PageEntity, entries: string[]): Promise<number> => {
  for (let attempt = 1; ; attempt++) {
    const end = await endOf(pages)
    try {
      await pages.create({ feed, first: end + 1, entries }).go({ originalErr: true, response: 'none' })
      return end + entries.length
    } catch (error) {
      if (!isNamed(error, 'ConditionalCheckFailedException') || attempt === attemptCountMax) throw error
    }
    await pause(attempt)
  }
}

interface Entry {
  position: number
  name: string
}

const read = async (pages: PageEntity, commits: CommitEntity, start: number, limit: number): Promise<FeedPage> => {
  const entries = await entriesAfter(pages, start, limit)
  const found = await fetch(commits, [...new Set(entries.map(({ name }) => name))])
  return {
    commits: entries.map(({ position, name }) => ({ cursor: String(position), commit: commitOf(demand(found, name)) })),
    cursor: String(entries.at(-1)?.position ?? start),
  }
}

const demand = (found: ReadonlyMap<string, FoundItem>, name: string): FoundItem => {
  const item = found.get(name)
  if (item === undefined) throw fault('hole-in-history', `the feed names ${name}, which the history does not have`)
  return item
}

interface PageItem {
  first: number
  entries: readonly string[]
}

const entriesOf = ({ first, entries }: PageItem): readonly Entry[] =>
  entries.map((name, index) => ({ position: first + index, name }))

const entriesAfter = async (pages: PageEntity, start: number, limit: number): Promise<readonly Entry[]> => {
  const entries: Entry[] = []
  // The page that holds the first entry wanted may begin before it, by less than a whole page.
  const first = Math.max(1, start + 2 - pageEntriesMax)
  let cursor: string | null = null
  do {
    const options = { ...reading, limit: pageEntriesMax + limit, cursor } as const
    const found: { data: readonly PageItem[]; cursor: string | null } = await pages.query
      .byPosition({ feed })
      .gte({ first })
      .go(options)
    entries.push(...found.data.flatMap(entriesOf).filter(({ position }) => position > start))
    cursor = found.cursor
  } while (cursor !== null && entries.length < limit)
  return entries.slice(0, limit)
}

/** Requests of a batch get under way at once. */
const concurrent = 4
const fetchAttemptCountMax = 10

/** The commits named, by name. The engine may leave some for another request. */
const fetch = async (commits: CommitEntity, names: readonly string[]): Promise<ReadonlyMap<string, FoundItem>> => {
  const found = new Map<string, FoundItem>()
  let wanted: CommitKey[] = names.map(keyOf)
  for (let attempt = 1; wanted.length > 0; attempt++) {
    const { data, unprocessed } = await commits.get(wanted).go({ ...reading, concurrent })
    for (const item of data) found.set(entryOf(item), item)
    wanted = unprocessed
    if (wanted.length === 0) break
    if (attempt === fetchAttemptCountMax) throw fault('storage-unusable', `throttled: ${wanted.length} commits unread`)
    await pause(attempt)
  }
  return found
}
