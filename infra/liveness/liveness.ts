/** Whether workers live: their leases, who is lost, and what they run. The parts, and what the ways in are given of them. */
import { type Instant, plusMs } from '../../domain/ids.ts'
import type { AttemptName, Lease, LeaseStore } from '../../domain/leaseStore.ts'
import type { Leases, Services } from '../../projections/services.ts'
import type { Counters } from '../counters.ts'
import type { Log } from '../log.ts'
import { openExpiry } from './expiry.ts'
import { instantOf, type LeaseClock, openLeaseClock } from './leaseClock.ts'
import { isLive, restoreLease, restoreLeases } from './leases.ts'
import { type LiveAttempts, openLiveAttempts } from './liveAttempts.ts'
import { openLossFreeze } from './lossFreeze.ts'
import { openSweeper } from './sweeper.ts'

export interface LivenessSettings {
  leaseMs: number
  heartbeatEveryMs: number
  suspectAfterMs: number
  lossFreezeMsMax: number
}

export interface LivenessPorts extends Pick<Services, 'submit' | 'headOf' | 'newId' | 'views' | 'now'> {
  store: LeaseStore
  attempts: LiveAttempts
  /** Leases are judged by it. */
  clock: LeaseClock
  /** Leases get their time by it, after a look if that was long ago. Default: `clock`. */
  giving?: LeaseClock & { lookIfAway: () => Promise<void> }
  settings: LivenessSettings
  log: Log
  counters: Counters
  tenant: string
  /** A worker lives, and works on these. */
  onBeat?: ((tenant: string, attempts: readonly AttemptName[]) => void) | undefined
  /** Resolves when the views can be trusted; false: the house closes before that. */
  ready: Promise<boolean>
}

/** Longest step of the lease clock: a lease that is short itself is not extended by much. */
const stepMsMax = 2_000
/** What an answer may take to its worker, so that a beat which comes later was sent later. */
const settleMsMax = 2_000

/** A gap that is worth a line in the log. */
const toldAwayMs = 1_000

export const stepMs = (leaseMs: number): number => Math.min(stepMsMax, leaseMs / 4)

/** What must be there before anything is appended. */
export const openLivenessParts = (
  now: Instant,
  { leaseMs, heartbeatEveryMs }: Pick<LivenessSettings, 'leaseMs' | 'heartbeatEveryMs'>,
  { log, counters, monotonicMs }: { log: Log; counters: Counters; monotonicMs: () => number },
) => {
  const onAway = (awayMs: number): void => {
    counters.leaseExtensionMs += awayMs
    if (awayMs >= toldAwayMs)
      log.warn({ awayMs, totalMs: counters.leaseExtensionMs }, 'the server was away: every lease lives on for as long')
  }
  const clock = openLeaseClock({ startAt: now, monotonicMs, stepMsMax: stepMs(leaseMs), onAway })
  return { clock, attempts: openAttempts(clock, heartbeatEveryMs) }
}

export const openAttempts = (clock: LeaseClock, heartbeatEveryMs: number): LiveAttempts =>
  openLiveAttempts(clock.read, Math.min(settleMsMax, heartbeatEveryMs / 4))

export const openLiveness = (ports: LivenessPorts) => {
  const { store, attempts, settings, log, now, tenant, views, headOf } = ports
  const { leaseMs, suspectAfterMs, lossFreezeMsMax, heartbeatEveryMs } = settings
  const expiry = openExpiry(ports)
  const freeze = openLossFreeze({ lossFreezeMsMax, now, log })
  const leases = leasesOf(ports, expiry.fence)
  const open = async (session: Parameters<Leases['open']>[0], isSuspected: boolean): Promise<void> => {
    const suspicion = isSuspected ? { suspectedAt: instantOf(givingOf(ports).read()) } : {}
    await store.open({ ...(await wholeLease(ports, session)), ...suspicion })
  }
  const restoring = { views, headOf, tenant, open, inherit: attempts.inherit }
  const sweeper = openSweeper({
    ...ports,
    expiry,
    freeze,
    leaseMs,
    suspectAfterMs,
    sleepMsMax: stepMs(leaseMs) / 2,
    missingEveryMs: heartbeatEveryMs / 2,
    restore: async () => {
      if (await ports.ready) await restoreLeases(restoring)
    },
  })
  /** What runs under leases that others keep, whatever was heard of it: what has ended meanwhile is dropped. */
  const inherit = async (): Promise<void> => {
    const known = attempts.all()
    await restoreLeases({ ...restoring, open: async () => {} })
    for (const attempt of known) if (!(await isLive(headOf, attempt))) attempts.over(attempt.tenant, attempt)
  }
  return {
    leases: { ...leases, reopen: (session) => restoreLease(restoring, session) } satisfies Leases,
    lossFreeze: freeze,
    sweeper,
    inherit,
    hear: expiry.hear,
    store,
    gauges: () => ({ ...sweeper.gauges(), lossFrozen: freeze.status().frozen ? 1 : 0, liveAttempts: attempts.count() }),
  }
}
export type Liveness = ReturnType<typeof openLiveness>

const givingOf = ({ giving, clock }: Pick<LivenessPorts, 'clock' | 'giving'>): LeaseClock => giving ?? clock

const wholeLease = async (
  ports: Pick<LivenessPorts, 'clock' | 'giving' | 'now' | 'settings'>,
  session: Parameters<Leases['open']>[0],
): Promise<Lease> => {
  await ports.giving?.lookIfAway()
  const expiresAt = instantOf(givingOf(ports).read() + ports.settings.leaseMs)
  return { ...session, lastSeenAt: ports.now(), expiresAt, attempts: [], attemptsBefore: [], flags: [] }
}

/** Leases as the ways in use them: whoever beats gets time by this process's clock. */
const leasesOf = (ports: LivenessPorts, fence: Leases['fence']): Omit<Leases, 'reopen'> => {
  const { store, attempts, giving, now, settings, onBeat } = ports
  return {
    open: async (session) => {
      await store.open(await wholeLease(ports, session))
    },
    renew: async ({ tenant, workerId, epoch, attempts: listed }) => {
      // Who was away without knowing would date the beat by a clock that others have left behind.
      await giving?.lookIfAway()
      const at = instantOf(givingOf(ports).read())
      const beat = { tenant, workerId, epoch, attempts: listed }
      const renewal = await store.renew({ ...beat, seenAt: now(), at, expiresAt: plusMs(at, settings.leaseMs) })
      if (renewal.kind !== 'renewed') return renewal
      attempts.beat(beat)
      onBeat?.(tenant, listed)
      return renewal
    },
    get: (tenant, workerId) => store.get(tenant, workerId),
    close: (tenant, workerId, epoch) => store.close(tenant, workerId, epoch),
    flag: (tenant, workerId, epoch, flag) => store.flag(tenant, workerId, epoch, flag),
    fence,
    isDoubtful: attempts.isDoubtful,
    giveAgain: attempts.giveAgain,
    given: attempts.given,
    onUnheard: attempts.onUnheard,
  }
}
