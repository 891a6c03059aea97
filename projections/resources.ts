/** The resources of the API, each a function of what its stream folds to: the same for an answer, a view and a replay. */
import { type BenchState, occupancyOf } from '../domain/bench/state.ts'
import { phaseOf } from '../domain/execution/state.ts'
import type { ReservationState } from '../domain/reservation/state.ts'
import type { WorkerState } from '../domain/worker/state.ts'
import type { ExecutionBody } from './executions.ts'

export const benchResource = (benchId: string, state: BenchState, version: number) => {
  if (state.status === 'absent') return undefined
  const { description, serviceability, connectivity, session, descriptionVersion } = state
  return {
    benchId,
    ...description,
    serviceability,
    connectivity,
    occupancy: occupancyOf(state),
    ...session,
    descriptionVersion,
    version,
  }
}

export const reservationResource = (reservationId: string, state: ReservationState, version: number) => {
  if (state.status === 'absent') return undefined
  const {
    requestedAt: _,
    earliestStart: __,
    activatedAt: ___,
    isEnding: _ending,
    graceUntil: _until,
    isInGrace: _grace,
    ...fields
  } = state
  return { reservationId, ...fields, version }
}

export const workerResource = (workerId: string, state: WorkerState, version: number) =>
  state.status === 'absent'
    ? undefined
    : {
        workerId,
        labels: state.labels,
        epoch: state.epoch,
        ...(state.session && { session: state.session }),
        version,
      }

export const executionResource = (
  executionId: string,
  { state, details, ...fields }: ExecutionBody,
  version: number,
) => {
  if (state.status === 'absent') return undefined
  const {
    releaseReservation: _,
    rejectedReportCount: __,
    timeoutMs: ___,
    tasks: ____,
    runningSince: _since,
    cancel: _cancel,
    ending: _ending,
    ...execution
  } = state
  const phase = phaseOf(state)
  return {
    executionId,
    ...execution,
    ...(phase === undefined ? {} : { phase }),
    ...fields,
    tasks: tasksOf(state.tasks, details),
    version,
  }
}

const tasksOf = (
  tasks: Extract<ExecutionBody['state'], { tasks: unknown }>['tasks'],
  details: ExecutionBody['details'],
) =>
  tasks.map(({ name, phase, bench, status, needs, runs, attempts }) => ({
    name,
    phase,
    bench,
    status,
    needs,
    runs,
    attempts: attempts.map(({ timesOutAt: _, infrastructure: __, endedVersion: ___, artifacts: ____, ...attempt }) => ({
      ...attempt,
      artifacts: [],
      ...details[`${name}/${attempt.attempt}`],
    })),
  }))
