import type { Command, DataOf, Decider, Rejection } from '../decider.ts'
import { type Instant, plusMs } from '../ids.ts'
import type * as commands from './commands.ts'
import type { BenchDescription, BenchEvent, HeldWindow } from './events.ts'
import {
  alreadyOccupied,
  alreadyRegistered,
  alreadyServed,
  benchUnknown,
  calendarFull,
  intervalConflict,
  intervalCountMax,
  intervalsHeld,
  notCovering,
  notInService,
  notServedBy,
  wrongServiceability,
} from './rejections.ts'
import { type BenchState, evolve, type Interval, initial, type RegisteredBench } from './state.ts'

export type BenchCommand = {
  [Type in keyof typeof commands]: Command<Type, Data<Type>>
}[keyof typeof commands]
type Data<Type extends keyof typeof commands> = DataOf<typeof commands, Type>
type Answer = readonly BenchEvent[] | Rejection

export const decide = (state: BenchState, command: BenchCommand): Answer => {
  if (command.type === 'RegisterBench') return registerBench(state, command.data)
  if (state.status === 'absent') return benchUnknown(command.id)
  switch (command.type) {
    case 'DescribeBench':
      return describeBench(state, command.data)
    case 'StartMaintenance':
      return serviceabilityChange(state, 'maintenance', ['in-service'], {
        type: 'BenchMaintenanceStarted',
        data: command.data,
      })
    case 'EndMaintenance':
      return serviceabilityChange(state, 'in-service', ['maintenance'], { type: 'BenchMaintenanceEnded', data: {} })
    case 'QuarantineBench':
      return serviceabilityChange(state, 'quarantined', ['in-service', 'maintenance'], {
        type: 'BenchQuarantined',
        data: command.data,
      })
    case 'ReturnBenchToService':
      return serviceabilityChange(state, 'in-service', ['quarantined'], { type: 'BenchReturnedToService', data: {} })
    case 'RetireBench':
      return retireBench(state, command.data, command.at)
    case 'HoldInterval':
      return holdInterval(state, command.data, command.at)
    case 'MoveInterval':
      return moveInterval(state, command.data, command.at)
    case 'TransferInterval':
      return transferInterval(state, command.data)
    case 'FreeInterval':
      return freeInterval(state, command.data, command.at)
    case 'OccupyBench':
      return occupyBench(state, command.data)
    case 'VacateBench':
      return vacateBench(state, command.data)
    case 'ConnectBench':
      return connectBench(state, command.data)
    case 'DisconnectBench':
      return sessionChange(state, command.data, ['online', 'suspected'], { type: 'BenchOffline', data: command.data })
    case 'SuspectBench':
      return sessionChange(state, command.data, ['online'], { type: 'BenchSuspected', data: command.data })
    case 'RecoverBench':
      return sessionChange(state, command.data, ['suspected'], { type: 'BenchRecovered', data: command.data })
    case 'LoseBench':
      return sessionChange(state, command.data, ['online', 'suspected'], { type: 'BenchLost', data: command.data })
  }
}

const registerBench = (state: BenchState, { benchId, ...description }: Data<'RegisterBench'>): Answer => {
  const wanted = tidy(description)
  if (state.status === 'absent') return [{ type: 'BenchRegistered', data: { benchId, ...wanted } }]
  return same(state.description, wanted) && state.serviceability !== 'retired' ? [] : alreadyRegistered(benchId)
}

const describeBench = (bench: RegisteredBench, change: Data<'DescribeBench'>): Answer => {
  if (bench.serviceability === 'retired') return wrongServiceability(bench, 'described')
  const wanted = tidy({ ...bench.description, ...defined(change) })
  return same(bench.description, wanted) ? [] : [{ type: 'BenchDescribed', data: wanted }]
}

/** A transition already made is a no-op; one that is not drawn is refused. */
const serviceabilityChange = (
  bench: RegisteredBench,
  to: string,
  from: readonly string[],
  event: BenchEvent,
): Answer => {
  if (bench.serviceability === to) return []
  return from.includes(bench.serviceability)
    ? [event]
    : wrongServiceability(bench, to === 'in-service' ? 'returned to service that way' : to)
}

