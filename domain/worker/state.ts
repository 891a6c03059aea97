import type { Happened } from '../decider.ts'
import type { Instant } from '../ids.ts'
import type { WorkerEvent } from './events.ts'

export interface Worker {
  status: 'enrolled'
  labels: Readonly<Record<string, string>>
  /** Counts sessions; the newest one's is the fencing token. */
  epoch: number
  session: { epoch: number; benchIds: readonly string[]; agentVersion: string; openedAt: Instant } | null
}

export type WorkerState = { status: 'absent' } | Worker

export const initial: WorkerState = { status: 'absent' }

export const evolve = (state: WorkerState, event: Happened<WorkerEvent>): WorkerState => {
  if (event.type === 'WorkerEnrolled') {
    return state.status === 'absent'
      ? { status: 'enrolled', labels: event.data.labels, epoch: 0, session: null }
      : { ...state, labels: event.data.labels }
  }
  if (state.status === 'absent') return state
  switch (event.type) {
    case 'WorkerSessionOpened':
      return { ...state, epoch: event.data.epoch, session: { ...event.data, openedAt: event.at } }
    case 'WorkerSessionClosed':
    case 'WorkerSessionExpired':
      return state.session?.epoch === event.data.epoch ? { ...state, session: null } : state
  }
}
