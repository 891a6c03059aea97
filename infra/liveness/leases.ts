import type { BenchState } from '../../domain/bench/state.ts'
import { liveAttempt } from '../../domain/execution/settle.ts'
import type { ExecutionState } from '../../domain/execution/state.ts'
import type { LeasedSession } from '../../domain/leaseStore.ts'
import type { WorkerState } from '../../domain/worker/state.ts'
import type { Services } from '../../projections/services.ts'
import type { LiveAttempt } from './liveAttempts.ts'

const pageLimit = 500

export interface RestorePorts extends Pick<Services, 'views' | 'headOf'> {
  tenant: string
  /** A whole lease for a session; `isSuspected`: some of its benches are. */
  open: (session: LeasedSession, isSuspected: boolean) => Promise<void>
  inherit: (attempt: LiveAttempt) => void
}

/** The sessions that were open when the process ended get a whole lease again: nobody is lost because the house was away. */
export const restoreLeases = async (ports: RestorePorts): Promise<void> => {
  const { views, tenant } = ports
  let cursor: string | undefined
  do {
    const question = { view: 'workers', tenant, index: 'session_idx', partition: 'open', limit: pageLimit }
    const page = await views.query(cursor === undefined ? question : { ...question, cursor })
    for (const { id, body } of page.rows) {
      const state = body as WorkerState
      if (state.status === 'absent' || state.session === null) continue
      const { epoch, benchIds } = state.session
      await restoreLease(ports, { tenant, workerId: id, epoch, benchIds })
    }
    cursor = page.nextCursor
  } while (cursor !== undefined)
}

/** The session's lease, and what runs under it as history has it. */
export const restoreLease = async ({ headOf, open, inherit }: RestorePorts, session: LeasedSession): Promise<void> => {
  const { tenant, workerId, epoch } = session
  const heads = await Promise.all(session.benchIds.map((id) => headOf(tenant, 'bench', id)))
  const benches = heads.flatMap(({ state }) => {
    const bench = state as BenchState
    return bench.status === 'registered' && bench.session?.workerId === workerId && bench.session.epoch === epoch
      ? [bench]
      : []
  })
  const occupants = new Set(benches.flatMap(({ occupant }) => occupant?.executionId ?? []))
  for (const executionId of occupants) {
    const state = (await headOf(tenant, 'execution', executionId)).state as ExecutionState
    if (state.status === 'absent') continue
    for (const task of state.tasks) {
      const live = liveAttempt(task)
      if (live?.workerId !== workerId || live.epoch !== epoch) continue
      const { attempt, benchId } = live
      inherit({ tenant, workerId, epoch, benchId, executionId, taskName: task.name, attempt })
    }
  }
  await open(
    session,
    benches.some(({ connectivity }) => connectivity === 'suspected'),
  )
}

/** Whether history has it running. */
export const isLive = async (
  headOf: Services['headOf'],
  { tenant, executionId, taskName, attempt }: LiveAttempt,
): Promise<boolean> => {
  const state = (await headOf(tenant, 'execution', executionId)).state as ExecutionState
  const task = state.status === 'absent' ? undefined : state.tasks.find(({ name }) => name === taskName)
  return task !== undefined && liveAttempt(task)?.attempt === attempt
}
