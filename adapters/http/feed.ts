/** The feed of all events: in pages, and as it grows. Messages are named in it, their content is not shown. */
import { eventsOf, type RecordedEvent, withoutContent } from '../../domain/event.ts'
import { partsOf } from '../../domain/ids.ts'
import type { FeedCommit } from '../../domain/ports.ts'
import { cloudEvent, shownEvent } from '../../projections/publish.ts'
import { createBell } from './bell.ts'
import type { Call } from './call.ts'
import type { House } from './house.ts'
import { invalid } from './problems.ts'
import { json, type Reply } from './replies.ts'
import { type Streams, sseEvent, sseStart } from './sse.ts'
import type { Tail } from './tail.ts'

/** A place in the feed: after a commit, and after so many events of the next one. */
interface Place {
  after: string | undefined
  skip: number
}

/** `{cursor of the store}`, or `{cursor}~{events}` within the commit after it. */
const cursorPattern = /^(\d{1,15})?(?:~(\d{1,5}))?$/

const placeOf = (cursor: string): Place | undefined => {
  const parts = cursor === '' ? null : cursorPattern.exec(cursor)
  return parts === null ? undefined : { after: parts[1], skip: Number(parts[2] ?? 0) }
}

interface Wanted {
  tenant: string
  kind?: string | undefined
  type?: string | undefined
}

interface Placed {
  event: RecordedEvent
  /** Where one goes on after it. */
  cursor: string
}

/** The events of a page of the feed that are wanted, each with its place. */
const placed = (commits: readonly FeedCommit[], { after, skip }: Place, wanted: Wanted): readonly Placed[] => {
  let before = after
  return commits.flatMap(({ commit, cursor }, index) => {
    const events = eventsOf(commit)
    const own = events.map((event, at) => ({
      event,
      cursor: at === events.length - 1 ? cursor : `${before ?? ''}~${at + 1}`,
    }))
    before = cursor
    return (index === 0 ? own.slice(skip) : own).filter(({ event }) => isWanted(event, wanted))
  })
}

const isWanted = ({ stream, type }: RecordedEvent, wanted: Wanted): boolean => {
  const { tenant, kind } = partsOf(stream)
  return (
    tenant === wanted.tenant &&
    (wanted.kind === undefined || wanted.kind === kind) &&
    (wanted.type === undefined || wanted.type === type)
  )
}

const shown = (event: RecordedEvent) => shownEvent(withoutContent(event))

const pageCountMax = 500
/** Commits looked at for one page: a filter that matches little ends it early. */
const scannedCountMax = 5_000

const notACursor = (path: string): Reply => invalid([{ path, message: 'not a cursor of the feed' }])

export const listEvents =
  ({ history }: House) =>
  async ({ tenant, query }: Call<'listEvents'>): Promise<Reply> => {
    const { after, limit, kind, type } = query
    let place = after === undefined ? { after: undefined, skip: 0 } : placeOf(after)
    if (place === undefined) return notACursor('after')
    const items: unknown[] = []
    let nextCursor: string | undefined
    for (let scanned = 0; scanned < scannedCountMax; ) {
      const page = await history.feed(place.after, Math.min(pageCountMax, limit))
      const found = placed(page.commits, place, { tenant, kind, type }).slice(0, limit - items.length)
      items.push(...found.map(({ event }) => shown(event)))
      if (items.length >= limit) return json({ items, nextCursor: found.at(-1)?.cursor })
      if (page.commits.length === 0) return json({ items, nextCursor: nextCursor ?? after ?? page.cursor })
      nextCursor = page.cursor
      place = { after: page.cursor, skip: 0 }
      scanned += page.commits.length
    }
    return json({ items, nextCursor })
  }

/** Commits taken at once for a client that follows: what waits in memory for it. */
const followedCountMax = 50
/** Without a word from the store, it is looked at again after this. */
const lookAgainMs = 60_000

/** `Last-Event-ID` goes before `after`: a client that reconnects repeats its first address. */
export const followEvents =
  ({ history }: House, tail: Tail, streams: Streams) =>
  async (call: Call<'followEvents'>): Promise<Reply> => {
    const { tenant, query, lastEventId } = call
    const from = lastEventId ?? query.after ?? (await history.feedEnd())
    const start = placeOf(from)
    if (start === undefined) return notACursor(lastEventId === undefined ? 'after' : 'Last-Event-ID')
    const wanted = { tenant, kind: query.kind, type: query.type }
    return streams.open(call, async function* (ended) {
      const bell = createBell()
      const stop = await tail.listen(bell.ring)
      let place: Place = start
      try {
        yield sseStart(from)
        while (!ended.aborted) {
          const page = await history.feed(place.after, followedCountMax)
          const events = placed(page.commits, place, wanted)
          if (events.length > 0)
            yield events
              .map(({ event, cursor }) => sseEvent(cloudEvent(withoutContent(event)), { id: cursor }))
              .join('')
          if (page.commits.length === 0) await bell.wait(lookAgainMs, ended)
          else place = { after: page.cursor, skip: 0 }
        }
      } finally {
        stop()
      }
    })
  }
