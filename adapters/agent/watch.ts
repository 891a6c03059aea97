import type { Hooks } from './settings.ts'

/** What an agent tells its guard: all there is to know, each time anew, so that the last line that came is enough. */
export interface Watch {
  attempts: readonly Watched[]
  times: WatchTimes
  hooks: Hooks
  workDir: string
}

/** An attempt that does something to its bench. */
export interface Watched {
  /** `{executionId}/{taskName}/{attempt}` */
  name: string
  benchId: string
  /** Traces of the process groups that run for it now, as `startCommand` makes them; what is none of these is left alone. */
  groups: readonly string[]
}

/** Of `monotonicMs`. */
export interface WatchTimes {
  /** Without other news, the guard asks what runs to end. */
  actAtMs: number
  /** What then still runs is forced to. */
  forceAtMs: number
  leaseEndsAtMs: number
}

/** Told by the guard, one a line, on its stdout: the power-off hook of this attempt's bench is its own now. */
export interface PoweredOff {
  poweredOff: string
}

/**
 * The clock that an agent and its guard share: that of the machine, which nobody can set. An instant of it means the same
 * however long it was under way.
 */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6

/** Kept back from the lease for ending what runs: a quarter of it, 5 s at most. */
export const marginMs = (leaseMs: number): number => Math.min(5_000, leaseMs / 4)

/** The very end of the margin is the guard's alone: an agent that is awake has ended everything by then. */
export const guardMs = (leaseMs: number): number => marginMs(leaseMs) / 8

/**
 * An agent begins to end what runs at the beginning of the margin, and forces it at half of it. One that is not heard of by
 * then does not do it any more; one that said that it is at it (`isEnding`) has nearly all of the margin.
 */
export const timesOf = (lease: { endsAtMs: number; leaseMs: number }, isEnding: boolean): WatchTimes => {
  const margin = marginMs(lease.leaseMs)
  const [kept, keptForForce] = isEnding ? [guardMs(lease.leaseMs), guardMs(lease.leaseMs)] : [margin / 2, margin / 4]
  return {
    actAtMs: lease.endsAtMs - kept,
    forceAtMs: lease.endsAtMs - keptForForce,
    leaseEndsAtMs: lease.endsAtMs,
  }
}
