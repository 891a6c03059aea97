/** The past as it was written: the events of a stream, its state as of then, one event. */
import { type Commit, eventsOf } from '../../domain/event.ts'
import { streamName } from '../../domain/ids.ts'
import { shownEvent } from '../../projections/publish.ts'
import type { Call } from './call.ts'
import type { House } from './house.ts'
import { invalid, notFound } from './problems.ts'
import { json, type Reply } from './replies.ts'

/** A cursor of a stream's history is the version to go on with. */
const cursorPattern = /^v([1-9]\d{0,14})$/

export const listHistory =
  ({ history }: House) =>
  async ({ tenant, params, query }: Call<'listHistory'>): Promise<Reply> => {
    const { kind, id } = params
    const { from = 1, to = Number.MAX_SAFE_INTEGER, limit, cursor } = query
    const next = cursor === undefined ? from : Number(cursorPattern.exec(cursor)?.[1] ?? Number.NaN)
    if (Number.isNaN(next)) return invalid([{ path: 'cursor', message: 'not a cursor of this list' }])
    if (to < from) return invalid([{ path: 'to', message: `must not be before from, ${from}` }])
    const stream = streamName(tenant, kind, id)
    const commits = await history.load(stream, { from: next, to: Math.min(to, next + limit) })
    const events = commits.flatMap(eventsOf).filter(({ version }) => version >= next && version <= to)
    if (events.length === 0 && (await history.load(stream, { from: 1, to: 1 })).length === 0)
      return notFound(`${kind} ${id}`)
    const items = events.slice(0, limit).map(shownEvent)
    return json(events.length > limit ? { items, nextCursor: `v${next + limit}` } : { items })
  }

export const getStateAsOf =
  (house: House) =>
  async ({ tenant, params: { kind, id }, query: { version, at } }: Call<'getStateAsOf'>): Promise<Reply> => {
    if (version !== undefined && at !== undefined)
      return invalid([{ path: 'at', message: 'not together with version' }])
    const asOf = version === undefined ? { at: at ?? '9999-12-31T23:59:59.999Z' } : { version }
    const head = await house.headAsOf(tenant, kind, id, asOf)
    if (head === undefined || head.version === 0)
      return notFound(`state of ${kind} ${id} ${version === undefined ? 'then' : `at version ${version}`}`)
    return json({ stream: `${kind}/${id}`, version: head.version, at: head.at, state: head.state })
  }

export const getEvent =
  ({ history }: House) =>
  async ({ tenant, params: { kind, id, version } }: Call<'getEvent'>): Promise<Reply> => {
    const commits: readonly Commit[] = await history.load(streamName(tenant, kind, id), { from: version, to: version })
    const event = commits.flatMap(eventsOf).find((each) => each.version === version)
    return event === undefined ? notFound(`event ${kind}/${id}/${version}`) : json(shownEvent(event))
  }
