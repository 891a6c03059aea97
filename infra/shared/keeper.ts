import { setTimeout as wait } from 'node:timers/promises'
import type { Counters } from '../counters.ts'
import type { Log } from '../log.ts'
import type { SharedLeaseClock } from './leaseClock.ts'

export interface KeeperPorts {
  clock: Pick<SharedLeaseClock, 'turn' | 'handOver'>
  /** Between two turns of the clock. */
  everyMs: number
  /** Begins what one server at a time does for all. */
  begin: () => Promise<Duties>
  log: Log
  counters: Pick<Counters, 'keeperFailures'>
}

/** What the keeper does while it is the keeper. */
export interface Duties {
  end: () => Promise<void>
}

interface Run extends KeeperPorts {
  isKeeper: boolean
  duties: Duties | undefined
  /** Beginning and ending take turns, while the clock goes on. */
  changing: Promise<void>
  closing: AbortController
}

/** Duties that could not begin are begun again after this. */
const againMs = 500

/**
 * Turns the lease clock, and does what one server does for all while it keeps that. For a moment two may take themselves for
 * the keeper: the stream's records, policies' commands, Ticks and callbacks are all done at least once, and meet their own
 * traces the second time.
 */
export const startKeeper = (ports: KeeperPorts) => {
  const own = { isKeeper: false, duties: undefined, changing: Promise.resolve(), closing: new AbortController() }
  const run: Run = { ...ports, ...own }
  const ended = loop(run)
  return {
    isKeeper: () => run.isKeeper,
    /** Ends what this process does for others, and lets another server have the clock at once. */
    stop: async (): Promise<void> => {
      run.closing.abort()
      await ended
      run.isKeeper = false
      change(run)
      await run.changing
      // Nothing depends on it: without it others find out by themselves.
      await run.clock.handOver().catch((error: unknown) => failed(run, error, 'the lease clock was not handed over'))
    },
  }
}
export type Keeper = ReturnType<typeof startKeeper>

const loop = async (run: Run): Promise<void> => {
  const { signal } = run.closing
  while (!signal.aborted) {
    await turn(run)
    await wait(run.everyMs, undefined, { signal }).catch(() => {})
  }
}

/** In an outage it stays what it was: its clock stands still, and others take it over if they can. */
const turn = async (run: Run): Promise<void> => {
  try {
    const isKeeper = await run.clock.turn()
    if (isKeeper === run.isKeeper || run.closing.signal.aborted) return
    run.isKeeper = isKeeper
    run.log.info({}, isKeeper ? 'this server keeps the clock now' : 'another server keeps the clock now')
    change(run)
  } catch (error) {
    failed(run, error, 'the lease clock cannot be turned, and is tried again')
  }
}

const failed = ({ counters, log }: Run, error: unknown, message: string): void => {
  const count = ++counters.keeperFailures
  log.error({ count, err: error }, message)
}

const change = (run: Run): void => {
  run.changing = run.changing.then(async () => adjusted(run))
}

/** Until what it does is what it is to do. */
const adjusted = async (run: Run): Promise<void> => {
  const { signal } = run.closing
  while (run.isKeeper !== (run.duties !== undefined)) {
    try {
      if (run.duties === undefined) run.duties = await run.begin()
      else {
        const { end } = run.duties
        run.duties = undefined
        await end()
      }
    } catch (error) {
      failed(run, error, 'what the keeper does cannot be begun or ended, and is tried again')
      await wait(againMs, undefined, { signal }).catch(() => {})
      if (signal.aborted && run.duties === undefined) return
    }
  }
}
