import type { Command, DataOf, Decider, Rejection } from '../decider.ts'
import { type Instant, later, msBetween, plusMs } from '../ids.ts'
import * as commands from './commands.ts'
import { type BenchesSeen, nextDue, whatIsDue } from './due.ts'
import type { Explanation, ReservationEvent } from './events.ts'
import {
  alreadyActive,
  badLength,
  executionRunning,
  horizonMs,
  idTaken,
  inThePast,
  notActive,
  over,
  reservationUnknown,
  tooFar,
} from './rejections.ts'
import { evolve, initial, isOver, type Reservation, type ReservationState } from './state.ts'

type Data<Type extends keyof typeof commands> = DataOf<typeof commands, Type>

/** Where a reservation was found a place: what the benches' calendars said. */
export interface Placed {
  /** The asked start: nothing is pulled forward to before it. */
  earliestStart: Instant
  latestStart: Instant
  start: Instant
  end: Instant
  benchIds: readonly string[]
  /** Not the window that was asked for, but the earliest one. */
  queued: boolean
  decision: Explanation
}

type Plain<
  Type extends
    | 'AmendReservation'
    | 'TransferReservation'
    | 'CheckInReservation'
    | 'ReleaseReservation'
    | 'CancelReservation'
    | 'EvictReservation'
    | 'ExtendHold'
    | 'Tick',
> = Command<Type, Data<Type>> & { seen: BenchesSeen }

export type ReservationCommand =
  | (Command<'RequestReservation', Data<'RequestReservation'>> & { placed: Placed })
  | (Command<'PullForward', Data<'PullForward'>> & { placed: Placed | undefined })
  | Plain<'AmendReservation'>
  | Plain<'TransferReservation'>
  | Plain<'CheckInReservation'>
  | Plain<'ReleaseReservation'>
  | Plain<'CancelReservation'>
  | Plain<'EvictReservation'>
  | Plain<'ExtendHold'>
  | Plain<'Tick'>

type Answer = readonly ReservationEvent[] | Rejection

/** A start so little in the past counts as now. */
export const startToleranceMs = 60_000
/** Default of `latestStart`, from the asked start: 24 hours. */
export const queueHorizonMs = 86_400_000

/** The window that is asked for at an instant, or why there can't be one. */
export const windowAsked = (
  asked: { start?: Instant | undefined; end?: Instant | undefined; durationMs?: number | undefined },
  at: Instant,
): { start: Instant; end: Instant } | Rejection => {
  const wanted = asked.start ?? at
  if (msBetween(wanted, at) > startToleranceMs) return inThePast(wanted, at)
  const start = later(wanted, at)
  return validWindow(start, asked.end ?? plusMs(start, asked.durationMs ?? 0), at)
}

const validWindow = (start: Instant, end: Instant, at: Instant): { start: Instant; end: Instant } | Rejection => {
  const length = msBetween(start, end)
  if (msBetween(at, start) > horizonMs) return tooFar(start, at)
  if (end <= at) return inThePast(end, at)
  if (length < commands.lengthMs.min || length > commands.lengthMs.max) return badLength(start, end)
  return { start, end }
}

export const decide = (state: ReservationState, command: ReservationCommand): Answer => {
  if (command.type === 'RequestReservation') return requestReservation(state, command)
  if (state.status === 'absent') return reservationUnknown(command.id)
  if (command.type === 'PullForward') return pullForward(state, command.placed)
  if (isOver(state)) return afterTheEnd(state, command)
  const due = whatIsDue(state, command.at, command.seen)
  const now = due.reduce(
    (folded: ReservationState, event) => evolve(folded, { ...event, version: 0, at: command.at }),
    state,
  )
  const answer = now === state ? onLive(state, command) : decideAgain(now, command)
  return 'rejection' in answer ? answer : [...due, ...answer]
}

/** What is due happens first, so that no command depends on how late the clock is. */
const decideAgain = (state: ReservationState, command: Exclude<ReservationCommand, { placed: unknown }>): Answer => {
  if (state.status === 'absent') return reservationUnknown(command.id)
  return isOver(state) ? afterTheEnd(state, command) : onLive(state, command)
}

