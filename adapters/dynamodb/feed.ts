import type { Commit } from '../../domain/event.ts'
import { fault } from '../../domain/faults.ts'
import type { StreamName } from '../../domain/ids.ts'
import type { FeedCommit, FeedPage } from '../../domain/ports.ts'
import { feedPosition } from '../commits.ts'
import { type CommitEntity, commitEntity, type EntityOptions, type PageEntity, pageEntity } from './entities.ts'
import { type FeedMemory, openFeedMemory, openSharing } from './feedMemory.ts'
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
  /** Its end cannot be looked at: called once an outage. Default: a warning of the process. */
  onOutage?: (error: unknown) => void
  /** For so long a writer need not look where its own last page has ended. Default 1 000: a feed that is lost meanwhile, and written anew, takes longer. */
  endKnownMs?: number
}

/**
 * The feed is a stream of pages, and a page names commits: `publish` is for who consumes the records of the history's
 * table, and may be told of a commit twice; a page is durable when it resolves, so that the record can be let go. Commits
 * that are given whole need not be read again by who follows the feed in this process. A cursor is a position, counted in
 * commits named. Nobody may rely on order.
 */
export interface Feed {
  publish(commits: readonly (CommitKey | Commit)[]): Promise<void>
  read(after: string | undefined, limit: number): Promise<FeedPage>
  /** `{stream}@{version}` of what comes right after a position, without reading the commits. */
  names(after: number, limit: number): Promise<readonly string[]>
  end(): Promise<string>
  onGrown(listener: () => void): () => void
  close(): void
}

/** Commits named by a page. */
export const pageEntriesMax = 100

/** There is one feed; its name is its partition's. */
const feed = 'feed'
const reading = { consistent: true, ignoreOwnership: true, originalErr: true } as const

export const openFeed = ({ pollEveryMs = 200, onOutage, endKnownMs = 1_000, ...options }: FeedOptions): Feed => {
  const [pages, commits] = [pageEntity(options), commitEntity(options)]
  const [memory, shared] = [openFeedMemory(), openSharing<FeedPage>()]
  const table = tableName('views', options.tablePrefix)
  /** What the engine throws, as a fault that names the table. */
  const guarded = <Answer>(work: Promise<Answer>): Promise<Answer> =>
    work.catch((error: unknown) => {
      throw outage(table, error)
    })
  const tail = openTail(() => guarded(endOf(pages, false)), pollEveryMs, onOutage)
  const append = openPages(pages, endKnownMs)
  return {
    publish: async (named) => {
      for (const commit of named) if ('events' in commit) memory.commits.set(entryOf(commit), commit, sizeOf(commit))
      for (let start = 0; start < named.length; start += pageEntriesMax) {
        const entries = named.slice(start, start + pageEntriesMax).map(entryOf)
        const end = await guarded(append(entries))
        memory.names.learn(end - entries.length, entries)
        tail.reached(end)
      }
    },
    read: async (after, limit) => {
      const start = feedPosition(after)
      const known = memory.names.after(start, limit)
      if (known.length > 0) return guarded(pageOf(commits, memory, start, known))
      return shared(`${start}/${limit}`, () => guarded(read(pages, commits, memory, start, limit)))
    },
    names: (after, limit) => guarded(namesAfter(pages, after, limit)),
    end: async () => String(await guarded(endOf(pages))),
    onGrown: (listener) => tail.listen(listener),
    close: () => tail.close(),
  }
}

export const entryOf = ({ stream, version }: CommitKey): string => `${stream}@${version}`

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

/** About the bytes that are remembered of it. */
const sizeOf = ({ events }: Commit): number => JSON.stringify(events).length

/** Writers of pages that meet each other: each shard of the table's stream has one. */
const attemptCountMax = 50

/**
 * Positions have no hole: a page goes right after the last, and who finds its place taken looks again. Where the feed has
 * once ended, the next page begins: so a writer may go on from its own last page without a look.
 */
const openPages = (pages: PageEntity, endKnownMs: number) => {
  let known: { end: number; atMs: number } | undefined
  return async (entries: string[]): Promise<number> => {
    for (let attempt = 1; ; attempt++) {
      const isKnown = known !== undefined && performance.now() - known.atMs < endKnownMs
      const start = isKnown && known !== undefined ? known.end : await endOf(pages)
      known = undefined
      try {
        await pages.create({ feed, first: start + 1, entries }).go({ originalErr: true, response: 'none' })
        known = { end: start + entries.length, atMs: performance.now() }
        return known.end
      } catch (error) {
        if (!isNamed(error, 'ConditionalCheckFailedException') || attempt === attemptCountMax) throw error
      }
      if (!isKnown) await pause(attempt)
    }
  }
}

const read = async (
  pages: PageEntity,
  commits: CommitEntity,
  memory: FeedMemory,
  start: number,
  limit: number,
): Promise<FeedPage> => {
  const names = await namesAfter(pages, start, limit)
  memory.names.learn(start, names)
  return pageOf(commits, memory, start, names)
}

const pageOf = async (
  commits: CommitEntity,
  memory: FeedMemory,
  start: number,
  names: readonly string[],
): Promise<FeedPage> => {
  const found = await commitsOf(commits, memory, [...new Set(names)])
  const named = names.map((name, index): FeedCommit => {
    const commit = found.get(name)
    if (commit === undefined) throw fault('hole-in-history', `the feed names ${name}, which the history does not have`)
    return { cursor: String(start + index + 1), commit }
  })
  return { commits: named, cursor: String(start + named.length) }
}

/** What is not remembered is read. */
const commitsOf = async (
  entity: CommitEntity,
  { commits }: FeedMemory,
  names: readonly string[],
): Promise<ReadonlyMap<string, Commit>> => {
  const found = new Map<string, Commit>()
  const missing: string[] = []
  for (const name of names) {
    const known = commits.get(name)
    if (known === undefined) missing.push(name)
    else found.set(name, known)
  }
  for (const [name, item] of await fetch(entity, missing)) {
    const commit = commitOf(item)
    found.set(name, commit)
    commits.set(name, commit, typeof item.body === 'string' ? item.body.length : 0)
  }
  return found
}

interface PageItem {
  first: number
  entries: readonly string[]
}

/** The names right after a position, as positions run without a hole. */
const namesAfter = async (pages: PageEntity, start: number, limit: number): Promise<readonly string[]> => {
  const names: string[] = []
  // The page that holds the first entry wanted may begin before it, by less than a whole page.
  const first = Math.max(1, start + 2 - pageEntriesMax)
  let cursor: string | null = null
  do {
    const options = { ...reading, limit: pageEntriesMax + limit, cursor } as const
    const found: { data: readonly PageItem[]; cursor: string | null } = await pages.query
      .byPosition({ feed })
      .gte({ first })
      .go(options)
    for (const page of found.data) names.push(...page.entries.slice(Math.max(0, start + 1 - page.first)))
    cursor = found.cursor
  } while (cursor !== null && names.length < limit)
  return names.slice(0, limit)
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
