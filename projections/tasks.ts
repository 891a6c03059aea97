import type { Execution, Attempt as StateAttempt, Task, TaskStatus } from '../domain/execution/state.ts'
import type { IndexEntry } from '../domain/ports.ts'
import type { DerivedRow } from './view.ts'

/** What an attempt reported: kept beside the state, which decides without it. */
export interface AttemptDetail {
  reason?: string
  result?: unknown
  artifacts: readonly string[]
}

/** An attempt as a row has it: what the state says, and what was reported. */
export type AttemptRow = Omit<StateAttempt, 'timesOutAt' | 'artifacts'> & AttemptDetail

/** One task of an execution: a row of the view `tasks`, derived from the execution's stream. Its id: `{executionId}/{name}`. */
export interface TaskRow {
  executionId: string
  reservationId: string
  submittedAt: string
  /** Where it stands in the plan, from 0. */
  place: number
  name: string
  phase: Task['phase']
  bench: number
  needs: readonly string[]
  runs: Task['runs']
  status: TaskStatus
  retryAt?: string
  attempts: readonly AttemptRow[]
}

/** What its task, but not its state, is told by events. */
export interface TaskTold {
  /** Of the event that last changed the row. */
  version: number
  /** By the attempt's number. */
  details: Readonly<Record<number, AttemptDetail>>
}

const noDetail: AttemptDetail = { artifacts: [] }

export const taskRow = (executionId: string, state: Execution, place: number, told: TaskTold): TaskRow | undefined => {
  const task = state.tasks[place]
  if (task === undefined) return undefined
  const { name, phase, bench, needs, runs, status, retryAt } = task
  return {
    executionId,
    reservationId: state.reservationId,
    submittedAt: state.submittedAt,
    place,
    name,
    phase,
    bench,
    needs,
    runs,
    status,
    ...(retryAt === undefined ? {} : { retryAt }),
    attempts: task.attempts.map(({ timesOutAt: _, artifacts: __, ...attempt }) => ({
      ...attempt,
      ...(told.details[attempt.attempt] ?? noDetail),
    })),
  }
}

export const derivedTask = (
  executionId: string,
  state: Execution,
  place: number,
  told: TaskTold,
): readonly DerivedRow[] => {
  const [body, task] = [taskRow(executionId, state, place, told), state.tasks[place]]
  if (body === undefined || task === undefined) return []
  const row = { id: `${executionId}/${body.name}`, version: told.version, body }
  return [{ row, entries: entriesOf(body, benchesFor(state, task)) }]
}

const benchesFor = ({ benchIds }: Execution, task: Task): readonly string[] =>
  task.relocatable ? benchIds : benchIds.slice(task.bench, task.bench + 1)

/**
 * `execution_tasks_idx`: an execution's tasks in the order of the plan. `claimable_idx`: by bench, see below. `session_idx`:
 * what a worker's session runs. `bench_attempts_idx`: what ended on a bench, by when; of each task the last two.
 */
const entriesOf = (task: TaskRow, benchIds: readonly string[]): readonly IndexEntry[] => [
  { index: 'execution_tasks_idx', partition: task.executionId, sort: placeText(task) },
  ...claimableAt(task).flatMap((sort) => benchIds.map((partition) => ({ index: 'claimable_idx', partition, sort }))),
  ...task.attempts
    .filter(({ status }) => status === 'started')
    .map(({ workerId, epoch }) => ({
      index: 'session_idx',
      partition: sessionKey(workerId, epoch),
      sort: task.submittedAt,
    })),
  ...lastEnded(task.attempts).map((attempt) => ({
    index: 'bench_attempts_idx',
    partition: attempt.benchId,
    sort: endOrder(attempt),
  })),
]

/** A worker's session among those that run something. */
export const sessionKey = (workerId: string, epoch: number): string => `${workerId}/${epoch}`

/** Later ends sort higher. */
export const endOrder = ({ endedAt = '', endedVersion = 0 }: Pick<AttemptRow, 'endedAt' | 'endedVersion'>): string =>
  `${endedAt}/${String(endedVersion).padStart(10, '0')}`

/** On each bench the last two: who asks for the last two of a bench finds them, however often a task was tried. */
const lastEnded = (attempts: readonly AttemptRow[]): readonly AttemptRow[] => {
  const ended = attempts.filter(({ endedAt }) => endedAt !== undefined)
  return [...Map.groupBy(ended, ({ benchId }) => benchId).values()].flatMap((own) => own.slice(-2))
}

const placeText = ({ place }: TaskRow): string => String(place).padStart(4, '0')

/**
 * What can be claimed on a bench stands under its reservation, since only the active one's counts: first what is ready,
 * older executions first, then in the order of the plan; then what waits for a retry, by when that is due.
 */
const claimableAt = (task: TaskRow): readonly string[] => {
  const { status, reservationId, submittedAt, executionId, retryAt } = task
  const own = `${executionId}/${placeText(task)}`
  if (status === 'ready') return [`${reservationId}/ready/${submittedAt}/${own}`]
  return status === 'waiting-retry' && retryAt !== undefined ? [`${reservationId}/retry/${retryAt}/${own}`] : []
}

export interface SortRange {
  from: string
  to: string
}

/** `0` comes right after `/`: as a bound it includes, or leaves out, all that begins with what is before it. */
const allUnder = (prefix: string): SortRange => ({ from: `${prefix}/`, to: `${prefix}0` })

/** Where what is ready goes on after all that an execution has. */
export const readyAfter = ({ reservationId, submittedAt, executionId }: TaskRow): string =>
  allUnder(`${reservationId}/ready/${submittedAt}/${executionId}`).to

const retriesUntil = (reservationId: string, instant: string): string =>
  allUnder(`${reservationId}/retry/${instant}`).to

/** What is ready, then the retries that are due: neighbours in the index, so one range. */
export const claimableRange = (reservationId: string, now: string): SortRange => ({
  from: allUnder(`${reservationId}/ready`).from,
  to: retriesUntil(reservationId, now),
})

export const laterRetries = (reservationId: string, now: string): SortRange => ({
  from: retriesUntil(reservationId, now),
  to: allUnder(`${reservationId}/retry`).to,
})
