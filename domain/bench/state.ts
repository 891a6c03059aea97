import type { Happened } from '../decider.ts'
import type { Instant } from '../ids.ts'
import type { BenchDescription, BenchEvent, HeldWindow } from './events.ts'

export type Serviceability = 'in-service' | 'maintenance' | 'quarantined' | 'retired'
export type Connectivity = 'never-connected' | 'online' | 'suspected' | 'lost' | 'offline'

/** A window that is not over. `over` marks what remains for teardown after its reservation ended. */
export interface Interval extends HeldWindow {
  holder: string
  /** When an execution first occupied the bench under this reservation. */
  occupiedAt?: Instant
  over?: true
}

export interface RegisteredBench {
  status: 'registered'
  benchId: string
  description: BenchDescription
  /** Version of the last change by an operator: what an editor's If-Match is held against. */
  descriptionVersion: number
  serviceability: Serviceability
  /** Why it is not in service. */
  reason?: string
  connectivity: Connectivity
  /** Who serves it; stays, with its epoch, when the session is suspected or lost. */
  session: { workerId: string; epoch: number } | null
  /** By heldFrom; no two intersect. */
  intervals: readonly Interval[]
  occupant: { executionId: string; reservationId: string } | null
}

export type BenchState = { status: 'absent' } | RegisteredBench

export const initial: BenchState = { status: 'absent' }

export const occupancyOf = (bench: RegisteredBench): 'free' | 'held' | 'occupied' => {
  if (bench.occupant !== null) return 'occupied'
  return bench.intervals.length > 0 ? 'held' : 'free'
}

/** What a command finds: a bench that was never registered decides nothing and evolves only by being registered. */
export const evolve = (state: BenchState, event: Happened<BenchEvent>): BenchState => {
  if (event.type === 'BenchRegistered') return registered(event.data, event.version)
  if (state.status === 'absent') return state
  switch (event.type) {
    case 'BenchDescribed':
      return { ...state, description: event.data, descriptionVersion: event.version }
    case 'BenchMaintenanceStarted':
      return serviceable(state, 'maintenance', event.version, event.data.reason)
    case 'BenchQuarantined':
      return serviceable(state, 'quarantined', event.version, event.data.reason)
    case 'BenchMaintenanceEnded':
    case 'BenchReturnedToService':
      return serviceable(state, 'in-service', event.version)
    case 'BenchRetired':
      return serviceable(state, 'retired', event.version)
    case 'IntervalHeld':
      return { ...state, intervals: insert(notOver(state.intervals, event.at), event.data) }
    case 'IntervalMoved':
      return { ...state, intervals: moved(notOver(state.intervals, event.at), event.data) }
    case 'IntervalTransferred':
      return changed(state, event.data.reservationId, { holder: event.data.holder })
    case 'IntervalFreed':
      return { ...state, intervals: freed(notOver(state.intervals, event.at), event.data, event.at) }
    case 'BenchOccupied':
      return {
        ...changed(state, event.data.reservationId, { occupiedAt: event.at }),
        occupant: { executionId: event.data.executionId, reservationId: event.data.reservationId },
      }
    case 'BenchVacated':
      return { ...state, occupant: null }
    case 'BenchOnline':
      return { ...state, connectivity: 'online', session: event.data }
    case 'BenchRecovered':
      return { ...state, connectivity: 'online' }
    case 'BenchSuspected':
      return { ...state, connectivity: 'suspected' }
    case 'BenchLost':
      return { ...state, connectivity: 'lost' }
    case 'BenchOffline':
      return { ...state, connectivity: 'offline' }
  }
}

const registered = (
  { benchId, ...description }: { benchId: string } & BenchDescription,
  version: number,
): BenchState => ({
  status: 'registered',
  benchId,
  description,
  descriptionVersion: version,
  serviceability: 'in-service',
  connectivity: 'never-connected',
  session: null,
  intervals: [],
  occupant: null,
})

const serviceable = (
  { reason: _, ...bench }: RegisteredBench,
  serviceability: Serviceability,
  version: number,
  reason?: string,
): RegisteredBench => ({
  ...bench,
  serviceability,
  descriptionVersion: version,
  ...(reason === undefined ? {} : { reason }),
})

const notOver = (intervals: readonly Interval[], at: Instant): readonly Interval[] =>
  intervals.some((interval) => interval.over === true && interval.heldUntil <= at)
    ? intervals.filter((interval) => interval.over !== true || interval.heldUntil > at)
    : intervals

const insert = (intervals: readonly Interval[], interval: Interval): readonly Interval[] => {
  const index = intervals.findIndex((other) => other.heldFrom > interval.heldFrom)
  return index < 0 ? [...intervals, interval] : intervals.toSpliced(index, 0, interval)
}

const without = (intervals: readonly Interval[], reservationId: string): readonly Interval[] =>
  intervals.filter((interval) => interval.reservationId !== reservationId || interval.over === true)

const moved = (intervals: readonly Interval[], { from: _, ...window }: HeldWindow & { from: unknown }) => {
  const before = intervals.find((interval) => interval.reservationId === window.reservationId && interval.over !== true)
  return before === undefined ? intervals : insert(without(intervals, window.reservationId), { ...before, ...window })
}

const freed = (
  intervals: readonly Interval[],
  data: HeldWindow & { teardownUntil?: Instant },
  at: Instant,
): readonly Interval[] => {
  const before = intervals.find((interval) => interval.reservationId === data.reservationId && interval.over !== true)
  const rest = without(intervals, data.reservationId)
  if (before === undefined || data.teardownUntil === undefined || data.teardownUntil <= at) return rest
  const end = before.end < at ? before.end : at
  return insert(rest, { ...before, end, heldUntil: data.teardownUntil, over: true })
}

const changed = (bench: RegisteredBench, reservationId: string, change: Partial<Interval>): RegisteredBench => ({
  ...bench,
  intervals: bench.intervals.map((interval) =>
    interval.reservationId === reservationId && interval.over !== true
      ? { ...interval, ...onlyNew(interval, change) }
      : interval,
  ),
})

/** `occupiedAt` is the first occupation; a holder is the latest. */
const onlyNew = (interval: Interval, change: Partial<Interval>): Partial<Interval> =>
  interval.occupiedAt === undefined ? change : { ...change, occupiedAt: interval.occupiedAt }
