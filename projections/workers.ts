import type { Happened } from '../domain/decider.ts'
import { decider } from '../domain/worker/decide.ts'
import type { WorkerEvent } from '../domain/worker/events.ts'
import type { WorkerState } from '../domain/worker/state.ts'
import type { View } from './view.ts'

/** Which workers are enrolled, and which of them are in a session (`session_idx`, partition `open`)? Sorted by id. */
export const workers: View<WorkerState> = {
  name: 'workers',
  kind: 'worker',
  project: (body, recorded) => decider.evolve(body ?? decider.initial, recorded as unknown as Happened<WorkerEvent>),
  entries: (id, state) => {
    if (state.status === 'absent') return []
    const all = { index: 'all_idx', partition: 'workers', sort: id }
    return state.session === null ? [all] : [all, { index: 'session_idx', partition: 'open', sort: id }]
  },
  nextDue: (state) => decider.nextDue(state),
}
