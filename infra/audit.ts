import { hash } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type AuditOptions, auditHistory, type Fold, type KnownHead } from '../domain/audit.ts'
import { advance, type Head, noStream, ridingOf } from '../domain/head.ts'
import { partsOf, type StreamName, streamName } from '../domain/ids.ts'
import type { EventStore } from '../domain/ports.ts'
import { kindOf } from '../domain/registry.ts'
import type { Verification } from '../projections/services.ts'
import { views } from '../projections/views.ts'
import type { LocalViews } from './views/viewGenerations.ts'

/** Eight bytes of a command's id: what a stream remembers of it. */
export const digest = (text: string): string => hash('sha256', text).slice(0, 16)

/** How a stream folds, for the auditor to compare with what rides on its commits. */
const foldOf = (stream: StreamName): Fold => ({
  reducerVersion: kindOf(partsOf(stream).kind).reducerVersion,
  initial: noStream(stream),
  apply: (head, commit) => advance(head as Head, commit, digest),
  riding: (head) => ridingOf(head as Head),
})

/** One stream (`{tenant}/{kind}/{id}`) or all: history against itself, and against what the views have seen of it. */
export const audit = async (
  history: Pick<EventStore, 'scan' | 'load'>,
  rows: Pick<LocalViews, 'scan' | 'read'>,
  stream?: StreamName,
  options: Pick<AuditOptions, 'pause'> = {},
): Promise<Verification> =>
  auditHistory(history, {
    foldOf,
    heads: stream === undefined ? allHeads(rows) : await headsOf(rows, stream),
    ...(stream === undefined ? {} : { stream }),
    ...options,
  })

/** Commits judged, and heads looked up, before others get their turn: a few milliseconds of work. */
const sliceCount = 50

/**
 * The same beside requests, in the thread that serves them: for a store at the end of a line, of which no more than some
 * pages are held at once. The signal ends it.
 */
export const auditBeside = async (
  history: Pick<EventStore, 'scan' | 'load'>,
  rows: Pick<LocalViews, 'scan' | 'read'>,
  stream: StreamName | undefined,
  signal: AbortSignal,
): Promise<Verification> => {
  const pause = async (): Promise<void> => {
    await nextTurn()
    signal.throwIfAborted()
  }
  const sliced = <Page>(pages: AsyncIterable<readonly Page[]>) => inSlices(pages, pause)
  return audit(
    { load: history.load, scan: (asked) => sliced(history.scan(asked)) },
    { read: rows.read, scan: (asked) => sliced(rows.scan(asked)) },
    stream,
    { pause },
  )
}

async function* inSlices<Page>(
  pages: AsyncIterable<readonly Page[]>,
  pause: () => Promise<void>,
): AsyncGenerator<readonly Page[]> {
  for await (const page of pages)
    for (let start = 0; start < page.length; start += sliceCount) {
      await pause()
      yield page.slice(start, start + sliceCount)
    }
}

const kindOfView = new Map(views.map(({ name, kind }) => [name, kind]))

async function* allHeads(rows: Pick<LocalViews, 'scan'>): AsyncGenerator<readonly KnownHead[]> {
  for await (const page of rows.scan())
    yield page.flatMap(({ view, tenant, row }) => {
      const kind = kindOfView.get(view)
      return kind === undefined ? [] : [{ stream: streamName(tenant, kind, row.id), version: row.version }]
    })
}

const headsOf = async (rows: Pick<LocalViews, 'read'>, stream: StreamName): Promise<readonly KnownHead[][]> => {
  const { tenant, kind, id } = partsOf(stream)
  const own = views.filter((view) => view.kind === kind)
  const found = await Promise.all(own.map(({ name }) => rows.read(name, tenant, [id])))
  return [found.flat().map(({ version }) => ({ stream, version }))]
}