const retireBench = (bench: RegisteredBench, { force }: Data<'RetireBench'>, at: Instant): Answer => {
  if (bench.serviceability === 'retired') return []
  const reservationIds = bench.intervals
    .filter((held) => held.over !== true && held.heldUntil > at)
    .map((held) => held.reservationId)
  if (reservationIds.length > 0 && !force) return intervalsHeld(bench, reservationIds)
  return [{ type: 'BenchRetired', data: { forced: force, reservationIds } }]
}

const holdInterval = (bench: RegisteredBench, data: Data<'HoldInterval'>, at: Instant): Answer => {
  if (ownInterval(bench, data.reservationId) !== undefined) return []
  if (bench.serviceability !== 'in-service') return notInService(bench)
  if (isCalendarFull(bench, at)) return calendarFull(bench.benchId)
  const { setupMs, teardownMs } = bench.description
  const window = { ...data, heldFrom: plusMs(data.start, -setupMs), heldUntil: plusMs(data.end, teardownMs) }
  const conflicts = conflictsWith(bench, window, at)
  return conflicts.length > 0 ? intervalConflict(bench, conflicts) : [{ type: 'IntervalHeld', data: window }]
}

const moveInterval = (bench: RegisteredBench, data: Data<'MoveInterval'>, at: Instant): Answer => {
  const own = ownInterval(bench, data.reservationId)
  if (own === undefined || (own.start === data.start && own.end === data.end)) return []
  const { setupMs, teardownMs } = bench.description
  const heldFrom = own.start === data.start ? own.heldFrom : plusMs(data.start, -setupMs)
  const heldUntil = own.end === data.end ? own.heldUntil : plusMs(data.end, teardownMs)
  const conflicts = conflictsWith(bench, { ...data, heldFrom, heldUntil }, at)
  if (conflicts.length > 0) return intervalConflict(bench, conflicts)
  return [{ type: 'IntervalMoved', data: { ...data, heldFrom, heldUntil, from: { start: own.start, end: own.end } } }]
}

const transferInterval = (bench: RegisteredBench, data: Data<'TransferInterval'>): Answer => {
  const own = ownInterval(bench, data.reservationId)
  return own === undefined || own.holder === data.holder ? [] : [{ type: 'IntervalTransferred', data }]
}

/** A bench that was used stays held for its teardown, counted from now or from the window's end, whichever is earlier. */
const freeInterval = (bench: RegisteredBench, { reservationId, used }: Data<'FreeInterval'>, at: Instant): Answer => {
  const own = ownInterval(bench, reservationId)
  if (own === undefined) return []
  const { start, end, heldFrom, heldUntil } = own
  const window = { reservationId, start, end, heldFrom, heldUntil }
  const teardownUntil = at < end ? plusMs(at, Date.parse(heldUntil) - Date.parse(end)) : heldUntil
  return [{ type: 'IntervalFreed', data: used && teardownUntil > at ? { ...window, teardownUntil } : window }]
}

const occupyBench = (bench: RegisteredBench, data: Data<'OccupyBench'>): Answer => {
  if (bench.occupant?.executionId === data.executionId) return []
  return bench.occupant === null ? [{ type: 'BenchOccupied', data }] : alreadyOccupied(bench)
}

const vacateBench = (bench: RegisteredBench, { executionId }: Data<'VacateBench'>): Answer =>
  bench.occupant?.executionId === executionId ? [{ type: 'BenchVacated', data: bench.occupant }] : []

const connectBench = (bench: RegisteredBench, data: Data<'ConnectBench'>): Answer => {
  const live = bench.connectivity === 'online' || bench.connectivity === 'suspected'
  if (bench.serviceability === 'retired') return wrongServiceability(bench, 'served')
  if (live && bench.session !== null && bench.session.workerId !== data.workerId) return alreadyServed(bench)
  return live && bench.session?.epoch === data.epoch ? [] : [{ type: 'BenchOnline', data }]
}

