import type { RecordedEvent } from '../../domain/event.ts'
import type { Callback } from '../../domain/execution/events.ts'
import { eventId, type Instant, partsOf } from '../../domain/ids.ts'
import type { IndexEntry, RowChange, ViewRow, ViewStore } from '../../domain/ports.ts'

/** One event that is owed to one receiver. What is sent is read from history each time. */
export interface Delivery {
  status: 'pending' | 'delivered' | 'dead'
  /** Absent: a state machine waits for it, and the event has its token. */
  url?: string
  stream: string
  version: number
  correlationId: string
  /** When what is told happened. */
  at: Instant
  attemptCount: number
  /** The next attempt, or the last. */
  nextAt: Instant
  error?: string
}

/** A delivery, with the id of its event and the version of its row. */
export interface Owed extends Delivery {
  tenant: string
  id: string
  rowVersion: number
}

const name = 'callbacks'

/** One receiver: it is spared when it is slow, and the others don't wait for it. */
export const hostOf = ({ url }: Pick<Delivery, 'url'>): string =>
  url === undefined ? stateMachines : new URL(url).host

/** The one receiver of all task tokens. No host has such a name. */
const stateMachines = '(state machines)'

/** Pending ones by receiver, in the order in which they are due; what was given up, for whoever looks for it. */
const entries = (id: string, body: Delivery): readonly IndexEntry[] => {
  if (body.status === 'delivered') return []
  const listed = { index: 'status_idx', partition: body.status, sort: `${body.at}/${id}` }
  if (body.status === 'dead') return [listed]
  return [listed, { index: 'due_idx', partition: hostOf(body), sort: `${body.nextAt}/${id}` }]
}

const change = (tenant: string, row: ViewRow): RowChange => ({
  view: name,
  tenant,
  row,
  previousVersion: 'older',
  entries: entries(row.id, row.body as Delivery),
})

/** Rows among the views, but not folded from history: carried over when those are rebuilt. */
export const callbacksView = { name, change }

/** What an event owes to somebody; undefined for most. */
export const owedFor = ({ type, data, stream, version, correlationId, at }: RecordedEvent): Owed | undefined => {
  if (type !== 'ExecutionFinished') return undefined
  const { callback } = data as { callback?: Callback }
  if (callback === undefined) return undefined
  const { tenant } = partsOf(stream)
  const state = { status: 'pending', attemptCount: 0, nextAt: at } as const
  const id = eventId(stream, version)
  const to = 'url' in callback ? { url: callback.url } : {}
  return { ...state, tenant, id, rowVersion: 1, ...to, stream, version, correlationId, at }
}

export const changeOf = ({ tenant, id, rowVersion, ...body }: Owed): RowChange =>
  change(tenant, { id, version: rowVersion, body })

const owedOf = (tenant: string, { id, version, body }: ViewRow): Owed => ({
  ...(body as Delivery),
  tenant,
  id,
  rowVersion: version,
})

type Rows = Pick<ViewStore, 'query'>

/** The pending ones of one receiver, the earliest due first. */
export const owedTo = async (views: Rows, tenant: string, host: string, limit: number): Promise<readonly Owed[]> => {
  const { rows } = await views.query({ view: name, tenant, index: 'due_idx', partition: host, limit })
  return rows.map((row) => owedOf(tenant, row))
}

/** All that is pending or dead, page by page. */
export async function* allOwed(
  views: Rows,
  tenant: string,
  status: 'pending' | 'dead',
): AsyncGenerator<readonly Owed[]> {
  let cursor: string | undefined
  do {
    const question = { view: name, tenant, index: 'status_idx', partition: status, limit: 500 }
    const page = await views.query(cursor === undefined ? question : { ...question, cursor })
    yield page.rows.map((row) => owedOf(tenant, row))
    cursor = page.nextCursor
  } while (cursor !== undefined)
}
