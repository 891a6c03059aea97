import { rowKey, rowPartsOf } from '../adapters/rows.ts'
import type { EventStore, RowChange, ViewRow } from '../domain/ports.ts'
import type { Views } from '../projections/services.ts'
import { type Projector, positionOf } from './projector.ts'
import { openWaiting } from './waiting.ts'

/** Who asks for freshness waits for so long at most. */
const freshnessMs = 5_000
const everything = 'everything'

/** The views as they are read, with the freshness that is asked for. */
export const openReading = (history: Pick<EventStore, 'feedEnd'>, projector: () => Projector) => {
  const versions = openWaiting(freshnessMs)
  const positions = openWaiting(freshnessMs)
  const read = async (view: string, tenant: string, id: string): Promise<ViewRow | undefined> =>
    (await projector().views().read(view, tenant, [id]))[0]

  const views: Views = {
    row: async (view, tenant, id, minVersion = 0) => {
      const row = await read(view, tenant, id)
      if ((row?.version ?? 0) >= minVersion) return row
      const { promise, answer } = versions.until(rowKey(view, tenant, id), minVersion)
      // It may have been written just before we began to wait.
      if (((await read(view, tenant, id))?.version ?? 0) >= minVersion) answer(true)
      return (await promise) ? read(view, tenant, id) : 'behind'
    },
    query: (question) => projector().views().query(question),
    caughtUp: async () => {
      const target = positionOf(await history.feedEnd())
      return positionOf(projector().cursor()) >= target || positions.until(everything, target).promise
    },
  }
  return {
    views,
    /** Rows were written. */
    learn: (changes: readonly RowChange[]): void => {
      for (const { view, tenant, row } of changes) versions.tell(rowKey(view, tenant, row.id), row.version)
    },
    /** The views have come to a cursor. */
    reached: (cursor: string | undefined): void => positions.tell(everything, positionOf(cursor)),
    /** Other rows serve, and may be ahead of those that did. */
    lookAgain: async (): Promise<void> => {
      for (const key of versions.names()) {
        const { view, tenant, id } = rowPartsOf(key)
        versions.tell(key, (await read(view, tenant, id))?.version ?? 0)
      }
    },
    /** Nobody waits any longer. */
    end: (): void => {
      versions.end()
      positions.end()
    },
  }
}
export type Reading = ReturnType<typeof openReading>
