/**
 * The leases as the last beats that were answered here have left them: a worker that claims right after a beat needs no look
 * at the store, which is a call where leases are at the end of a line. What another server has done to a lease since is seen
 * a beat later: whether its session is still open the claim's own append proves, and who was told to drain may be given one
 * task more.
 */
import type { Lease } from '../../domain/leaseStore.ts'
import type { AnyCall } from './call.ts'
import type { House } from './house.ts'
import { createLru } from './lru.ts'
import type { Reply } from './replies.ts'

/** Workers whose last beats are remembered. */
const workerCountMax = 10_000

export interface LastBeats {
  note(lease: Lease): void
  forget(tenant: string, workerId: string): void
  /** As a beat has shown it since the last was due, or as the store has it. */
  lease: House['leases']['get']
}

export const createLastBeats = (house: House): LastBeats => {
  const beats = createLru<{ lease: Lease | undefined; atMs: number }>(workerCountMax)
  const nowMs = (): number => Date.parse(house.now())
  const set = (tenant: string, workerId: string, lease: Lease | undefined): void =>
    beats.set(`${tenant}/${workerId}`, { lease, atMs: nowMs() })
  return {
    note: (lease) => set(lease.tenant, lease.workerId, lease),
    forget: (tenant, workerId) => set(tenant, workerId, undefined),
    lease: async (tenant, workerId) => {
      const { lease, atMs } = beats.get(`${tenant}/${workerId}`) ?? { lease: undefined, atMs: 0 }
      const ageMs = nowMs() - atMs
      const isRecent = ageMs >= 0 && ageMs <= house.settings.heartbeatEveryMs
      return lease !== undefined && isRecent ? lease : house.leases.get(tenant, workerId)
    },
  }
}

/** Around what changes a worker's lease other than by a beat: seen at once, from before it is done. */
export const forgetting =
  <Of extends AnyCall>(beats: LastBeats, handle: (call: Of) => Reply | Promise<Reply>) =>
  async (call: Of): Promise<Reply> => {
    const { workerId } = call.params as { workerId: string }
    beats.forget(call.tenant, workerId)
    try {
      return await handle(call)
    } finally {
      beats.forget(call.tenant, workerId)
    }
  }
