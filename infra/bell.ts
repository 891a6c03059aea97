/** Wakes a loop that sleeps until there is something to do. */
export interface Bell {
  ring(): void
  /** Resolves when the bell has rung since the last time, after the time if one is given, or when the loop is to end. */
  rung(timeoutMs?: number): Promise<void>
  /** Passes the time, whether it rings or not; less when the loop is to end. */
  pause(ms: number): Promise<void>
  stop(): void
  isStopped(): boolean
}

/** Node's timers overflow beyond some 24 days: nobody sleeps for longer than this. */
const sleepMsMax = 3_600_000

export const openBell = (): Bell => {
  const stopped = Promise.withResolvers<void>()
  let isStopped = false
  let isRung = false
  let waiting: (() => void) | undefined

  const sleep = (ms: number | undefined, wakes: boolean): Promise<void> =>
    new Promise((resolve) => {
      const timer = ms === undefined ? undefined : setTimeout(done, Math.min(ms, sleepMsMax))
      function done() {
        clearTimeout(timer)
        waiting = undefined
        resolve()
      }
      if (wakes) waiting = done
      void stopped.promise.then(done)
    })

  return {
    ring: () => {
      isRung = true
      waiting?.()
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
      stopped.resolve()
    },
    isStopped: () => isStopped,
  }
}
