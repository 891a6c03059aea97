/** The resources of the API, each a function of what its stream folds to: the same for an answer, a view and a replay. */
import { type BenchState, occupancyOf } from '../domain/bench/state.ts'
import type { ReservationState } from '../domain/reservation/state.ts'
import type { WorkerState } from '../domain/worker/state.ts'
import { type ExecutionBody, type ExecutionRow, executionRow, taskRows } from './executions.ts'
import type { TaskRow } from './tasks.ts'

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
  row: ExecutionRow,
  tasks: readonly TaskRow[],
  version: number,
) => {
  const {
    releaseReservation: _,
    timeoutMs: __,
    runningSince: ___,
    cancel: ____,
    ending: _____,
    taskCount: _count,
    taskCounts: _counts,
    ...shown
  } = row
  return { executionId, ...shown, tasks: tasks.map(taskResource), version }
}

/** The same, of a fold; undefined before its birth. */
export const foldedExecution = (executionId: string, body: ExecutionBody, version: number) => {
  const row = executionRow(body)
  return row && executionResource(executionId, row, taskRows(executionId, body), version)
}

const taskResource = ({ name, phase, bench, status, needs, runs, attempts }: TaskRow) => ({
  name,
  phase,
  bench,
  status,
  needs,
  runs,
  attempts: attempts.map(({ infrastructure: _, endedVersion: __, ...attempt }) => attempt),
})
