import { setTimeout as wait } from 'node:timers/promises'

export interface Tail {
  /** The feed's end is known to be there. */
  reached(position: number): void
  listen(listener: () => void): () => void
  close(): void
}

/**
 * Wakes listeners when the feed has grown, through this process or another: one look at its end for all of them, and none
 * while nobody listens. Whoever is woken reads for himself, so being woken in vain, or once for several pages, is no harm.
 */
export const openTail = (end: () => Promise<number>, everyMs: number, onOutage = warn): Tail => {
  const listeners = new Set<() => void>()
  const closing = new AbortController()
  let known = 0
  let isPolling = false

  const reached = (position: number): void => {
    if (position <= known) return
    known = position
    setImmediate(() => listeners.forEach(call))
  }

  const poll = async (): Promise<void> => {
    let isDown = false
    while (listeners.size > 0 && !closing.signal.aborted) {
      try {
        reached(await end())
        isDown = false
      } catch (error) {
        // An outage is told once, not five times a second.
        if (!isDown) onOutage(error)
        isDown = true
      }
      await wait(everyMs, undefined, { ref: false, signal: closing.signal }).catch(() => {})
    }
    isPolling = false
  }

  return {
    reached,
    listen: (listener) => {
      listeners.add(listener)
      if (!isPolling) {
        isPolling = true
        void poll()
      }
      return () => listeners.delete(listener)
    },
    close: () => closing.abort(),
  }
}

/** A listener's failure is the listener's: it must not reach the other listeners. */
const call = (listener: () => void): void => {
  try {
    listener()
  } catch (error) {
    warn(error)
  }
}

const warn = (error: unknown): void => process.emitWarning(error instanceof Error ? error : String(error))
