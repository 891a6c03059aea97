/**
 * Until when a session may act, counted on the monotonic clock from the *sending* of the last beat that was answered: no
 * wall clock has a say. Beyond that the server may have given the benches to somebody else, so nothing is started and
 * nothing is told until a beat has been answered again.
 */
export interface Fence {
  /** What is left of the lease; zero or less once it has lapsed. */
  leftMs(): number
  /** The lease as it is now ends at that time of `performance.now()`. */
  set(endsAtMs: number): void
  /** Resolves true as soon as a lease is held (at once, if it is), false when the session is lost. */
  held(): Promise<boolean>
}

export const newFence = (lost: AbortSignal): Fence => {
  let endsAtMs = Number.NEGATIVE_INFINITY
  let changed = Promise.withResolvers<void>()
  const leftMs = (): number => endsAtMs - performance.now()
  lost.addEventListener('abort', () => changed.resolve())
  return {
    leftMs,
    set: (until) => {
      endsAtMs = until
      changed.resolve()
      if (!lost.aborted) changed = Promise.withResolvers()
    },
    held: async () => {
      while (leftMs() <= 0 && !lost.aborted) await changed.promise
      return !lost.aborted
    },
  }
}
