import { setTimeout as wait } from 'node:timers/promises'
import type { ViewStore } from '../../domain/ports.ts'
import type { LossFreeze, Services } from '../../projections/services.ts'
import type { Counters } from '../counters.ts'
import type { FreezeMark, OpenLossFreeze } from '../liveness/lossFreeze.ts'
import type { Log } from '../log.ts'

export interface SharedFreezePorts {
  /** This server's: in force while it is the keeper. */
  own: Omit<OpenLossFreeze, 'judge'>
  isKeeper: () => boolean
  facts: Pick<ViewStore, 'checkpoint' | 'saveCheckpoint'>
  log: Log
  counters: Pick<Counters, 'sweepFailures'>
}

const statusFact = 'loss-freeze'
export const liftFact = 'loss-freeze-lift'
/** What the keeper judges is known to others, and what they ask of it is heard, within so long. */
const tellEveryMs = 1_000

/** As the keeper has told it: for who is asked, and for who is the keeper next. */
type Told = LossFreeze & { mark?: FreezeMark }

/**
 * Whether nobody is declared lost is the keeper's to judge; any server may be asked, and asked to lift it. A new keeper goes
 * on where its predecessor was: a freeze lasts for its time, however often the keeper changes.
 */
export const openSharedLossFreeze = ({ own, isKeeper, facts, log, counters }: SharedFreezePorts) => {
  const toldBefore = async (): Promise<Told | undefined> => {
    const text = await facts.checkpoint(statusFact)
    return text === undefined ? undefined : (JSON.parse(text) as Told)
  }
  const status = async (): Promise<LossFreeze> => {
    const { mark: _, ...seen }: Told = (isKeeper() ? undefined : await toldBefore()) ?? own.status()
    return seen
  }
  const lossFreeze: Services['lossFreeze'] = {
    status,
    lift: async () => {
      if (isKeeper()) return own.lift()
      const seen = await status()
      if (seen.since !== undefined) await facts.saveCheckpoint(liftFact, seen.since)
      return seen
    },
  }
  /** As long as this server is the keeper: to be begun before it looks for silent workers, and stopped after. */
  const start = async (): Promise<{ stop: () => Promise<void> }> => {
    own.inherit((await toldBefore())?.mark ?? notFrozen)
    const ending = new AbortController()
    const tell = openTelling({ own, facts, log, counters })
    const ended = loop(tell, ending.signal)
    const stop = async (): Promise<void> => {
      ending.abort()
      await ended
      await tell()
      own.inherit(notFrozen)
    }
    return { stop }
  }
  return { lossFreeze, start }
}
export type SharedLossFreeze = ReturnType<typeof openSharedLossFreeze>

const notFrozen: FreezeMark = { isSpent: false }

const loop = async (tell: () => Promise<void>, signal: AbortSignal): Promise<void> => {
  while (!signal.aborted) {
    await tell()
    await wait(tellEveryMs, undefined, { signal }).catch(() => {})
  }
}

/** Tells what has changed, having heard whether it is to be lifted. */
const openTelling = ({ own, facts, log, counters }: Omit<SharedFreezePorts, 'isKeeper'>): (() => Promise<void>) => {
  let told = ''
  const tell = async (): Promise<void> => {
    const { since } = own.status()
    if (since !== undefined && (await facts.checkpoint(liftFact)) === since) own.lift()
    const { until, ...now } = own.status()
    const mark = own.mark()
    // Until when is reckoned anew each time; it says nothing new.
    const text = JSON.stringify({ ...now, mark })
    if (text === told) return
    await facts.saveCheckpoint(statusFact, JSON.stringify({ ...now, ...(until === undefined ? {} : { until }), mark }))
    told = text
  }
  return () =>
    tell().catch((error: unknown) => {
      const count = ++counters.sweepFailures
      log.error({ count, err: error }, 'other servers cannot be told whether workers are declared lost')
    })
}
