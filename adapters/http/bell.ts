/** Something that can happen while nobody waits for it, and is then not missed. */
export interface Bell {
  ring: () => void
  /** Resolves at the next ring, at once after one that nobody has waited for; after `ms`; or when the signal aborts. */
  wait: (ms: number, signal: AbortSignal) => Promise<void>
}

export const createBell = (): Bell => {
  let hasRung = false
  let wake: (() => void) | undefined
  return {
    ring: () => {
      hasRung = true
      wake?.()
    },
    wait: (ms, signal) =>
      new Promise((resolve) => {
        const done = (): void => {
          clearTimeout(timer)
          signal.removeEventListener('abort', done)
          wake = undefined
          hasRung = false
          resolve()
        }
        const timer = setTimeout(done, ms)
        signal.addEventListener('abort', done)
        wake = done
        if (hasRung || signal.aborted) done()
      }),
  }
}
