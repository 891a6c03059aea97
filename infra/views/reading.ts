import { rowKey, rowPartsOf } from '../../adapters/rows.ts'
import type { Commit } from '../../domain/event.ts'
import { partsOf } from '../../domain/ids.ts'
import type { EventStore, RowChange, ViewRow, ViewStore } from '../../domain/ports.ts'
import type { Views } from '../../projections/services.ts'
import { viewsOf } from '../../projections/views.ts'
import { type Rows, wholeOf } from '../shared/wholeRows.ts'
import { positionOf } from './projector.ts'
import { openWaiting } from './waiting.ts'

/** Who asks for freshness waits for so long at most. */
const freshnessMs = 5_000
const everything = 'everything'

export interface ReadingPorts {
  history: Pick<EventStore, 'feedEnd'>
  rows: () => Promise<Rows<Pick<ViewStore, 'read' | 'query'>>>
  /** How far the views have come. */
  cursor: () => string | undefined
}

/**
 * The views as they are read, with the freshness that is asked for. While rows are not whole, what is there is answered, but
 * nobody is told that something is not.
 */
export const openReading = ({ history, rows, cursor }: ReadingPorts) => {
  const versions = openWaiting(freshnessMs)
  const positions = openWaiting(freshnessMs)
  const read = async (view: string, tenant: string, id: string, asked = rows()): Promise<ViewRow | undefined> =>
    (await (await asked).views.read(view, tenant, [id]))[0]

  const views: Views = {
    row: async (view, tenant, id, minVersion = 0) => {
      const asked = rows()
      const row = await read(view, tenant, id, asked)
      if (row === undefined && minVersion === 0) wholeOf(await asked)
      if ((row?.version ?? 0) >= minVersion) return row
      const { promise, answer } = versions.until(rowKey(view, tenant, id), minVersion)
      // It may have been written just before we began to wait.
      if (((await read(view, tenant, id))?.version ?? 0) >= minVersion) answer(true)
      return (await promise) ? read(view, tenant, id) : 'behind'
    },
    query: async (question) => wholeOf(await rows()).query(question),
    caughtUp: async () => {
      const target = positionOf(await history.feedEnd())
      return positionOf(cursor()) >= target || positions.until(everything, target).promise
    },
  }
  const look = async (key: string): Promise<void> => {
    const { view, tenant, id } = rowPartsOf(key)
    versions.tell(key, (await read(view, tenant, id))?.version ?? 0)
  }
  return {
    views,
    /** Rows of these commits were written, by whichever process: they are looked at for those who wait for them. */
    hear: async (commits: readonly Commit[]) =>
      void (await Promise.all(awaitedOf(commits, versions.names()).map(look))),
    /** Rows were written. */
    learn: (changes: readonly RowChange[]): void => {
      for (const { view, tenant, row } of changes) versions.tell(rowKey(view, tenant, row.id), row.version)
    },
    /** The views have come to a cursor. */
    reached: (cursor?: string): void => positions.tell(everything, positionOf(cursor)),
    /** Other rows serve, and may be ahead of those that did. */
    lookAgain: async (): Promise<void> => {
      for (const key of versions.names()) await look(key)
    },
    /** Nobody waits any longer. */
    end: (): void => {
      versions.end()
      positions.end()
    },
  }
}
/** The rows of commits, as far as somebody waits for them. */
const awaitedOf = (commits: readonly Commit[], names: readonly string[]): readonly string[] => {
  if (names.length === 0) return []
  const own = new Set(commits.flatMap(({ stream }) => rowKeysOf(stream)))
  return names.filter((key) => own.has(key))
}

const rowKeysOf = (stream: string): readonly string[] => {
  const { tenant, kind, id } = partsOf(stream)
  return viewsOf(kind).map(({ name }) => rowKey(name, tenant, id))
}
