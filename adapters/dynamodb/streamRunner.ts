import type { Instant } from '../../domain/ids.ts'
import type { StreamHandler } from '../../projections/handler.ts'
import type { StreamConsumer } from '../../projections/letters.ts'
import { type Mapping, mappings } from './mappings.ts'
import { type FollowOptions, follow, type Run, type Stuck } from './streamFollow.ts'
import { openWaking } from './streamWaking.ts'

export interface StreamRunnerOptions extends FollowOptions {
  /** Who is fed from the history's stream; each reads it for itself. */
  consumers: Partial<Readonly<Record<StreamConsumer, StreamHandler>>>
  /** Default: this machine's clock. */
  now?: () => Instant
  /** Before another attempt, the longer the more often it has failed. Default 100 ms to 5 s. */
  pausesMs?: readonly number[]
  /** What differs from `mappings`. */
  mapping?: Partial<Mapping>
}

/** After an outage nothing becomes due, and nobody is woken, until the next attempt: so it is not far. */
const defaultPausesMs = [100, 200, 400, 1_000, 2_000, 5_000]
/** In return there are more: as many as outlast a quarter of an hour. */
const retryAttemptCountMax = 240

/**
 * Feeds consumers from the stream of the history's table as Lambda's event source mapping would: the very same handlers,
 * each record at least once, what was before the last checkpoint not again. One process at a time is to run it; two only
 * repeat each other's work.
 */
export const startStreamRunner = ({ consumers, ...options }: StreamRunnerOptions) => {
  const waking = openWaking()
  const { now = () => new Date().toISOString(), pausesMs = defaultPausesMs } = options
  const runs = Object.entries(consumers).map(([consumer, handler]): Run => {
    const name = consumer as StreamConsumer
    const settings = { ...mappings[name], retryAttemptCountMax, ...options.mapping }
    const own = { consumer: name, handler, settings, lagsMs: new Map(), troubles: new Map() }
    return { ...options, ...own, now, pausesMs, waking }
  })
  const ended = Promise.all(runs.map(follow))
  return {
    /** Something was appended by this process: no need to wait for the next look. */
    wake: waking.wake,
    /** Age of the oldest record that a consumer is dealing with; 0 when there is none. To a second, as the records have it. */
    lagMs: (): number => Math.max(0, ...runs.flatMap(({ lagsMs }) => [...lagsMs.values()])),
    /** Why a consumer does not get on, and for how long it has not; undefined when all do. */
    stuck: (): Stuck | undefined =>
      runs.flatMap(({ troubles }) => [...troubles.values()]).sort((a, b) => a.sinceMs - b.sinceMs)[0],
    /** What is being dealt with is dealt with, and noted; nothing more is begun. */
    stop: async (): Promise<void> => {
      waking.stop()
      await ended
    },
  }
}
export type StreamRunner = ReturnType<typeof startStreamRunner>
