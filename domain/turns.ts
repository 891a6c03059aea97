import type { StreamName } from './ids.ts'

/**
 * Turns on a stream within one process. A command first tries its luck; one that has lost a race waits for its turn on
 * the stream it lost, so that a hot stream is written in the order of asking and nobody starves. Who holds a turn asks
 * for no other before giving it back: there is no waiting while holding, so nothing can deadlock. Between processes the
 * conditional append decides alone.
 */
export interface Turns {
  isTaken(stream: StreamName): boolean
  /** Resolves when it is one's turn; false, at once, when too many wait already. */
  take(stream: StreamName): Promise<boolean>
  give(stream: StreamName): void
}

/** So many commands wait for their turn on one stream; more would be answered too late to be of use. */
export const waitingCountMax = 2_000

export const createTurns = (): Turns => {
  const waiting = new Map<StreamName, (() => void)[]>()
  return {
    isTaken: (stream) => waiting.has(stream),
    take: (stream) =>
      new Promise((resolve) => {
        const queue = waiting.get(stream)
        if (queue === undefined) {
          waiting.set(stream, [])
          resolve(true)
        } else if (queue.length >= waitingCountMax) resolve(false)
        else queue.push(() => resolve(true))
      }),
    give: (stream) => {
      const next = waiting.get(stream)?.shift()
      if (next === undefined) waiting.delete(stream)
      else next()
    },
  }
}
