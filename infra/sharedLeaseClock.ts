import type { Instant } from '../domain/ids.ts'
import type { LeaseClock } from './leaseClock.ts'

/** The clock as its keeper has last written it. */
interface Reading {
  keeper: string
  turn: number
  readingMs: number
}

/** Where it is written; `keep` only what follows what was seen. */
export interface ClockRow {
  read: () => Promise<Reading | undefined>
  keep: (seen: Reading | undefined, next: Omit<Reading, 'turn'>) => Promise<Reading | undefined>
}

export interface SharedLeaseClock {
  /** Leases are extended by it: it is behind no server's `judging`. */
  giving: LeaseClock
  /** Leases are judged by it. */
  judging: LeaseClock
  /**
   * To be called four times in `stepMsMax`: writes the clock on, or looks whether its keeper does. Answers whether this
   * process is the keeper now: only it looks for workers that are silent. Two that both take themselves for it, for a
   * moment, do no harm: whatever is done to a lease is on the condition that it still is as seen.
   */
  turn: () => Promise<boolean>
}

interface ClockOptions {
  row: ClockRow
  /** Of this process alone. */
  serverId: string
  /** Where the first keeper of all begins. */
  startAt: Instant
  monotonicMs: () => number
  /** As of the clock of one server: the longest step it goes while it is not written. */
  stepMsMax: number
}

/** A keeper that has not written for so many steps has lost its place to the first who finds out. */
const absentStepCountMax = 2

/**
 * The lease clock of several servers. One keeps it: its clock goes with its monotonic clock, and never further than half a
 * step beyond what it has written, so that it stands still when it is away. Whoever gives time to a lease adds that half
 * step, and the time since it looked: so nobody is behind the keeper, or a lease would end too early, and nobody is ahead by
 * more than the keeper, or itself, has been away. Who takes the clock over goes on from what was written: whatever the gap,
 * every lease is extended by it.
 */
export const openSharedLeaseClock = ({
  row,
  serverId,
  startAt,
  monotonicMs,
  stepMsMax,
}: ClockOptions): SharedLeaseClock => {
  const leadMs = stepMsMax / 2
  const face = openFace(startAt, monotonicMs)
  const judgedMs = (): number => Math.round(face.writtenMs() + Math.min(face.sinceMs(), leadMs))
  // Having been away puts it ahead: by more than a step it does not stay so.
  const giving = neverBack(() => Math.round(face.writtenMs() + leadMs + face.sinceMs()), stepMsMax)
  let judging = neverBack(judgedMs, leadMs)
  let isKeeper = false

  const write = async (readingMs: number): Promise<void> => {
    const wasKeeper = isKeeper
    const kept = await row.keep(face.seen(), { keeper: serverId, readingMs })
    isKeeper = kept !== undefined
    // Going on from when it was acknowledged, it loses what writing takes: whoever has not seen it yet is not behind.
    if (kept !== undefined) face.see(kept, monotonicMs())
    // Who takes the clock over goes on from what was written.
    if (isKeeper && !wasKeeper) judging = neverBack(judgedMs, leadMs)
  }

  return {
    giving: { read: () => giving() },
    judging: { read: () => judging() },
    turn: async () => {
      if (isKeeper) await write(judgedMs())
      if (isKeeper) return true
      const askedAtMs = monotonicMs()
      face.see(await row.read(), askedAtMs)
      if (face.unchangedMs(askedAtMs) > absentStepCountMax * stepMsMax) await write(face.writtenMs())
      return isKeeper
    },
  }
}

/** The clock as it was last seen. */
const openFace = (startAt: Instant, monotonicMs: () => number) => {
  let seen: Reading | undefined
  /** When it was asked for, and when it was first seen so. */
  let [lookedAtMs, changedAtMs] = [monotonicMs(), monotonicMs()]
  return {
    seen: () => seen,
    see: (reading: Reading | undefined, askedAtMs: number): void => {
      if (reading?.turn !== seen?.turn) changedAtMs = askedAtMs
      seen = reading
      lookedAtMs = askedAtMs
    },
    writtenMs: (): number => seen?.readingMs ?? Date.parse(startAt),
    sinceMs: (): number => Math.max(0, monotonicMs() - lookedAtMs),
    /** A clock that nobody has ever written is as good as one whose keeper is long gone. */
    unchangedMs: (atMs: number): number => (seen === undefined ? Number.POSITIVE_INFINITY : atMs - changedAtMs),
  }
}

/** Stays where it was rather than going back by so much or less. */
const neverBack = (read: () => number, backMsMax: number): (() => number) => {
  let lastMs = Number.NEGATIVE_INFINITY
  return () => {
    const ms = read()
    lastMs = Math.min(Math.max(lastMs, ms), ms + backMsMax)
    return lastMs
  }
}
