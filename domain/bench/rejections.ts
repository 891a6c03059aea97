/** Why a bench refuses: each a fact with the members that explain it. */
import type { Rejection } from '../decider.ts'
import type { Interval, RegisteredBench } from './state.ts'

type Conflict = Pick<Interval, 'start' | 'end' | 'reservationId' | 'holder'> &
  Partial<Pick<Interval, 'heldFrom' | 'heldUntil'>> & { benchId: string }

/** At most so many intervals that are not over. */
export const intervalCountMax = 1_000

export const benchUnknown = (benchId: string): Rejection => ({
  rejection: 'BenchUnknown',
  detail: `there is no bench ${benchId}`,
  benchId,
})
export const alreadyRegistered = (benchId: string): Rejection => ({
  rejection: 'BenchAlreadyRegistered',
  detail: `bench ${benchId} is registered with another description: PATCH it to change it`,
  benchId,
})
export const notInService = (bench: RegisteredBench): Rejection => ({
  rejection: 'BenchNotInService',
  detail: `bench ${bench.benchId} is ${inWords(bench)}`,
  benchId: bench.benchId,
  serviceability: bench.serviceability,
})
/** The transition is not one that the bench's serviceability allows. */
export const wrongServiceability = (bench: RegisteredBench, wanted: string): Rejection => ({
  rejection: bench.serviceability === 'retired' ? 'BenchRetired' : 'BenchServiceabilityConflict',
  detail: `bench ${bench.benchId} is ${inWords(bench)}, so it can't be ${wanted}`,
  benchId: bench.benchId,
  serviceability: bench.serviceability,
})
export const intervalsHeld = (bench: RegisteredBench, reservationIds: readonly string[]): Rejection => ({
  rejection: 'IntervalsHeld',
  detail: `bench ${bench.benchId} is held by ${reservationIds.length} reservation(s): cancel them, or retire it by force`,
  benchId: bench.benchId,
  reservationIds: reservationIds.slice(0, 50),
  reservationCount: reservationIds.length,
})
export const calendarFull = (benchId: string): Rejection => ({
  rejection: 'CalendarFull',
  detail: `bench ${benchId} holds ${intervalCountMax} intervals already`,
  benchId,
  intervalCountMax,
})
export const intervalConflict = (bench: RegisteredBench, conflicts: readonly Interval[]): Rejection => ({
  rejection: 'IntervalConflict',
  detail: `bench ${bench.benchId} is taken in that window`,
  conflicts: conflicts.slice(0, 50).map((interval) => conflictOf(bench.benchId, interval)),
})
/** What is in the way; with `heldFrom` and `heldUntil` where its buffers hold the bench longer than its window. */
export const conflictOf = (
  benchId: string,
  { start, end, heldFrom, heldUntil, reservationId, holder }: Interval,
): Conflict => ({
  benchId,
  start,
  end,
  ...(heldFrom < start && { heldFrom }),
  ...(heldUntil > end && { heldUntil }),
  reservationId,
  holder,
})
export const alreadyServed = (bench: RegisteredBench): Rejection => ({
  rejection: 'BenchAlreadyServed',
  detail: `bench ${bench.benchId} is served by worker ${bench.session?.workerId}`,
  benchId: bench.benchId,
  ...bench.session,
})
export const alreadyOccupied = (bench: RegisteredBench): Rejection => ({
  rejection: 'BenchOccupied',
  detail: `bench ${bench.benchId} is occupied by execution ${bench.occupant?.executionId}`,
  benchId: bench.benchId,
  executionId: bench.occupant?.executionId,
})
export const notCovering = (bench: RegisteredBench, reservationId: string): Rejection => ({
  rejection: 'ReservationNotActive',
  detail: `reservation ${reservationId} does not hold bench ${bench.benchId} now`,
  benchId: bench.benchId,
  reservationId,
})
export const notServedBy = (
  bench: RegisteredBench,
  { workerId, epoch }: { workerId: string; epoch: number },
): Rejection => ({
  rejection: 'StaleEpoch',
  detail: `bench ${bench.benchId} is not served by session ${epoch} of worker ${workerId}`,
  benchId: bench.benchId,
  epoch: bench.session?.epoch,
})

export const inWords = ({ serviceability, reason }: RegisteredBench): string => {
  const words = {
    'in-service': 'in service',
    maintenance: 'under maintenance',
    quarantined: 'quarantined',
    retired: 'retired',
  }
  return words[serviceability] + (reason === undefined ? '' : ` (${reason})`)
}
