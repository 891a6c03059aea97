import {
  type Beat,
  flagCountMax,
  type Lease,
  type LeaseFlag,
  type LeaseStore,
  type Renewal,
} from '../../domain/leaseStore.ts'

const pageCountMax = 1_000

type Leases = Map<string, Lease>
type Found = (seen: Pick<Lease, 'tenant' | 'workerId' | 'epoch'>) => Lease | undefined

const keyOf = ({ tenant, workerId }: Pick<Lease, 'tenant' | 'workerId'>): string => `${tenant}/${workerId}`
const put = (leases: Leases, lease: Lease): boolean => leases.set(keyOf(lease), lease).size > 0

/**
 * Leases in this process: lost with it, and opened again by who opens the house. There are no more than open sessions, of
 * which a bench has one at most.
 */
export const openLeases = () => {
  const leases: Leases = new Map()
  /** If it is this session's. */
  const find: Found = (session) => {
    const known = leases.get(keyOf(session))
    return known?.epoch === session.epoch ? known : undefined
  }
  return {
    open: async (lease) => {
      const known = leases.get(keyOf(lease))
      if (known !== undefined && known.epoch >= lease.epoch) return known.epoch > lease.epoch ? 'superseded' : 'known'
      put(leases, lease)
      return 'opened'
    },
    renew: async (beat) => renew(leases, beat),
    get: async (tenant, workerId) => leases.get(keyOf({ tenant, workerId })),
    close: async (tenant, workerId, epoch) => {
      if (find({ tenant, workerId, epoch }) !== undefined) leases.delete(keyOf({ tenant, workerId }))
    },
    flag: async (tenant, workerId, epoch, flag) => {
      const known = find({ tenant, workerId, epoch })
      if (known === undefined) return false
      if (known.flags.length >= flagCountMax || known.flags.some((other) => isSame(other, flag))) return true
      return put(leases, { ...known, flags: [...known.flags, flag] })
    },
    recover: async (tenant, workerId, epoch) => {
      const known = find({ tenant, workerId, epoch })
      if (known === undefined) return
      const { suspectedAt: _, ...lease } = known
      put(leases, lease)
    },
    ...conditional(leases, find),
    scan: () => pagesOf(leases),
  } satisfies LeaseStore
}

const renew = (leases: Leases, { tenant, workerId, epoch, seenAt, at, expiresAt, attempts }: Beat): Renewal => {
  const known = leases.get(keyOf({ tenant, workerId }))
  if (known === undefined || known.epoch < epoch) return { kind: 'unknown' }
  if (known.epoch > epoch || known.markedAt !== undefined) return { kind: 'stale', epoch: known.epoch }
  const before = known.beatAt === undefined ? {} : { beatBeforeAt: known.beatAt }
  const beat = { lastSeenAt: seenAt, beatAt: at, expiresAt, attempts, attemptsBefore: known.attempts }
  const lease = { ...known, ...before, ...beat }
  put(leases, lease)
  return { kind: 'renewed', lease }
}

/** Changes of a lease as it was seen, unless it was renewed or replaced since. */
const conditional = (leases: Leases, find: Found): Pick<LeaseStore, 'suspect' | 'mark'> => {
  const unchanged = (seen: Lease): Lease | undefined => {
    const known = find(seen)
    return known?.expiresAt === seen.expiresAt ? known : undefined
  }
  return {
    suspect: async (seen, at) => {
      const known = unchanged(seen)
      if (known === undefined || known.markedAt !== undefined) return false
      return put(leases, { ...known, suspectedAt: known.suspectedAt ?? at })
    },
    mark: async (seen, at) => {
      const known = unchanged(seen)
      return known !== undefined && put(leases, { ...known, markedAt: known.markedAt ?? at })
    },
  }
}

const isSame = (a: LeaseFlag, b: LeaseFlag): boolean =>
  a.kind === 'cancel-attempt' && b.kind === 'cancel-attempt'
    ? a.executionId === b.executionId && a.taskName === b.taskName && a.attempt === b.attempt
    : a.kind === b.kind

async function* pagesOf(leases: ReadonlyMap<string, Lease>): AsyncGenerator<readonly Lease[]> {
  let page: Lease[] = []
  for (const lease of leases.values()) {
    page.push(lease)
    if (page.length < pageCountMax) continue
    yield page
    page = []
  }
  if (page.length > 0) yield page
}
