/** Wakes a loop that sleeps until there is something to do. */
export interface Bell {
  ring: () => void
  /** Resolves when the bell has rung since the last time, after the time if one is given, or when the loop is to end. */
  rung: (timeoutMs?: number) => Promise<void>
  /** Passes the time, whether it rings or not; less when the loop is to end. */
  pause: (ms: number) => Promise<void>
  stop: () => void
  isStopped: () => boolean
}

/** Node's timers overflow beyond some 24 days: nobody sleeps for longer than this. */
const sleepMsMax = 3_600_000

export const openBell = (): Bell => {
  const sleepers = new Set<{ isLight: boolean; wake: () => void }>()
  let isStopped = false
  let isRung = false

  /** A light sleeper hears the bell. */
  const sleep = async (ms: number | undefined, isLight: boolean): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const sleeper = { isLight, wake: resolve }
    sleepers.add(sleeper)
    const timer = ms === undefined ? undefined : setTimeout(resolve, Math.min(ms, sleepMsMax))
    await promise
    clearTimeout(timer)
    sleepers.delete(sleeper)
  }

  return {
    ring: () => {
      isRung = true
      for (const { isLight, wake } of sleepers) if (isLight) wake()
    },
    rung: async (timeoutMs) => {
      if (!isRung && !isStopped) await sleep(timeoutMs, true)
      isRung = false
    },
    pause: async (ms) => {
      if (!isStopped) await sleep(ms, false)
    },
    stop: () => {
      isStopped = true
      for (const { wake } of sleepers) wake()
    },
    isStopped: () => isStopped,
  }
}
