import { openHeadCache } from '../headCache.ts'
import type { Log } from '../log.ts'
import { observed, openWriting } from '../services.ts'
import { followGenerations, prepareGenerations } from '../shared/generations.ts'
import { openSharedStores } from '../shared/stores.ts'
import { wholeOf } from '../shared/wholeRows.ts'
import { openCandidates } from '../views/candidates.ts'
import type { Surroundings } from './counted.ts'

/**
 * The tables as a function has them: open as long as it lives. Which rows serve it asks whenever it is called, since between
 * two calls it may stand still for minutes.
 */
export const openTables = async (tablePrefix: string, { log }: { log: Log }) => {
  const stores = await openSharedStores({ tablePrefix, usesLeases: false })
  await prepareGenerations(stores.generations, stores.history, { log })
  const following = await followGenerations({ generations: stores.generations, log, everyMs: 0 })
  return {
    ...stores,
    views: async () => (await following.look()).views,
    /** For who acts on what they answer. Rejects while they are not whole. */
    wholeViews: async () => wholeOf(await following.look()),
  }
}
export type Tables = Awaited<ReturnType<typeof openTables>>

/**
 * The write path of a function: heads are remembered, and the append proves them current. Nothing is heard of what others
 * do meanwhile: to be told before each call, so that benches are looked for anew.
 */
export const openWritePath = (
  { history, wholeViews }: Tables,
  { counters, now }: Pick<Surroundings, 'counters' | 'now'>,
) => {
  const quiet = (): void => {}
  const { store } = observed(history, counters, { onAppended: quiet, onDoubt: quiet, isShared: true })
  const candidates = openCandidates({ views: wholeViews, hasCaughtUp: () => true, caughtUp: async () => true })
  const writing = openWriting({ store, cache: openHeadCache(), counters, now, candidates: candidates.ask })
  return { writing, begin: candidates.forget }
}
