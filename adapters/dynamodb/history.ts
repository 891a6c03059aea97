import { fault } from '../../domain/faults.ts'
import type { EventStore, FeedCommit } from '../../domain/ports.ts'
import { openAppends } from './append.ts'
import { commitEntity } from './entities.ts'
import { type Feed, type FeedOptions, openFeed } from './feed.ts'
import { openGate } from './gate.ts'
import { tableName } from './layout.ts'
import { outage } from './outages.ts'
import { load, loadLatest, scan } from './read.ts'
import { type Segmented, segmentsOf } from './segments.ts'

export interface HistoryOptions extends FeedOptions {
  /** Of this process, when it also publishes: who listens then hears of it without a look at the table. Default: its own. */
  feed?: Feed
  /** Tests deliver the feed duplicated and in any order. */
  disorder?: (page: readonly FeedCommit[]) => readonly FeedCommit[]
}

/**
 * The history in DynamoDB: one item per commit, an append of one stream one conditional PutItem. The feed is written by who
 * consumes the table's stream (feed.ts), so a commit is in it a moment after it was acknowledged. A scan meets the streams
 * in no order, each whole. Commits appended together become visible one by one to who reads their streams meanwhile.
 * The client is the caller's to destroy, after `close`. Throws the fault `storage-unusable` for an outage.
 */
export const openHistory = ({
  disorder = asTheyCame,
  feed: given,
  ...options
}: HistoryOptions): EventStore & Segmented => {
  const table = tableName('history', options.tablePrefix)
  const commits = commitEntity(options)
  const appends = openAppends(options)
  const feed = given ?? openFeed(options)
  const pass = openGate()
  const underWay = new Set<Promise<unknown>>()
  let isOpen = true

  /** What the engine throws, as a fault that names the table. */
  const guarded = async <Answer>(work: () => Promise<Answer>): Promise<Answer> => {
    if (!isOpen) throw fault('storage-unusable', 'this history is closed')
    const working = pass(work)
    underWay.add(working)
    try {
      return await working
    } catch (error) {
      throw outage(table, error)
    } finally {
      underWay.delete(working)
    }
  }

  return {
    append: (newCommits, checks = []) => guarded(() => appends(newCommits, checks)),
    load: (stream, range) => guarded(() => load(commits, stream, range?.from, range?.to)),
    loadLatest: (stream, reducerVersion) => guarded(() => loadLatest(commits, stream, reducerVersion)),
    feed: async (after, limit) => {
      const page = await guarded(() => feed.read(after, limit))
      return { commits: disorder(page.commits), cursor: page.cursor }
    },
    feedEnd: () => guarded(() => feed.end()),
    onAppend: (listener) => feed.onGrown(listener),
    scan: (stream) => guardedPages(scan(commits, stream), guarded),
    segments: (count) => segmentsOf(commits, count, guarded),
    close: async () => {
      isOpen = false
      if (given === undefined) feed.close()
      await Promise.allSettled(underWay)
    },
  } satisfies EventStore & Segmented
}

const asTheyCame = (page: readonly FeedCommit[]): readonly FeedCommit[] => page

async function* guardedPages<Page>(
  pages: AsyncGenerator<Page>,
  guarded: <Answer>(work: () => Promise<Answer>) => Promise<Answer>,
): AsyncGenerator<Page> {
  for (;;) {
    const next = await guarded(async () => pages.next())
    if (next.done === true) return
    yield next.value
  }
}
