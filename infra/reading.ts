import type { EventStore, RowChange, ViewRow } from '../domain/ports.ts'
import type { Views } from '../projections/services.ts'
import { positionOf, type Projector } from './projector.ts'

/** Who asks for freshness waits for so long at most. */
const freshnessMs = 5_000

/** Somebody who waits, at the longest until the time is up. */
interface Waiter<Awaited> {
  awaited: Awaited
  answer(isSo: boolean): void
}

interface RowAwaited {
  view: string
  tenant: string
  id: string
  minVersion: number
}

const waitFor = <Awaited>(awaited: Awaited, ended: (waiter: Waiter<Awaited>) => void) => {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const answer = (isSo: boolean): void => {
    clearTimeout(timer)
    resolve(isSo)
    ended(waiter)
  }
  const waiter: Waiter<Awaited> = { awaited, answer }
  const timer = setTimeout(answer, freshnessMs, false)
  return { waiter, promise }
}

/**
 * The views as they are read, with the freshness that is asked for. Each write tells those who wait for just that, so
 * that thousands may wait.
 */
export const openReading = (history: Pick<EventStore, 'feedEnd'>, projector: () => Projector) => {
  const rowsAwaited = new Map<string, Set<Waiter<RowAwaited>>>()
  const positionsAwaited = new Set<Waiter<number>>()
  const keyOf = ({ view, tenant, id }: Omit<RowAwaited, 'minVersion'>): string => `${view}/${tenant}/${id}`
  const read = async ({ view, tenant, id }: RowAwaited): Promise<ViewRow | undefined> =>
    (await projector().views().read(view, tenant, [id]))[0]

  const awaitRow = (awaited: RowAwaited) => {
    const key = keyOf(awaited)
    const others = rowsAwaited.get(key) ?? new Set()
    rowsAwaited.set(key, others)
    const { waiter, promise } = waitFor(awaited, (ended) => {
      if (others.delete(ended) && others.size === 0) rowsAwaited.delete(key)
    })
    others.add(waiter)
    return { waiter, promise }
  }
  const tellRow = (key: string, version: number): void => {
    for (const waiter of rowsAwaited.get(key) ?? []) if (version >= waiter.awaited.minVersion) waiter.answer(true)
  }
  const awaitPosition = (target: number): Promise<boolean> => {
    const { waiter, promise } = waitFor(target, (ended) => positionsAwaited.delete(ended))
    positionsAwaited.add(waiter)
    return promise
  }

  const views: Views = {
    row: async (view, tenant, id, minVersion = 0) => {
      const awaited = { view, tenant, id, minVersion }
      const row = await read(awaited)
      if ((row?.version ?? 0) >= minVersion) return row
      const { waiter, promise } = awaitRow(awaited)
      // It may have been written just before we began to wait.
      if (((await read(awaited))?.version ?? 0) >= minVersion) waiter.answer(true)
      return (await promise) ? read(awaited) : 'behind'
    },
    query: (question) => projector().views().query(question),
    caughtUp: async () => {
      const target = positionOf(await history.feedEnd())
      return positionOf(projector().cursor()) >= target || awaitPosition(target)
    },
  }
  return {
    views,
    /** Rows were written. */
    learn: (changes: readonly RowChange[]): void => {
      if (rowsAwaited.size > 0)
        for (const { view, tenant, row } of changes) tellRow(keyOf({ view, tenant, id: row.id }), row.version)
    },
    /** The views have come to a cursor. */
    reached: (cursor: string | undefined): void => {
      for (const waiter of positionsAwaited) {
        // They came in the order of what they wait for.
        if (waiter.awaited > positionOf(cursor)) return
        waiter.answer(true)
      }
    },
    /** Other rows serve, and may be ahead of those that did. */
    lookAgain: async (): Promise<void> => {
      for (const waiters of [...rowsAwaited.values()])
        for (const { awaited } of [...waiters]) tellRow(keyOf(awaited), (await read(awaited))?.version ?? 0)
    },
    /** Nobody waits any longer. */
    end: (): void => {
      for (const waiters of [...rowsAwaited.values()]) for (const waiter of waiters) waiter.answer(false)
      for (const waiter of positionsAwaited) waiter.answer(false)
    },
  }
}
export type Reading = ReturnType<typeof openReading>
