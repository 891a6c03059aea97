import { refusesAttempt } from '../bench/decide.ts'
import type { BenchState } from '../bench/state.ts'
import { isRejection, type Rejection } from '../decider.ts'
import { decide, type ExecutionCommand, type SubmitCommand } from '../execution/decide.ts'
import type { ExecutionEvent } from '../execution/events.ts'
import { executionUnknown } from '../execution/rejections.ts'
import type { Execution } from '../execution/state.ts'
import { streamName } from '../ids.ts'
import { reservationUnknown } from '../reservation/rejections.ts'
import { isLive } from '../reservation/state.ts'
import { askBenches, type BenchAsk } from './consequences.ts'
import { type AddressedCommand, type Decision, nothing, type Program, read, readAll } from './program.ts'

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
  const reservation = yield* read(tenant, 'reservation', state.reservationId)
  if (reservation.status !== 'active') return reservationNotActive(state.reservationId, reservation.status)
  const ids = state.status === 'queued' ? state.benchIds : [data.benchId]
  const states = yield* readAll(tenant, 'bench', ids)
  const benches = new Map(ids.map((benchId, index) => [benchId, states[index] as BenchState]))
  const { reservationId } = state
  const refusal = refusesAttempt(benches.get(data.benchId) ?? { status: 'absent' }, { ...data, reservationId }, at)
  if (refusal !== undefined) return refusal
  return withBenches(command, state, decide(state, { type: 'ClaimTask', data, id, at }), benches)
}

/** Every other command on an execution that exists. */
export function* changeExecution(command: AddressedCommand): Program {
  const { tenant, id, at, type, data } = command
  const state = yield* read(tenant, 'execution', id)
  if (state.status === 'absent') return executionUnknown(id)
  const events = decide(state, { type, data, id, at } as ExecutionCommand)
  if (isRejection(events) || !events.some((event) => event.type === 'ExecutionFinished'))
    return withBenches(command, state, events, new Map())
  const states = yield* readAll(tenant, 'bench', state.benchIds)
  return withBenches(
    command,
    state,
    events,
    new Map(state.benchIds.map((benchId, index) => [benchId, states[index] as BenchState])),
  )
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
  if (event.type === 'ExecutionStarted')
    return state.benchIds.map((benchId) => ({
      benchId,
      type: 'OccupyBench',
      data: { executionId, reservationId: state.reservationId },
    }))
  if (event.type === 'ExecutionFinished')
    return state.benchIds.map((benchId) => ({ benchId, type: 'VacateBench', data: { executionId } }))
  return []
}
