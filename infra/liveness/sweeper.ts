/**
 * The sweeper: looks at every lease as often as needed to see each edge when it comes. A silent worker is suspected, and
 * heard of again recovers; one whose lease has run out is lost; an attempt that its worker does not know of is lost.
 * Heartbeats append nothing: only this does, and only at an edge.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Lease } from '../../domain/leaseStore.ts'
import { type Bell, openBell } from '../bell.ts'
import { type Expiry, type ExpiryPorts, submitAs } from './expiry.ts'
import { instantOf } from './leaseClock.ts'
import type { LiveAttempt, LiveAttempts } from './liveAttempts.ts'
import type { OpenLossFreeze } from './lossFreeze.ts'

export interface SweeperPorts extends ExpiryPorts {
  expiry: Expiry
  freeze: OpenLossFreeze
  attempts: LiveAttempts
  leaseMs: number
  suspectAfterMs: number
  /** Longest pause between two looks. */
  sleepMsMax: number
  /** How often attempts that nobody lists are looked for. */
  missingEveryMs: number
  /** Gives the sessions that are open in history a lease; done again until it has. */
  restore: () => Promise<void>
}

interface Run extends SweeperPorts {
  lookedForMissingAtMs: number
  /** Suspicions that not all benches have been told of. */
  untold: Set<string>
  gauges: { liveLeases: number; suspectedLeases: number }
}

const laneCountMax = 64
const sleepMsMin = 5
/** After an outage. */
const outagePauseMs = 1_000

/** It looks when asked, and while it is started by itself; it may be started again once it was stopped. */
export const openSweeper = (ports: SweeperPorts) => {
  const gauges = { liveLeases: 0, suspectedLeases: 0 }
  const run: Run = { ...ports, lookedForMissingAtMs: 0, untold: new Set(), gauges }
  let bell: Bell | undefined
  /** Sweeps never overlap: one that is asked for meanwhile comes after. */
  let sweeping: Promise<unknown> = Promise.resolve()
  const sweepNow = (): Promise<number> => {
    const next = sweeping.then(() => sweep(run))
    sweeping = next.catch(() => {})
    return next
  }
  let ended: Promise<unknown> = Promise.resolve()
  return {
    /** Resolves when each open session has its lease, or the house closes before. Looks from now on. */
    start: (): Promise<void> => {
      const own = openBell()
      bell = own
      const isRestored = restored(run, own)
      ended = Promise.all([loop(run, own, sweepNow), isRestored])
      return isRestored
    },
    /** One look at everything; answers after how many ms the next one is due. */
    sweep: sweepNow,
    gauges: () => gauges,
    stop: async (): Promise<void> => {
      bell?.stop()
      await ended
      // Who does not look knows nothing of them.
      Object.assign(gauges, { liveLeases: 0, suspectedLeases: 0 })
    },
  }
}

const loop = async (run: Run, bell: Bell, sweepNow: () => Promise<number>): Promise<void> => {
  while (!bell.isStopped()) {
    try {
      await bell.rung(await sweepNow())
    } catch (error) {
      if (bell.isStopped()) break
      failed(run, {}, error, 'the sweeper cannot get on, and tries again')
      await bell.pause(Math.min(outagePauseMs, run.sleepMsMax))
    }
  }
}

const restored = async (run: Run, bell: Bell): Promise<void> => {
  while (!bell.isStopped()) {
    try {
      return await run.restore()
    } catch (error) {
      if (bell.isStopped()) return
      failed(run, {}, error, 'the leases cannot be restored, and it is tried again')
      await bell.pause(outagePauseMs)
    }
  }
}

const failed = ({ counters, log }: Run, facts: object, error: unknown, message: string): void => {
  const count = ++counters.sweepFailures
  log.error({ ...facts, count, err: error }, message)
}

interface Found {
  suspects: Lease[]
  recovered: Lease[]
  lost: Lease[]
  marked: Lease[]
  workerCount: number
  silentCount: number
  /** When the next edge comes, if nobody beats until then. */
  nextMs: number
}

const sweep = async (run: Run): Promise<number> => {
  run.counters.sweeps++
  const found = await look(run)
  await inLanes(run, found.suspects, suspect)
  await inLanes(run, found.recovered, recover)
  const nowMs = run.clock.read()
  const lostCount = run.expiry.lostSince(nowMs - run.leaseMs)
  const isFrozen = run.freeze.judge(found.silentCount + lostCount, found.workerCount + lostCount, nowMs)
  if (isFrozen) run.counters.frozenSweeps++
  await inLanes(run, found.marked, (_, lease) => run.expiry.finish(lease))
  if (!isFrozen) await inLanes(run, found.lost, (_, lease) => run.expiry.expire(lease))
  await loseMissing(run, nowMs)
  Object.assign(run.gauges, { liveLeases: found.workerCount, suspectedLeases: found.silentCount })
  return Math.min(run.sleepMsMax, Math.max(sleepMsMin, found.nextMs - run.clock.read()))
}

