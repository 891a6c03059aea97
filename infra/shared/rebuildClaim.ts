/** Who rebuilds: one server at a time, as the register has it. */
import { setTimeout as wait } from 'node:timers/promises'
import type { GenerationOf, Register } from '../../adapters/dynamodb/generations.ts'
import type { SharedRebuild } from '../views/rebuildPorts.ts'
import { ownRows, withBuilding } from './generations.ts'

/** Another server is at it, or was faster. */
export class RebuildElsewhere extends Error {
  override name = 'RebuildElsewhere'
}

type Claimed = Register & { building: GenerationOf }

const isOurs = ({ builder }: SharedRebuild, register: Register | undefined): register is Claimed =>
  register?.building?.builder === builder

/** Throws `RebuildElsewhere` while another server is heard of. */
export const claim = async (run: SharedRebuild): Promise<Claimed> => {
  const { generations, builder, shape } = run
  const seen = await generations.read()
  const other = seen?.building?.builder
  const abandonedAt = seen === undefined || other === undefined ? undefined : await abandonedTurn(run, seen)
  const claimed = await generations.change((now) => {
    if (now === undefined || now.building?.builder !== other) return undefined
    if (abandonedAt !== undefined && now.turn !== abandonedAt) return undefined
    const next = withBuilding(now, shape)
    return { ...next, building: { ...(next.building as GenerationOf), builder } }
  })
  if (!isOurs(run, claimed)) throw new RebuildElsewhere('another server has just begun to rebuild the views')
  return claimed
}

/** How often the register is looked at, or written, in the time after which a builder counts as dead. */
const turnsInTime = 6

/** The turn at which the register has stood for too long: seen from here, so that no two clocks are compared. */
const abandonedTurn = async (run: SharedRebuild, { turn, building }: Register): Promise<number> => {
  for (let look = 0; look < turnsInTime; look++) {
    await wait(run.abandonedMs / turnsInTime, undefined, { signal: run.signal })
    const now = await run.generations.read()
    if (now?.turn !== turn)
      throw new RebuildElsewhere(`another server is building the views (generation ${building?.generation})`)
  }
  return turn
}

/** Tells the others that somebody is at it; its signal tells when that is not so any more. */
export const openBeat = (run: SharedRebuild) => {
  const { generations, abandonedMs, log } = run
  const [lost, ending] = [new AbortController(), new AbortController()]
  const beat = async (): Promise<void> => {
    const written = await generations.change((now) => (isOurs(run, now) ? now : undefined))
    if (written === undefined) lost.abort(new RebuildElsewhere('another server has gone on with this rebuild'))
  }
  const ended = (async () => {
    while (!ending.signal.aborted && !lost.signal.aborted) {
      await wait(abandonedMs / turnsInTime, undefined, { ref: false, signal: ending.signal }).catch(() => {})
      if (!ending.signal.aborted)
        await beat().catch((error: unknown) =>
          log.warn({ count: 1, err: error }, 'others were not told of the rebuild'),
        )
    }
  })()
  return {
    signal: lost.signal,
    end: async (): Promise<void> => {
      ending.abort()
      await ended
    },
  }
}

/** Lets the new rows serve. Throws `RebuildElsewhere` if they are not ours any more. */
export const switched = async (run: SharedRebuild, generation: number, origin: string | undefined): Promise<void> => {
  const written = await run.generations.change((now) => {
    if (!isOurs(run, now) || now.building.generation !== generation) return undefined
    const { building: _, former: __, serving: before, ...rest } = now
    return {
      ...rest,
      ...(before === undefined ? {} : { former: before.generation }),
      ...(origin === undefined ? {} : { origin }),
      serving: { generation, shape: run.shape },
      isTidy: false,
      isFeedLost: false,
    }
  })
  if (written === undefined) throw new RebuildElsewhere('another server has gone on with this rebuild')
}

/** After a failure: what was begun is left over if other rows serve, else it is for the next one to go on with. */
export const release = async (run: SharedRebuild): Promise<void> => {
  await run.generations.change((now) => {
    if (!isOurs(run, now)) return undefined
    const { building, ...rest } = now
    const { generation, shape } = building
    const isWanted = ownRows(rest, run.shape) === undefined
    return isWanted ? { ...rest, building: { generation, shape } } : { ...rest, isTidy: false }
  })
}
