/** What is left to do when other rows serve. */
import { setTimeout as wait } from 'node:timers/promises'
import { persistently } from '../../adapters/dynamodb/outages.ts'
import type { EventStore } from '../../domain/ports.ts'
import { catchUp, positionOf } from '../views/projector.ts'
import type { SharedRebuild } from '../views/rebuildPorts.ts'
import { carryLetters, type LocalViews } from '../views/viewGenerations.ts'
import { ownRows } from './generations.ts'

/** Sees everything that the feed names by now. */
export const toEnd = ({ history, signal }: { history: EventStore; signal: AbortSignal }, views: LocalViews) =>
  persistently(async () => {
    const end = positionOf(await history.feedEnd())
    await catchUp({ history }, views, () => {
      signal.throwIfAborted()
      return end
    })
  }, signal)

const lookEveryMs = 500

/**
 * Who has seen the rows before serve may still write to them, and names his commits in the feed afterwards. So the rows that
 * serve follow the feed for as long as that may happen; then those before are given up, and whatever else is left over.
 * May be begun again after a crash, and by several servers at once.
 */
export const tidied = async (run: SharedRebuild): Promise<void> => {
  const { generations, shape, signal, log } = run
  const register = await generations.read()
  const own = register && ownRows(register, shape)
  if (register === undefined || own?.isWhole !== true || register.isTidy) return
  const views = generations.open(own.generation)
  await trailed(run, views)
  if (register.former !== undefined) await carryLetters(generations.open(register.former), views)
  const seen = await generations.read()
  // Others have taken over since: what is left then is tidied up after them.
  if (seen?.serving?.generation !== own.generation) return
  const kept = new Set([own.generation, seen.building?.generation])
  const itemCount = await generations.discard(
    (generation) => generation <= seen.newest && !kept.has(generation),
    signal,
  )
  await generations.change((now) => {
    if (now?.newest !== seen.newest || now.serving?.generation !== own.generation) return undefined
    const { former: _, ...rest } = now
    return { ...rest, isTidy: true }
  })
  log.info({ serving: own.generation, itemCount }, 'rows that were given up have been removed')
}

const trailed = async (run: SharedRebuild, views: LocalViews): Promise<void> => {
  const { trailingMs, signal } = run
  for (const since = performance.now(); ; ) {
    const isLast = performance.now() - since >= trailingMs
    await toEnd(run, views)
    if (isLast) return
    await wait(Math.min(lookEveryMs, trailingMs), undefined, { ref: false, signal })
  }
}
