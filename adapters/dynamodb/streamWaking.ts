/** What the readers of shards sleep by: woken all at once, and when all is to end. */
export interface Waking {
  /** Aborts when all is to end. */
  signal: AbortSignal
  /** How often there was something to read, perhaps. */
  wakeCount: () => number
  /** Resolves after the time, sooner when there may be something to read that there was not as of a count. */
  rung: (timeoutMs: number, seenCount: number) => Promise<void>
  /** Resolves after the time, whatever there may be to read. */
  pause: (ms: number) => Promise<void>
  wake: () => void
  stop: () => void
  isStopped: () => boolean
}

export const openWaking = (): Waking => {
  const ending = new AbortController()
  const light = new Set<() => void>()
  const heavy = new Set<() => void>()
  let wakeCount = 0
  const sleep = async (ms: number, sleepers: Set<() => void>): Promise<void> => {
    if (ending.signal.aborted) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, ms)
    sleepers.add(resolve)
    await promise
    sleepers.delete(resolve)
    clearTimeout(timer)
  }
  const wakeAll = (sleepers: ReadonlySet<() => void>): void => {
    for (const wake of sleepers) wake()
  }
  return {
    signal: ending.signal,
    wakeCount: () => wakeCount,
    rung: async (timeoutMs, seenCount) => {
      if (seenCount === wakeCount) await sleep(timeoutMs, light)
    },
    pause: (ms) => sleep(ms, heavy),
    wake: () => {
      wakeCount++
      wakeAll(light)
    },
    stop: () => {
      ending.abort()
      wakeAll(light)
      wakeAll(heavy)
    },
    isStopped: () => ending.signal.aborted,
  }
}
