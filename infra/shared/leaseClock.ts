import type { Instant } from '../../domain/ids.ts'
import type { LeaseClock } from '../liveness/leaseClock.ts'

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
   * moment, do no harm: whatever is done to a lease is on the condition that it still is as seen. Calls that overlap are one.
   */
  turn: () => Promise<boolean>
  /** Looks at the clock if it was not looked at for longer than a step: who was away does so before giving time to a lease. */
  lookIfAway: () => Promise<void>
  /** Gives the clock up, if this process keeps it: the next who looks takes it over without waiting. */
  handOver: () => Promise<void>
  /** Somebody keeps the clock: this process or another has written it within the time after which it has lost its place. */
  isKept: () => boolean
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
  /** Whether this process may be the keeper; else it only looks. Default true. */
  keeps?: boolean
}

/** A keeper that has not written for so many steps has lost its place to the first who finds out. */
const absentStepCountMax = 2
/** Who keeps a clock that was handed over. */
const nobody = ''

/**
 * The lease clock of several servers. One keeps it: its clock goes with its monotonic clock, and never further than half a
 * step beyond what it has written, so that it stands still when it is away. Whoever gives time to a lease adds that half
 * step, and the time since it looked: so nobody is behind the keeper, or a lease would end too early, and nobody is ahead by
 * more than the keeper, or itself, has been away. Who takes the clock over goes on from what was written: whatever the gap,
 * every lease is extended by it.
 */
export const openSharedLeaseClock = ({ keeps = true, ...options }: ClockOptions): SharedLeaseClock => {
  const { row, serverId, startAt, monotonicMs, stepMsMax } = options
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

  const absentMsMax = absentStepCountMax * stepMsMax
  const turn = async (): Promise<boolean> => {
    if (isKeeper) await write(judgedMs())
    if (isKeeper) return true
    const askedAtMs = monotonicMs()
    face.see(await row.read(), askedAtMs)
    const isFree = face.seen()?.keeper === nobody || face.unchangedMs(askedAtMs) > absentMsMax
    if (keeps && isFree) await write(face.writtenMs())
    return isKeeper
  }
  const turnOnce = joined(turn)
  return {
    giving: { read: () => giving() },
    judging: { read: () => judging() },
    turn: turnOnce.begin,
    lookIfAway: async () => {
      if (face.sinceMs() > stepMsMax) await turnOnce.begin()
    },
    handOver: async () => {
      await turnOnce.underWay()?.catch(() => {})
      if (!isKeeper) return
      isKeeper = false
      await row.keep(face.seen(), { keeper: nobody, readingMs: judgedMs() })
    },
    isKept: () => (isKeeper || face.isChanging()) && face.unchangedMs(monotonicMs()) <= absentMsMax,
  }
}

/** One at a time: who comes while it is under way shares it. */
const joined = <Answer>(work: () => Promise<Answer>) => {
  let underWay: Promise<Answer> | undefined
  return {
    begin: (): Promise<Answer> =>
      (underWay ??= work().finally(() => {
        underWay = undefined
      })),
    underWay: () => underWay,
  }
}

/** The clock as it was last seen. */
const openFace = (startAt: Instant, monotonicMs: () => number) => {
  let seen: Reading | undefined
  /** When it was asked for, and when it was first seen so. */
  let [lookedAtMs, changedAtMs] = [monotonicMs(), monotonicMs()]
  let isChanging = false
  return {
    seen: () => seen,
    /** It was seen to go on: somebody was there to write it. */
    isChanging: () => isChanging && seen?.keeper !== nobody,
    see: (reading: Reading | undefined, askedAtMs: number): void => {
      if (reading?.turn !== seen?.turn) {
        isChanging = seen !== undefined
        changedAtMs = askedAtMs
      }
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
