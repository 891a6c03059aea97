import type { WorkerState } from '../../domain/worker/state.ts'
import { workerResource } from '../../projections/resources.ts'
import type { Call } from './call.ts'
import type { House } from './house.ts'
import { notFound } from './problems.ts'
import { find, list, viewBehind } from './reads.ts'
import { etag, type Reply, resource } from './replies.ts'

/** Liveness is not history: it stands in the lease of the worker's session. */
const liveness = async (house: House, tenant: string, workerId: string, state: WorkerState): Promise<object> => {
  if (state.status === 'absent' || state.session === null) return {}
  const lease = await house.leases.get(tenant, workerId)
  if (lease?.epoch !== state.session.epoch) return {}
  const draining = lease.flags.some(({ kind }) => kind === 'drain')
  return { lastHeartbeatAt: lease.lastSeenAt, isSilent: lease.suspectedAt !== undefined, isDraining: draining }
}

export const getWorker =
  (house: House) =>
  async (call: Call<'getWorker'>): Promise<Reply> => {
    const { tenant, params, query } = call
    const id = params.workerId
    const found = await find(house, { view: 'workers', tenant, id }, query, async () => {
      const { state, version } = await house.headOf(tenant, 'worker', id)
      return version === 0 ? undefined : { version, body: state }
    })
    if (found === 'behind') return viewBehind()
    const state = found?.body as WorkerState | undefined
    const shown = state && workerResource(id, state, found?.version ?? 0)
    if (state === undefined || shown === undefined) return notFound(`worker ${id}`)
    const live = query.consistent ? {} : await liveness(house, tenant, id, state)
    return resource({ ...shown, ...live }, 200, etag(shown.version))
  }

export const listWorkers =
  (house: House) =>
  (call: Call<'listWorkers'>): Promise<Reply> => {
    const { tenant } = call
    const question = { view: 'workers', tenant, index: 'all_idx', partition: 'workers' }
    return list(house, question, call.query, async ({ id, version, body }) => {
      const state = body as WorkerState
      return { ...workerResource(id, state, version), ...(await liveness(house, tenant, id, state)) }
    })
  }
