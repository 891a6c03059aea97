import { refusesAttempt } from '../bench/decide.ts'
import type { BenchState } from '../bench/state.ts'
import { isRejection, type Rejection } from '../decider.ts'
import { decide, type ExecutionCommand, type SubmitCommand } from '../execution/decide.ts'
import type { ExecutionEvent } from '../execution/events.ts'
import { executionUnknown } from '../execution/rejections.ts'
import type { Execution } from '../execution/state.ts'
import { plusMs, streamName } from '../ids.ts'
import { decide as decideReservation } from '../reservation/decide.ts'
import { reservationUnknown } from '../reservation/rejections.ts'
import { isLive } from '../reservation/state.ts'
import type { WorkerState } from '../worker/state.ts'
import { askBenches, type BenchAsk, benchAsksOf } from './consequences.ts'
import { type AddressedCommand, type Ask, type Decision, nothing, type Program, read, readAll } from './program.ts'

const reservationNotOpen = (reservationId: string, status: string): Rejection => ({
  rejection: 'ReservationNotOpen',
  detail: `reservation ${reservationId} is over: it was ${status}`,
  reservationId,
  reservationStatus: status,
})
const reservationNotActive = (reservationId: string, status: string): Rejection => ({
  rejection: 'ReservationNotActive',
  detail: `reservation ${reservationId} is ${status}`,
  reservationId,
  reservationStatus: status,
})

const isCurrent = (worker: WorkerState, epoch: number): boolean =>
  worker.status !== 'absent' && worker.session?.epoch === epoch
const sessionOver = ({ workerId, epoch }: { workerId: string; epoch: number }): Rejection => ({
  rejection: 'StaleEpoch',
  detail: `session ${epoch} of worker ${workerId} is over`,
  workerId,
  epoch,
})

/** SubmitExecution: taken while its reservation is not over, before the window opens too. */
export function* submitExecution(command: AddressedCommand): Program {
  const { tenant, id, at } = command
  const data = command.data as SubmitCommand['data']
  const state = yield* read(tenant, 'execution', id)
  const reservation = yield* read(tenant, 'reservation', data.reservationId)
  if (reservation.status === 'absent') return reservationUnknown(data.reservationId)
  if (!isLive(reservation) || reservation.end <= at) return reservationNotOpen(data.reservationId, reservation.status)
  const events = decide(state, { type: 'SubmitExecution', data, id, at, benchIds: reservation.benchIds })
  return isRejection(events)
    ? (events as Rejection)
    : { changes: [{ stream: streamName(tenant, 'execution', id), events }] }
}

/** ClaimTask: an attempt starts only on a bench that is in service, served by this session, and held by an active reservation now. */
export function* claimTask(command: AddressedCommand): Program {
  const { tenant, id, at } = command
  const data = command.data as Extract<ExecutionCommand, { type: 'ClaimTask' }>['data']
  const state = yield* read(tenant, 'execution', id)
  if (state.status === 'absent') return executionUnknown(id)
  // A session that has expired may still be what its benches show: the worker's own history goes first.
  const worker = yield* read(tenant, 'worker', data.workerId)
  if (!isCurrent(worker, data.epoch)) return sessionOver(data)
  const reservation = yield* read(tenant, 'reservation', state.reservationId)
  if (reservation.status !== 'active') return reservationNotActive(state.reservationId, reservation.status)
  const isOnItsBenches = state.runningSince !== undefined && state.status !== 'interrupted'
  const benches = yield* benchesOf(
    tenant,
    isOnItsBenches ? [data.benchId] : [...new Set([data.benchId, ...state.benchIds])],
  )
  const { reservationId } = state
  const refusal = refusesAttempt(benches.get(data.benchId) ?? { status: 'absent' }, { ...data, reservationId }, at)
  if (refusal !== undefined) return refusal
  return withBenches(
    command,
    state,
    decide(state, { type: 'ClaimTask', data, id, at, windowEnd: reservation.end }),
    benches,
  )
}

/** Every other command on an execution that exists. */
export function* changeExecution(command: AddressedCommand): Program {
  const { tenant, id, at, type, data } = command
  const state = yield* read(tenant, 'execution', id)
  if (state.status === 'absent') return executionUnknown(id)
  const facts = yield* factsFor(command, state)
  if (isRejection(facts)) return facts
  const events = decide(state, { type, data, id, at, ...facts } as ExecutionCommand)
  if (reports.has(type) && !isRejection(events) && events.length === 0)
    return alreadyReported(state, data as ReportedAttempt)
  const finishes = !isRejection(events) && events.some((event) => event.type === 'ExecutionFinished')
  return withBenches(command, state, events, finishes ? yield* benchesOf(tenant, state.benchIds) : new Map())
}

interface ReportedAttempt {
  taskName: string
  attempt: number
}

const alreadyReported = (state: Execution, { taskName, attempt }: ReportedAttempt): Decision => {
  const doneAt = state.tasks
    .find(({ name }) => name === taskName)
    ?.attempts.find((one) => one.attempt === attempt)?.endedVersion
  return doneAt === undefined ? nothing : { changes: [], doneAt }
}

