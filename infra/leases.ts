import { type Instant, plusMs } from '../domain/ids.ts'
import type { WorkerState } from '../domain/worker/state.ts'
import type { Leases, Views } from '../projections/services.ts'

const pageLimit = 500

/** The sessions that were open when the process ended get a whole lease again: nobody is lost because the house was away. */
export const restoreLeases = async (
  views: Views,
  leases: Leases,
  { tenant, now, leaseMs }: { tenant: string; now: Instant; leaseMs: number },
): Promise<void> => {
  let cursor: string | undefined
  do {
    const question = { view: 'workers', tenant, index: 'session_idx', partition: 'open', limit: pageLimit }
    const page = await views.query(cursor === undefined ? question : { ...question, cursor })
    for (const { id, body } of page.rows) {
      const state = body as WorkerState
      if (state.status === 'absent' || state.session === null) continue
      const { epoch, benchIds } = state.session
      const times = { lastSeenAt: now, expiresAt: plusMs(now, leaseMs) }
      if (leases.get(tenant, id)?.epoch !== epoch)
        leases.open({ workerId: id, tenant, epoch, benchIds, flags: [], ...times })
    }
    cursor = page.nextCursor
  } while (cursor !== undefined)
}