/** Changes of a session that is no longer the bench's change nothing. */
const sessionChange = (
  bench: RegisteredBench,
  session: { workerId: string; epoch: number },
  from: readonly string[],
  event: BenchEvent,
): Answer =>
  bench.session?.workerId === session.workerId &&
  bench.session.epoch === session.epoch &&
  from.includes(bench.connectivity)
    ? [event]
    : []

const isServedBy = (bench: RegisteredBench, { workerId, epoch }: { workerId: string; epoch: number }): boolean =>
  bench.connectivity !== 'lost' &&
  bench.connectivity !== 'offline' &&
  bench.session?.workerId === workerId &&
  bench.session.epoch === epoch

/** Why a worker's session may not start an attempt on the bench under a reservation now; undefined when it may. */
export const refusesAttempt = (
  bench: BenchState,
  claim: { benchId: string; workerId: string; epoch: number; reservationId: string },
  at: Instant,
): Rejection | undefined => {
  if (bench.status === 'absent') return benchUnknown(claim.benchId)
  if (!isServedBy(bench, claim)) return notServedBy(bench, claim)
  if (bench.serviceability !== 'in-service') return notInService(bench)
  const own = ownInterval(bench, claim.reservationId)
  return own !== undefined && own.start <= at && at < own.end ? undefined : notCovering(bench, claim.reservationId)
}

/** What is over leaves with the next event, so it does not count. */
export const isCalendarFull = ({ intervals }: RegisteredBench, at: Instant): boolean =>
  intervals.length >= intervalCountMax && !intervals.some((held) => isOver(held, at))

/** Why a bench can't be booked whatever the window; undefined when it can. */
export const refusesBooking = (bench: BenchState, benchId: string): Rejection | undefined => {
  if (bench.status === 'absent') return benchUnknown(benchId)
  return bench.serviceability === 'in-service' ? undefined : notInService(bench)
}

const ownInterval = (bench: RegisteredBench, reservationId: string): Interval | undefined =>
  bench.intervals.find((held) => held.reservationId === reservationId && held.over !== true)

const isOver = (held: Interval, at: Instant): boolean => held.over === true && held.heldUntil <= at

const conflictsWith = (bench: RegisteredBench, window: Omit<HeldWindow, 'holder'>, at: Instant): readonly Interval[] =>
  bench.intervals.filter(
    (held) =>
      held.heldFrom < window.heldUntil &&
      window.heldFrom < held.heldUntil &&
      (held.reservationId !== window.reservationId || held.over === true) &&
      !isOver(held, at),
  )

const tidy = (
  wanted: { [Key in keyof BenchDescription]?: BenchDescription[Key] | null | undefined },
): BenchDescription =>
  Object.fromEntries(
    Object.entries(wanted).filter(([, value]) => value !== undefined && value !== null),
  ) as unknown as BenchDescription

const defined = <Change extends object>(change: Change): Partial<Change> =>
  Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)) as Partial<Change>

/** Capabilities and labels have no order of their own; the rest of a description are texts and numbers. */
const same = (a: BenchDescription, b: BenchDescription): boolean => {
  const { capabilities, labels, ...rest } = a
  const { capabilities: otherCapabilities, labels: otherLabels, ...otherRest } = b
  return sameMembers(rest, otherRest) && sameMembers(labels, otherLabels) && sameSet(capabilities, otherCapabilities)
}
const sameMembers = (a: object, b: object): boolean => {
  const members = Object.entries(a)
  return (
    members.length === Object.keys(b).length &&
    members.every(([name, value]) => (b as Readonly<Record<string, unknown>>)[name] === value)
  )
}
const sameSet = (a: readonly string[], b: readonly string[]): boolean => {
  const [own, others] = [new Set(a), new Set(b)]
  return own.size === others.size && own.isSubsetOf(others)
}

/** Nothing on a bench is due by itself: its windows end with their reservations. */
export const decider: Decider<BenchState, BenchCommand, BenchEvent> = {
  initial,
  decide,
  evolve,
  nextDue: () => undefined,
}
