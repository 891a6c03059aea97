/** The end of a session whose worker is silent: fencing first, then history. Both can be done again, by whoever finds them half done. */
import type { Commit } from '../../domain/event.ts'
import { type StreamName, streamName } from '../../domain/ids.ts'
import type { Lease, LeaseStore } from '../../domain/leaseStore.ts'
import type { WorkerEvent } from '../../domain/worker/events.ts'
import type { Request, Services } from '../../projections/services.ts'
import type { Counters } from '../counters.ts'
import type { Log } from '../log.ts'
import { instantOf, type LeaseClock } from './leaseClock.ts'

export interface ExpiryPorts extends Pick<Services, 'submit' | 'headOf' | 'newId'> {
  store: LeaseStore
  clock: LeaseClock
  log: Log
  counters: Counters
}

const expired: WorkerEvent['type'] = 'WorkerSessionExpired'

export const sweeperActor = { kind: 'system', id: 'sweeper' } as const

/** A command of the sweeper's. Throws when it stays contended: then nothing was written. */
export const submitAs = async (
  { submit, newId }: Pick<ExpiryPorts, 'submit' | 'newId'>,
  { correlationId = newId(), ...request }: Omit<Request, 'actor' | 'correlationId'> & { correlationId?: string },
): Promise<boolean> => {
  const outcome = await submit({ ...request, correlationId, actor: sweeperActor })
  if (outcome.kind === 'contended') throw new Error(`lost ${outcome.attempts} races in a row`)
  return outcome.kind === 'done' && outcome.commits.length > 0
}

/** When sessions were lost, on the lease clock; those that still count among the silent. */
const openLosses = (clock: LeaseClock) => {
  const atMs = new Map<string, number>()
  const add = (stream: StreamName, epoch: number): void => {
    const name = `${stream}@${epoch}`
    if (!atMs.has(name)) atMs.set(name, clock.read())
  }
  return {
    add,
    /** What the feed tells: other servers finish expiries too. */
    hear: (commits: readonly Commit[]): void => {
      for (const { stream, events } of commits)
        for (const { type, data } of events) if (type === expired) add(stream, (data as { epoch: number }).epoch)
    },
    /** How many were lost since then. */
    since: (ms: number): number => {
      for (const [name, lostMs] of atMs) if (lostMs < ms) atMs.delete(name)
      return atMs.size
    },
  }
}

export const openExpiry = (ports: ExpiryPorts) => {
  const { store, clock, headOf, log, counters } = ports
  const losses = openLosses(clock)

  /** What history does not know yet of a marked lease. A session that is over needs no expiry: then there is nothing to append. */
  const finish = async ({ tenant, workerId, epoch, lastSeenAt, benchIds }: Lease): Promise<void> => {
    const { correlationId } = await headOf(tenant, 'worker', workerId)
    const isLost = await submitAs(ports, {
      tenant,
      kind: 'worker',
      id: workerId,
      type: 'ExpireSession',
      data: { epoch, lastSeenAt },
      idempotencyKey: `sweeper:expire:${workerId}/${epoch}`,
      ...(correlationId === undefined ? {} : { correlationId }),
    })
    await store.close(tenant, workerId, epoch)
    if (!isLost) return
    counters.expirations++
    losses.add(streamName(tenant, 'worker', workerId), epoch)
    log.warn({ tenant, workerId, epoch, lastSeenAt, benchIds, correlationId }, 'a worker was lost')
  }

  return {
    finish,
    /** Fences the session if its lease still is as it was seen, then tells history. */
    expire: async (seen: Lease): Promise<void> => {
      if (await store.mark(seen, instantOf(clock.read()))) await finish(seen)
    },
    /** Of a marked lease the expiry is finished first, so that history refuses what its session still asks for. */
    fence: async (tenant: string, workerId: string, epoch: number): Promise<void> => {
      const lease = await store.get(tenant, workerId)
      if (lease?.epoch === epoch && lease.markedAt !== undefined) await finish(lease)
    },
    hear: losses.hear,
    lostSince: losses.since,
  }
}
export type Expiry = ReturnType<typeof openExpiry>