const onLive = (state: Reservation, command: Exclude<ReservationCommand, { placed: unknown }>): Answer => {
  switch (command.type) {
    case 'AmendReservation':
      return amendReservation(state, command.data, command.at)
    case 'TransferReservation':
      return transferReservation(state, command.data)
    case 'CheckInReservation':
      return checkInReservation(state)
    case 'ReleaseReservation':
      return releaseReservation(state, command.seen)
    case 'CancelReservation':
      return cancelReservation(state)
    case 'EvictReservation':
      return [{ type: 'ReservationCancelled', data: { retiredBenchId: command.data.benchId } }]
    case 'ExtendHold':
      return state.isEnding === true && state.graceUntil === undefined
        ? [{ type: 'ReservationGraceExtended', data: command.data }]
        : []
    case 'Tick':
      return []
  }
}

/** A transition already made is a no-op; everything else is refused once the reservation is over. */
const afterTheEnd = (state: Reservation, command: Exclude<ReservationCommand, { placed: unknown }>): Answer => {
  if (command.type === 'Tick' || command.type === 'EvictReservation' || command.type === 'ExtendHold') return []
  if (command.type === 'ReleaseReservation' && state.status === 'released') return []
  if (command.type === 'CancelReservation' && state.status === 'cancelled') return []
  return over(state)
}

const requestReservation = (
  state: ReservationState,
  { id, data, placed }: Extract<ReservationCommand, { type: 'RequestReservation' }>,
): Answer => {
  if (state.status !== 'absent') return idTaken(id)
  const { reservationId: _, durationMs: __, start: ___, end: ____, latestStart: _____, purpose, ...asked } = data
  const event = {
    ...asked,
    ...(purpose === undefined ? {} : { purpose }),
    ...(asked.queue ? { latestStart: placed.latestStart } : {}),
    earliestStart: placed.earliestStart,
    benches: asked.benches,
    benchIds: placed.benchIds,
    start: placed.start,
    end: placed.end,
    decision: placed.decision,
  }
  return [{ type: placed.queued ? 'ReservationQueued' : 'ReservationConfirmed', data: event }]
}

const pullForward = (state: Reservation, placed: Placed | undefined): Answer => {
  if (state.status !== 'queued' || placed === undefined || placed.start >= state.start) return []
  const { start, end, benchIds, decision } = placed
  return [
    {
      type: 'ReservationPulledForward',
      data: { start, end, benchIds, decision, from: { start: state.start, end: state.end, benchIds: state.benchIds } },
    },
  ]
}

const amendReservation = (state: Reservation, data: Data<'AmendReservation'>, at: Instant): Answer => {
  const asked = data.start ?? state.start
  const start = asked !== state.start && asked < at && msBetween(asked, at) <= startToleranceMs ? at : asked
  const end = data.end ?? state.end
  if (start === state.start && end === state.end) return []
  if (state.status === 'active' && start !== state.start)
    return alreadyActive(state, 'the reservation is active: only its end can be amended')
  if (start !== state.start && start < at) return inThePast(start, at)
  const window = validWindow(start, end, at)
  if ('rejection' in window) return window
  return [{ type: 'ReservationAmended', data: { ...window, from: { start: state.start, end: state.end } } }]
}

const transferReservation = (state: Reservation, { holder }: Data<'TransferReservation'>): Answer =>
  holder === state.holder ? [] : [{ type: 'ReservationTransferred', data: { holder, from: state.holder } }]

const checkInReservation = (state: Reservation): Answer => {
  if (state.status !== 'active') return notActive(state)
  return state.checkedInAt === undefined ? [{ type: 'ReservationCheckedIn', data: { by: 'request' } }] : []
}

const releaseReservation = (state: Reservation, seen: BenchesSeen): Answer => {
  if (state.status !== 'active') return notActive(state)
  return seen.occupied ? executionRunning : [{ type: 'ReservationReleased', data: {} }]
}

const cancelReservation = (state: Reservation): Answer =>
  state.status === 'active'
    ? alreadyActive(state, 'the reservation is active: release it instead')
    : [{ type: 'ReservationCancelled', data: {} }]

export const decider: Decider<ReservationState, ReservationCommand, ReservationEvent> = {
  initial,
  decide,
  evolve,
  nextDue,
}
