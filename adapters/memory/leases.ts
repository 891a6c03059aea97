import { plusMs } from '../../domain/ids.ts'
import type { Lease } from '../../domain/ports.ts'
import type { Leases } from '../../projections/services.ts'

/** The least recently renewed of more than this are forgotten: their workers open new sessions. */
const leaseCountMax = 100_000

/** The liveness of sessions, in this process: a lease that is lost with it is opened again by who opens the house. */
export const openLeases = () => {
  const leases = new Map<string, Lease>()
  const keyOf = (tenant: string, workerId: string): string => `${tenant}/${workerId}`
  /** The order of the Map is that of renewal. */
  const put = (lease: Lease): Lease => {
    const key = keyOf(lease.tenant, lease.workerId)
    leases.delete(key)
    leases.set(key, lease)
    for (const oldest of leases.keys()) {
      if (leases.size <= leaseCountMax) break
      leases.delete(oldest)
    }
    return lease
  }
  return {
    /** A lease of an older epoch than the one that is there changes nothing: its session has been superseded. */
    open: (lease) => {
      const known = leases.get(keyOf(lease.tenant, lease.workerId))
      if (known === undefined || known.epoch <= lease.epoch) put(lease)
    },
    /** The lease goes on for as long as it was opened for. */
    renew: (tenant, workerId, epoch, at) => {
      const known = leases.get(keyOf(tenant, workerId))
      if (known?.epoch !== epoch) return 'stale-epoch'
      const leaseMs = Date.parse(known.expiresAt) - Date.parse(known.lastSeenAt)
      return put({ ...known, lastSeenAt: at, expiresAt: plusMs(at, leaseMs) })
    },
    close: (tenant, workerId, epoch) => {
      const key = keyOf(tenant, workerId)
      if (leases.get(key)?.epoch === epoch) leases.delete(key)
    },
    get: (tenant, workerId) => leases.get(keyOf(tenant, workerId)),
  } satisfies Leases
}