type Facts = { benchIds?: readonly string[]; graceMs?: number; isExtended?: boolean; isFenced?: boolean }

const reports: ReadonlySet<string> = new Set([
  'CompleteAttempt',
  'FailAttempt',
  'AcknowledgeCancel',
  'AnnounceArtifact',
  'RecordArtifact',
])

const asksReservation: ReadonlySet<string> = new Set(['CancelExecution', 'RedriveExecution', 'FollowReservation'])

/** What some commands must know of the reservation, and reports of the session they come from. */
function* factsFor(
  { tenant, type, at, data }: AddressedCommand,
  state: Execution,
): Generator<Ask, Facts | Rejection, unknown> {
  if (reports.has(type)) {
    const { workerId, epoch } = data as { workerId: string; epoch: number }
    const worker = yield* read(tenant, 'worker', workerId)
    return { isFenced: !isCurrent(worker, epoch) }
  }
  const endsNow = type === 'Tick' && state.ending !== undefined && state.ending.cancelAt <= at
  if (type === 'Tick' && !endsNow) return { isExtended: false }
  if (!asksReservation.has(type) && !endsNow) return {}
  const reservation = yield* read(tenant, 'reservation', state.reservationId)
  if (reservation.status === 'absent') return reservationUnknown(state.reservationId)
  if (type === 'FollowReservation') return { benchIds: reservation.benchIds }
  if (type === 'RedriveExecution' && (!isLive(reservation) || reservation.end <= at))
    return reservationNotOpen(state.reservationId, reservation.status)
  return { graceMs: reservation.graceMs, isExtended: reservation.status === 'active' && reservation.isEnding !== true }
}

/**
 * ExtendGrace: the window ends soon. If nothing follows on its benches, one append moves their hold to the end of the grace,
 * and what runs is asked to stop at the window's end; if something follows, it is asked now.
 */
export function* extendGrace(command: AddressedCommand): Program {
  const { tenant, id, at } = command
  const state = yield* read(tenant, 'execution', id)
  if (state.status === 'absent') return executionUnknown(id)
  const { reservationId } = state
  const reservation = yield* read(tenant, 'reservation', reservationId)
  if (reservation.status !== 'active' || reservation.isEnding !== true) return nothing
  const benches = yield* benchesOf(tenant, reservation.benchIds)
  const until = reservation.graceUntil ?? plusMs(reservation.end, reservation.graceMs)
  const hold = { type: 'ExtendHold' as const, data: { until }, id: reservationId, at, seen: nobody }
  const extended = decideReservation(reservation, hold)
  if (isRejection(extended)) return extended
  const held = askBenches(
    tenant,
    benches,
    extended.flatMap((event) => benchAsksOf(reservationId, reservation, event)),
    at,
  )
  const ending = isRejection(held) ? { cancelAt: at, until: reservation.end } : { cancelAt: reservation.end, until }
  const events = decide(state, { type: 'ExtendGrace', data: {}, id, at, ending })
  if (isRejection(events)) return events as Rejection
  if (events.length === 0) return nothing
  const own = { stream: streamName(tenant, 'execution', id), events }
  if (isRejection(held) || extended.length === 0) return { changes: [own] }
  return { changes: [own, { stream: streamName(tenant, 'reservation', reservationId), events: extended }, ...held] }
}

/** Holding on to its benches depends on nothing that runs there. */
const nobody = { occupied: true, occupiedByOther: false, everOccupied: true }

function* benchesOf(
  tenant: string,
  benchIds: readonly string[],
): Generator<Ask, ReadonlyMap<string, BenchState>, unknown> {
  const states = yield* readAll(tenant, 'bench', benchIds)
  return new Map(benchIds.map((benchId, index) => [benchId, states[index] as BenchState]))
}

/** Starting occupies every bench of the execution, finishing vacates them, in the same append. */
const withBenches = (
  { tenant, id, at }: AddressedCommand,
  state: Execution,
  events: ReturnType<typeof decide>,
  benches: ReadonlyMap<string, BenchState>,
): Decision => {
  const stream = streamName(tenant, 'execution', id)
  if (isRejection(events)) {
    const { evidence = [], ...rejection } = events
    return evidence.length === 0 ? rejection : { ...rejection, evidence: [{ stream, events: evidence }] }
  }
  if (events.length === 0) return nothing
  const asked = askBenches(
    tenant,
    benches,
    events.flatMap((event) => benchAsks(id, state, event)),
    at,
  )
  return isRejection(asked) ? asked : { changes: [{ stream, events }, ...asked] }
}

const benchAsks = (executionId: string, state: Execution, event: ExecutionEvent): readonly BenchAsk[] => {
  if (event.type === 'ExecutionStarted' || event.type === 'ExecutionResumed')
    return state.benchIds.map((benchId) => ({
      benchId,
      type: 'OccupyBench',
      data: { executionId, reservationId: state.reservationId },
    }))
  if (event.type === 'ExecutionFinished')
    return state.benchIds.map((benchId) => ({ benchId, type: 'VacateBench', data: { executionId } }))
  return []
}
