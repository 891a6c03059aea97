import { setTimeout } from 'node:timers/promises'
import { parseCommand } from '../../domain/contract.ts'
import { type Commit, eventsOf } from '../../domain/event.ts'
import type { Outcome } from '../../domain/handle.ts'
import { fold } from '../../domain/head.ts'
import { partsOf, type StreamName } from '../../domain/ids.ts'
import type { EventStore, ViewRow } from '../../domain/ports.ts'
import { digest } from '../../infra/audit.ts'
import { type House, openHouse } from '../../infra/local.ts'
import type { HouseOptions } from '../../infra/parts.ts'
import type { Request } from '../../projections/services.ts'
import { views, viewsOf } from '../../projections/views.ts'
import { temporaryDirectories } from '../adapters/directories.ts'

export interface Line {
  level: string
  message: string
  [fact: string]: unknown
}

/** A log that is read by the test. */
export const openLines = () => {
  const lines: Line[] = []
  const at = (level: string) => (facts: object, message: string) => void lines.push({ ...facts, level, message })
  return { lines, log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } }
}

/** A clock that stands until it is moved. */
export const openTime = (from = '2026-03-02T08:00:00.000Z') => {
  let ms = Date.parse(from)
  return {
    now: () => new Date(ms).toISOString(),
    in: (minutes: number) => new Date(ms + minutes * 60_000).toISOString(),
    pass: (minutes: number) => {
      ms += minutes * 60_000
    },
  }
}

/** A house with a voice: commands are parsed as a request's would be. */
export const voiced = (house: House) => {
  const { services } = house
  const send = (kind: Request['kind'], id: string, type: string, data: unknown = {}, rest: Partial<Request> = {}) => {
    const parsed = parseCommand(kind, type, data)
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors))
    const actor = { kind: 'user' as const, id: 'ada' }
    const request = { tenant: 'default', kind, id, type, data: parsed.data, actor, correlationId: `about-${id}` }
    return services.submit({ ...request, ...rest })
  }
  const done = async (...asked: Parameters<typeof send>): Promise<Extract<Outcome, { kind: 'done' }>> => {
    const outcome = await send(...asked)
    if (outcome.kind !== 'done') throw new Error(`${asked[2]}: ${JSON.stringify(outcome)}`)
    return outcome
  }
  const row = async (view: string, id: string, minVersion?: number): Promise<ViewRow | undefined> => {
    const found = await services.views.row(view, 'default', id, minVersion)
    if (found === 'behind') throw new Error(`${view}/${id} has not come to version ${minVersion}`)
    return found
  }
  return {
    house,
    services,
    send,
    done,
    row,
    status: async (id: string) => ((await row('reservations', id))?.body as { status: string } | undefined)?.status,
    bench: (benchId: string, more: object = {}) =>
      done('bench', benchId, 'RegisterBench', { benchId, type: 'hil', ...more }),
    book: (id: string, benchId: string, more: object = {}) =>
      done('reservation', id, 'RequestReservation', {
        holder: 'ada',
        benches: [{ benchId }],
        durationMs: 3_600_000,
        ...more,
      }),
  }
}
export type Voiced = ReturnType<typeof voiced>

/** Opens houses that are closed, and their directories removed, after each test. */
export const openHouses = () => {
  const { fresh, closing } = temporaryDirectories()
  const open = async (options: Partial<HouseOptions> & Pick<HouseOptions, 'store'>): Promise<Voiced> => {
    const place = options.store === 'sqlite' ? { directory: options.directory ?? fresh() } : {}
    return voiced(closing(await openHouse({ ...options, ...place })))
  }
  return { open, fresh }
}

/** What a house counts, by name. */
export const numbers = (house: Pick<House, 'counters'>): Record<string, number> =>
  Object.fromEntries(house.counters().map(({ name, value }) => [name, value]))

/** Looks until it is so; the test's own time-out ends it. */
export const until = async (isSo: () => Promise<boolean> | boolean): Promise<void> => {
  while (!(await isSo())) await setTimeout(2)
}

/** Every event's type in the order of the feed, with the stream it is of. */
export const story = async (history: Pick<EventStore, 'feed'>, after?: string): Promise<string[]> => {
  const told: string[] = []
  let cursor = after
  for (;;) {
    const page = await history.feed(cursor, 1_000)
    if (page.commits.length === 0) return told
    for (const { commit } of page.commits)
      for (const { type } of commit.events) told.push(`${partsOf(commit.stream).id} ${type}`)
    cursor = page.cursor
  }
}

/** What each view's row must be, folded from history itself: by `view/id`. */
export const foldedRows = async (history: Pick<EventStore, 'feed' | 'load'>): Promise<Map<string, unknown>> => {
  const streams = new Set<StreamName>()
  let cursor: string | undefined
  for (;;) {
    const page = await history.feed(cursor, 1_000)
    if (page.commits.length === 0) break
    for (const { commit } of page.commits) streams.add(commit.stream)
    cursor = page.cursor
  }
  const rows = new Map<string, unknown>()
  for (const stream of streams)
    for (const [name, row] of rowsOf(stream, await history.load(stream))) rows.set(name, row)
  return rows
}

/** The states are the deciders' own; what a view keeps beside them, it folds. */
const rowsOf = (stream: StreamName, commits: readonly Commit[]): [string, unknown][] => {
  const { kind, id } = partsOf(stream)
  const { version, state } = fold(stream, commits, digest)
  return viewsOf(kind).flatMap((view): [string, unknown][] => {
    const { name, split } = view
    if (split === undefined) return [[`${name}/${id}`, { version, body: state }]]
    const events = commits.flatMap(eventsOf)
    const body = { ...(events.reduce<unknown>((seen, event) => view.project(seen, event), undefined) as object), state }
    const derived = split.rows(id, body, 0).map(({ row }): [string, unknown] => [`${split.view}/${row.id}`, shown(row)])
    return [[`${name}/${id}`, { version, body: split.head(body) }], ...derived]
  })
}

const shown = ({ version, body }: Pick<ViewRow, 'version' | 'body'>) => ({ version, body })

/** The same, as the views have it; read through their indexes of everything. */
export const shownRows = async ({ services }: Pick<Voiced, 'services'>): Promise<Map<string, unknown>> => {
  const rows = new Map<string, unknown>()
  const read = async (view: string, index: string, partition: string): Promise<readonly string[]> => {
    const ids: string[] = []
    let cursor: string | undefined
    do {
      const question = { view, tenant: 'default', index, partition, limit: 500 }
      const page = await services.views.query(cursor === undefined ? question : { ...question, cursor })
      for (const row of page.rows) rows.set(`${view}/${row.id}`, shown(row))
      ids.push(...page.rows.map(({ id }) => id))
      cursor = page.nextCursor
    } while (cursor !== undefined)
    return ids
  }
  for (const { name } of views)
    for (const id of await read(name, 'all_idx', name))
      if (name === 'executions') await read('tasks', 'execution_tasks_idx', id)
  return rows
}
