import type { Happened } from '../domain/decider.ts'
import { decider } from '../domain/execution/decide.ts'
import type { ExecutionEvent } from '../domain/execution/events.ts'
import type { ExecutionState } from '../domain/execution/state.ts'
import type { IndexEntry } from '../domain/ports.ts'
import type { View } from './view.ts'

/** What an attempt reported: kept beside the state, which decides without it. */
export interface AttemptDetail {
  reason?: string
  result?: unknown
  artifacts: readonly string[]
}

export interface ExecutionBody {
  state: ExecutionState
  commitSha?: string
  suite?: string
  parameters?: Readonly<Record<string, unknown>>
  /** By `{taskName}/{attempt}`; absent for an attempt without a report. */
  details: Readonly<Record<string, AttemptDetail>>
}

/** Which executions are there, and how far are they? */
export const executions: View<ExecutionBody> = {
  name: 'executions',
  kind: 'execution',
  project: (body, recorded) => {
    const event = recorded as unknown as Happened<ExecutionEvent>
    const state = decider.evolve(body?.state ?? decider.initial, event)
    return { ...(body ?? { details: {} }), ...submitted(event), state, ...detailed(body, event) }
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
          ...claimable(state),
          ...sessions(state),
        ],
  nextDue: ({ state }) => decider.nextDue(state),
}

/** A worker's session among those that run something. */
export const sessionKey = (workerId: string, epoch: number): string => `${workerId}/${epoch}`

/** Each session that runs an attempt now. */
const sessions = (state: ExecutionState): IndexEntry[] => {
  if (state.status === 'absent' || state.status === 'finished') return []
  const live = state.tasks.flatMap(({ attempts }) => attempts.filter(({ status }) => status === 'started'))
  const keys = new Set(live.map(({ workerId, epoch }) => sessionKey(workerId, epoch)))
  return [...keys].map((partition) => ({ index: 'session_idx', partition, sort: state.submittedAt }))
}

/** A bench with something to claim: from when on its first task is ready. */
const claimable = (state: ExecutionState): IndexEntry[] => {
  if (state.status === 'absent' || state.status === 'finished') return []
  const earliest = new Map<string, string>()
  for (const task of state.tasks) {
    const from =
      task.status === 'ready' ? state.submittedAt : task.status === 'waiting-retry' ? task.retryAt : undefined
    if (from === undefined) continue
    for (const benchId of task.relocatable ? state.benchIds : state.benchIds.slice(task.bench, task.bench + 1)) {
      const known = earliest.get(benchId)
      if (known === undefined || from < known) earliest.set(benchId, from)
    }
  }
  return [...earliest].map(([partition, sort]) => ({ index: 'claimable_idx', partition, sort }))
}

const submitted = ({ type, data }: Happened<ExecutionEvent>): Partial<ExecutionBody> => {
  if (type !== 'ExecutionSubmitted') return {}
  const { commitSha, suite, parameters } = data
  return {
    ...(commitSha === undefined ? {} : { commitSha }),
    ...(suite === undefined ? {} : { suite }),
    ...(parameters === undefined ? {} : { parameters }),
  }
}

const detailed = (
  body: ExecutionBody | undefined,
  { type, data }: Happened<ExecutionEvent>,
): Partial<ExecutionBody> => {
  if (type !== 'AttemptPassed' && type !== 'AttemptFailed' && type !== 'AttemptTimedOut' && type !== 'AttemptLost')
    return {}
  const detail: AttemptDetail = {
    ...('reason' in data ? { reason: data.reason } : {}),
    ...('result' in data ? { result: data.result } : {}),
    artifacts: 'artifacts' in data ? data.artifacts : [],
  }
  return { details: { ...body?.details, [`${data.taskName}/${data.attempt}`]: detail } }
}
