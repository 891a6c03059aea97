import type { Happened } from '../domain/decider.ts'
import { decider } from '../domain/execution/decide.ts'
import type { ExecutionEvent } from '../domain/execution/events.ts'
import { type Execution, type ExecutionState, phaseOf, type Task, type TaskStatus } from '../domain/execution/state.ts'
import { type AttemptDetail, derivedTask, type TaskRow, type TaskTold, taskRow } from './tasks.ts'
import type { View } from './view.ts'

/** What was submitted beside the plan. */
interface Submitted {
  commitSha?: string
  suite?: string
  parameters?: Readonly<Record<string, unknown>>
}

/** An execution as the views fold it. Its rows: a small one of its own, and one for each task (tasks.ts). */
export interface ExecutionBody extends Submitted {
  state: ExecutionState
  /** Beside the state's tasks, in the order of the plan. */
  told: readonly TaskTold[]
  /** What it takes in memory, about. */
  bytes: number
}

/** The execution's own row: all but its tasks, however many those are. */
export interface ExecutionRow
  extends Submitted,
    Omit<Execution, 'tasks' | 'openTaskCount' | 'rejectedReportCount' | 'callback'> {
  phase?: Task['phase']
  taskCount: number
  /** By status; none are left out. */
  taskCounts: Readonly<Partial<Record<TaskStatus, number>>>
}

/** Which executions are there, and how far are they? */
export const executions: View<ExecutionBody> = {
  name: 'executions',
  kind: 'execution',
  project: (body, recorded) => {
    const event = recorded as unknown as Happened<ExecutionEvent>
    const before = body?.state ?? decider.initial
    const state = decider.evolve(before, event)
    const detail = detailOf(event)
    return {
      ...body,
      ...submitted(event),
      state,
      told: toldAfter(body?.told ?? [], before, state, event, detail),
      bytes: (body?.bytes ?? 0) + bytesOf(event, detail),
    }
  },
  entries: (_, { state }) =>
    state.status === 'absent'
      ? []
      : [
          { index: 'reservation_idx', partition: state.reservationId, sort: state.submittedAt },
          { index: 'status_idx', partition: state.status, sort: state.submittedAt },
          { index: 'all_idx', partition: 'executions', sort: state.submittedAt },
          ...state.benchIds.map((benchId) => ({
            index: 'bench_executions_idx',
            partition: benchId,
            sort: state.submittedAt,
          })),
        ],
  nextDue: ({ state }) => decider.nextDue(state),
  split: {
    view: 'tasks',
    head: (body) => executionRow(body),
    rows: (id, { state, told }, since) =>
      state.status === 'absent'
        ? []
        : told.flatMap((one, place) => (one.version > since ? derivedTask(id, state, place, one) : [])),
    bytes: ({ bytes }) => bytes,
  },
}

export const executionRow = ({ state, told: _, bytes: __, ...fields }: ExecutionBody): ExecutionRow | undefined => {
  if (state.status === 'absent') return undefined
  const { tasks, openTaskCount: _open, rejectedReportCount: _rejected, callback: _callback, ...own } = state
  const phase = phaseOf(state)
  return {
    ...own,
    ...fields,
    ...(phase === undefined ? {} : { phase }),
    taskCount: tasks.length,
    taskCounts: countsOf(tasks),
  }
}

/** All its tasks, in the order of the plan. */
export const taskRows = (executionId: string, { state, told }: ExecutionBody): readonly TaskRow[] =>
  state.status === 'absent' ? [] : told.flatMap((one, place) => taskRow(executionId, state, place, one) ?? [])

const countsOf = (tasks: readonly Task[]): ExecutionRow['taskCounts'] => {
  const counts: Partial<Record<TaskStatus, number>> = {}
  for (const { status } of tasks) counts[status] = (counts[status] ?? 0) + 1
  return counts
}

const submitted = ({ type, data }: Happened<ExecutionEvent>): Submitted => {
  if (type !== 'ExecutionSubmitted') return {}
  const { commitSha, suite, parameters } = data
  return {
    ...(commitSha === undefined ? {} : { commitSha }),
    ...(suite === undefined ? {} : { suite }),
    ...(parameters === undefined ? {} : { parameters }),
  }
}

interface Detailed {
  taskName: string
  attempt: number
  detail: AttemptDetail
}

const detailOf = ({ type, data }: Happened<ExecutionEvent>): Detailed | undefined => {
  if (type !== 'AttemptPassed' && type !== 'AttemptFailed' && type !== 'AttemptTimedOut' && type !== 'AttemptLost')
    return undefined
  const { taskName, attempt } = data
  const detail = {
    ...('reason' in data ? { reason: data.reason } : {}),
    ...('result' in data ? { result: data.result } : {}),
    artifacts: 'artifacts' in data ? data.artifacts : [],
  }
  return { taskName, attempt, detail }
}

const none: TaskTold = { version: 0, details: {} }

/**
 * The tasks whose rows are other than before get the event's version; a task that is only counted anew keeps its own. Most
 * are the same objects as before: a thousand of them are compared in a microsecond or two.
 */
const toldAfter = (
  told: readonly TaskTold[],
  before: ExecutionState,
  after: ExecutionState,
  { type, version }: Happened<ExecutionEvent>,
  detailed: Detailed | undefined,
): readonly TaskTold[] => {
  const [former, tasks, isMoved] = [tasksOf(before), tasksOf(after), type === 'ExecutionMoved']
  if (former === tasks && !isMoved) return told
  const next = told.slice()
  for (let place = 0; place < tasks.length; place++) {
    const task = tasks[place]
    if (task === undefined || (former[place] === task && !isMoved)) continue
    if (isShownOtherwise(former[place], task) || (isMoved && isClaimable(task)))
      next[place] = toldOf(told[place], task, version, detailed)
  }
  return next
}

const tasksOf = (state: ExecutionState): readonly Task[] => (state.status === 'absent' ? [] : state.tasks)

const isShownOtherwise = (before: Task | undefined, after: Task): boolean =>
  before?.status !== after.status || before.attempts !== after.attempts || before.retryAt !== after.retryAt

/** It stands among what can be claimed on its bench. */
const isClaimable = ({ status }: Task): boolean => status === 'ready' || status === 'waiting-retry'

const toldOf = ({ details } = none, task: Task, version: number, detailed: Detailed | undefined): TaskTold => {
  if (detailed?.taskName !== task.name) return { version, details }
  return { version, details: { ...details, [detailed.attempt]: detailed.detail } }
}

const [bytesPerExecution, bytesPerTask, bytesPerNeed, bytesPerAttempt] = [1_000, 700, 16, 600]

/** What an event adds to the fold. */
const bytesOf = ({ type, data }: Happened<ExecutionEvent>, detailed: Detailed | undefined): number => {
  if (type === 'ExecutionSubmitted')
    return data.tasks.reduce((sum, { needs }) => sum + bytesPerTask + needs.length * bytesPerNeed, bytesPerExecution)
  if (type === 'AttemptStarted') return bytesPerAttempt
  if (type === 'ArtifactRecorded') return data.path.length + data.sha256.length + bytesPerTask
  return detailed?.detail.result === undefined ? 0 : 2 * JSON.stringify(detailed.detail.result).length
}
