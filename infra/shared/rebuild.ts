import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { Register } from '../../adapters/dynamodb/generations.ts'
import { persistently } from '../../adapters/dynamodb/outages.ts'
import type { Commit } from '../../domain/event.ts'
import { type BuildProgress, type Built, buildViews } from '../views/buildViews.ts'
import type { RebuildStatus } from '../views/rebuild.ts'
import { rebuildDefaults, type SharedRebuild, type SharedRebuildPorts } from '../views/rebuildPorts.ts'
import { carryLetters, carryOver, type LocalViews, originOf } from '../views/viewGenerations.ts'
import { ownRows } from './generations.ts'
import { claim, openBeat, RebuildElsewhere, release, switched } from './rebuildClaim.ts'
import { tidied, toEnd } from './rebuildTidying.ts'

/**
 * Blue/green with several servers and consumers: new rows are built beside those that serve, which are given up once
 * everything that may still be written to them has been seen. One rebuild at a time, whichever server does it. One that
 * dies leaves the rows serving that did; the next one that is begun goes on with what it has left.
 */
export const openSharedRebuilding = (ports: SharedRebuildPorts) => {
  const run: SharedRebuild = { ...rebuildDefaults, ...ports, builder: randomUUID() }
  let status: RebuildStatus = { isRunning: false, commitCount: 0, commitCountTotal: 0 }
  let running: Promise<Built> | undefined
  let tidying = Promise.resolve()
  const tidyUp = (): void => {
    tidying = tidying.then(() => tidied(run)).catch((error: unknown) => failed(run, error))
  }
  const rebuild = async (onProgress: (progress: BuildProgress) => void): Promise<Built> => {
    status = { isRunning: true, commitCount: 0, commitCountTotal: 0 }
    try {
      const built = await rebuilt(run, (progress) => {
        status = { ...progress, isRunning: true }
        onProgress(progress)
      })
      status = { isRunning: false, commitCount: built.commitCount, commitCountTotal: built.commitCountTotal }
      tidyUp()
      return built
    } catch (error) {
      status = { ...status, isRunning: false, failure: error instanceof Error ? error.message : String(error) }
      told(run, error)
      throw error
    } finally {
      running = undefined
    }
  }
  const begin = (onProgress: (progress: BuildProgress) => void = () => {}): Promise<Built> =>
    (running ??= rebuild(onProgress))
  const mend = (): Promise<void> => mended(run, { begin, tidyUp })
  return {
    /**
     * Begins one unless one runs here; resolves when the new rows serve. Rejects with `RebuildElsewhere` if another server is
     * at it.
     */
    rebuild: begin,
    status: () => status,
    serving: run.following.serving,
    /** Makes rows whole that are not, and gives up what is left over from a server that has died. */
    mend,
    /** Mends now and then, until the signal. Any number of servers may. */
    keepMended: (everyMs = 30_000): void => void mendNowAndThen(run, mend, everyMs),
    /** Resolves when nothing is under way: to be awaited after the signal. */
    ended: async (): Promise<void> => {
      await running?.catch(() => {})
      await tidying
    },
  }
}

const told = ({ log }: SharedRebuild, error: unknown): void => {
  if (error instanceof RebuildElsewhere) log.info({ reason: error.message }, 'the views are not rebuilt here')
  else log.error({ count: 1, err: error }, 'the views could not be rebuilt')
}

const mended = async (
  { generations, shape }: SharedRebuild,
  { begin, tidyUp }: { begin: () => Promise<unknown>; tidyUp: () => void },
): Promise<void> => {
  const register = await generations.read()
  if (register === undefined) return
  if (ownRows(register, shape)?.isWhole !== true) await begin().catch(unlessElsewhere)
  else if (!register.isTidy && register.building?.builder === undefined) tidyUp()
}

const mendNowAndThen = async (run: SharedRebuild, mend: () => Promise<void>, everyMs: number): Promise<void> => {
  while (!run.signal.aborted) {
    // A rebuild that fails has told so itself.
    await mend().catch((error: unknown) => {
      if (!run.signal.aborted) run.log.warn({ count: 1, err: error }, 'the views could not be mended')
    })
    await wait(everyMs, undefined, { ref: false, signal: run.signal }).catch(() => {})
  }
}

const unlessElsewhere = (error: unknown): void => {
  if (!(error instanceof RebuildElsewhere)) throw error
}

const failed = ({ signal, log }: SharedRebuild, error: unknown): void => {
  if (!signal.aborted) log.error({ count: 1, err: error }, 'rows that were given up could not be removed yet')
}

/** From the claim until the new rows serve. */
const rebuilt = async (run: SharedRebuild, onProgress: (progress: BuildProgress) => void): Promise<Built> => {
  const claimed = await claim(run)
  const beat = openBeat(run)
  try {
    const built = await replaced(run, { claimed, onProgress, signal: AbortSignal.any([run.signal, beat.signal]) })
    for (const { stream, error } of built.failures)
      run.log.error(
        { stream, count: built.failures.length, err: error },
        'a stream cannot be folded: its row is missing',
      )
    return built
  } finally {
    await beat.end()
    await release(run).catch((error: unknown) => {
      run.log.warn({ count: 1, err: error }, 'the rebuild could not be signed off: another waits until it is abandoned')
    })
  }
}

interface Replacing {
  claimed: Register & { building: { generation: number } }
  onProgress: (progress: BuildProgress) => void
  signal: AbortSignal
}

const replaced = async (run: SharedRebuild, replacing: Replacing): Promise<Built> => {
  const { generations, following, history, log } = run
  const { generation } = replacing.claimed.building
  const { serving, former } = replacing.claimed
  const views = patient(generations.open(generation), replacing.signal)
  const before = serving && generations.open(serving.generation)
  if (before !== undefined && former !== undefined) await carryLetters(generations.open(former), before)
  const built = await filled(run, views, replacing)
  if (before !== undefined) await carryOver(before, views)
  await toEnd(run, views)
  replacing.signal.throwIfAborted()
  await switched(run, generation, await originOf(history))
  // What was written to the rows before while these took over; and no reader goes back for long.
  await toEnd(run, views)
  if (before !== undefined) await carryLetters(before, views)
  await following.look()
  log.info({ generation, commitCount: built.commitCount }, 'the views have been rebuilt from history')
  return built
}

/** The scan, then what has come meanwhile. */
const filled = async (
  run: SharedRebuild,
  views: LocalViews,
  { claimed, onProgress, signal }: Replacing,
): Promise<Built> => {
  const { history, feed, segmentCount } = run
  const publish = (commits: readonly Commit[]): Promise<void> => persistently(() => feed.publish(commits), signal)
  const built = await buildViews(history, views, {
    onProgress,
    signal,
    segments: history.segments(segmentCount),
    ...(claimed.isFeedLost ? { onFolded: publish } : {}),
  })
  await toEnd(run, views)
  return built
}

/** An outage of some seconds is no reason to begin again. */
const patient = (views: LocalViews, signal: AbortSignal): LocalViews => ({
  ...views,
  read: (...asked) => persistently(() => views.read(...asked), signal),
  write: (...asked) => persistently(() => views.write(...asked), signal),
  saveCheckpoint: (...asked) => persistently(() => views.saveCheckpoint(...asked), signal),
})