const look = async (run: Run): Promise<Found> => {
  const lists = { suspects: [], recovered: [], lost: [], marked: [] }
  const found: Found = { ...lists, workerCount: 0, silentCount: 0, nextMs: Number.POSITIVE_INFINITY }
  for await (const page of run.store.scan()) {
    const nowMs = run.clock.read()
    for (const lease of page) sort(run, found, lease, nowMs)
    await nextTurn()
  }
  return found
}

const keyOf = ({ tenant, workerId, epoch }: Lease): string => `${tenant}/${workerId}/${epoch}`

const sort = ({ leaseMs, suspectAfterMs, untold }: Run, found: Found, lease: Lease, nowMs: number): void => {
  if (lease.markedAt !== undefined) {
    found.marked.push(lease)
    return
  }
  const expiresAtMs = Date.parse(lease.expiresAt)
  const suspectAtMs = expiresAtMs - leaseMs + suspectAfterMs
  const isSilent = suspectAtMs <= nowMs
  found.workerCount++
  if (isSilent) found.silentCount++
  if (expiresAtMs <= nowMs) found.lost.push(lease)
  else found.nextMs = Math.min(found.nextMs, isSilent ? expiresAtMs : suspectAtMs)
  if (isSilent && (lease.suspectedAt === undefined || untold.has(keyOf(lease)))) found.suspects.push(lease)
  if (!isSilent && lease.suspectedAt !== undefined) found.recovered.push(lease)
}

/** One that fails does not keep the others: it is met again by the next sweep. */
const inLanes = async (run: Run, leases: Lease[], act: (run: Run, lease: Lease) => Promise<void>): Promise<void> => {
  const rest = leases.values()
  const walk = async (): Promise<void> => {
    for (const lease of rest) {
      run.clock.read()
      const { tenant, workerId, epoch } = lease
      await act(run, lease).catch((error: unknown) =>
        failed(run, { tenant, workerId, epoch }, error, 'an edge of a lease could not be told, and is tried again'),
      )
    }
  }
  await Promise.all(Array.from({ length: Math.min(laneCountMax, leases.length) }, walk))
}

/** The lease first: whatever becomes of the rest, a beat that comes makes it recover. */
const suspect = async (run: Run, lease: Lease): Promise<void> => {
  const { untold, store, counters, clock } = run
  if (!(await store.suspect(lease, instantOf(clock.read())))) {
    untold.delete(keyOf(lease))
    return
  }
  untold.add(keyOf(lease))
  const toldCount = await tellBenches(run, lease, 'SuspectBench')
  untold.delete(keyOf(lease))
  if (toldCount > 0) counters.suspicions++
}

const recover = async (run: Run, lease: Lease): Promise<void> => {
  await tellBenches(run, lease, 'RecoverBench')
  await run.store.recover(lease.tenant, lease.workerId, lease.epoch)
  run.untold.delete(keyOf(lease))
}

/** Benches that know it already, or are another session's by now, change nothing. Answers how many did. */
const tellBenches = async (
  run: Run,
  { tenant, workerId, epoch, benchIds }: Lease,
  type: 'SuspectBench' | 'RecoverBench',
): Promise<number> => {
  const correlationId = run.newId()
  const told = await Promise.all(
    benchIds.map((id) => submitAs(run, { tenant, kind: 'bench', id, type, data: { workerId, epoch }, correlationId })),
  )
  const count = told.filter(Boolean).length
  if (count > 0) run.log.info({ tenant, workerId, epoch, benchIds, correlationId }, `${type}: as its beats tell`)
  return count
}

const loseMissing = async (run: Run, nowMs: number): Promise<void> => {
  if (nowMs - run.lookedForMissingAtMs < run.missingEveryMs) return
  run.lookedForMissingAtMs = nowMs
  for await (const page of run.store.scan()) {
    const missing = page.filter(({ markedAt }) => markedAt === undefined).flatMap(run.attempts.missingIn)
    for (const attempt of missing) await lose(run, attempt)
    await nextTurn()
  }
}

const lose = async (
  run: Run,
  { tenant, workerId, epoch, executionId, taskName, attempt }: LiveAttempt,
): Promise<void> => {
  const correlationId = (await run.headOf(tenant, 'execution', executionId)).correlationId ?? run.newId()
  const reason = 'its worker does not know of it'
  const isLost = await submitAs(run, {
    tenant,
    kind: 'execution',
    id: executionId,
    type: 'LoseAttempt',
    data: { taskName, attempt, workerId, epoch, reason },
    idempotencyKey: `sweeper:missing:${taskName}/${attempt}`,
    correlationId,
  })
  run.attempts.over(tenant, { executionId, taskName, attempt })
  if (!isLost) return
  run.counters.missingAttempts++
  run.log.warn({ tenant, workerId, epoch, executionId, taskName, attempt, correlationId }, `lost: ${reason}`)
}
