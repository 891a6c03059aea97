import { sha256 } from '../adapters/chain.ts'
import { auditHistory, type Fold, type KnownHead } from '../domain/audit.ts'
import { advance, type Head, noStream } from '../domain/head.ts'
import { partsOf, type StreamName, streamName } from '../domain/ids.ts'
import type { EventStore } from '../domain/ports.ts'
import { kindOf } from '../domain/registry.ts'
import type { Verification } from '../projections/services.ts'
import { views } from '../projections/views.ts'
import type { LocalViews } from './viewGenerations.ts'

/** Eight bytes of a command's id: what a stream remembers of it. */
export const digest = (text: string): string => sha256(text).slice(0, 16)

/** How a stream folds, for the auditor to compare with what rides on its commits. */
const foldOf = (stream: StreamName): Fold => ({
  reducerVersion: kindOf(partsOf(stream).kind).reducerVersion,
  initial: noStream(stream),
  apply: (head, commit) => advance(head as Head, commit, digest),
  riding: (head) => {
    const { state, recent, correlationId, at } = head as Head
    return { state, recent, correlationId, at }
  },
})

/** One stream (`{tenant}/{kind}/{id}`) or all: history against itself, and against what the views have seen of it. */
export const audit = async (
  history: Pick<EventStore, 'scan' | 'load'>,
  rows: Pick<LocalViews, 'scan' | 'read'>,
  stream?: StreamName,
): Promise<Verification> =>
  auditHistory(history, {
    foldOf,
    heads: stream === undefined ? allHeads(rows) : await headsOf(rows, stream),
    ...(stream === undefined ? {} : { stream }),
  })

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
