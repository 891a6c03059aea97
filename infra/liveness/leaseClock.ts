import type { Instant } from '../../domain/ids.ts'

/**
 * The clock that leases live on. It begins at the wall clock's time, goes with the monotonic clock, and between two
 * readings by `stepMsMax` at most: while the server is away (suspended, stopped, out of breath) it stands still, so that
 * every lease is extended by the gap, and a jump of the wall clock is none of its business. Somebody must read it at
 * least twice in `stepMsMax`: the sweeper does.
 */
export interface LeaseClock {
  /** In ms since 1970. */
  read: () => number
}

export const instantOf = (ms: number): Instant => new Date(ms).toISOString()

export const openLeaseClock = ({
  startAt,
  monotonicMs,
  stepMsMax,
  onAway,
}: {
  startAt: Instant
  monotonicMs: () => number
  stepMsMax: number
  /** The server was away for so long. */
  onAway: (ms: number) => void
}): LeaseClock => {
  let ms = Date.parse(startAt)
  let readAtMs = monotonicMs()
  return {
    read: () => {
      const nowMs = monotonicMs()
      const stepMs = Math.max(0, nowMs - readAtMs)
      readAtMs = nowMs
      ms += Math.min(stepMs, stepMsMax)
      if (stepMs > stepMsMax) onAway(stepMs - stepMsMax)
      return ms
    },
  }
}
