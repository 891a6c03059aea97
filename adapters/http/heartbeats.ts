/**
 * Heartbeats: the lease goes on, nothing is appended, and the worker learns what it is to stop. Almost every beat is
 * answered from memory; history is asked about attempts that are not known to run on undisturbed.
 */
import type { Attempt, Execution, ExecutionState, Task } from '../../domain/execution/state.ts'
import { msBetween } from '../../domain/ids.ts'
import type { AttemptName, Lease, LeasedSession, LeaseFlag } from '../../domain/leaseStore.ts'
import type { ReservationState } from '../../domain/reservation/state.ts'
import type { Call } from './call.ts'
import type { House } from './house.ts'
import type { LastBeats } from './lastBeats.ts'
import { json, type Reply } from './replies.ts'
import { sessionOf, staleEpoch } from './sessions.ts'

export const heartbeat = (house: House, beats: LastBeats) => {
  let failureCount = 0

  /** That history can't be asked now does not cost the worker its lease: the next beat asks again. */
  const stopsOf = async (session: Session, attempts: readonly AttemptName[]): Promise<readonly LeaseFlag[]> => {
    const doubtful = attempts.filter((attempt) => house.leases.isDoubtful(session, attempt))
    if (doubtful.length === 0) return []
    try {
      return (await Promise.all(doubtful.map((attempt) => stopOf(house, session, attempt)))).flat()
    } catch (error) {
      failureCount += 1
      const facts = { workerId: session.workerId, epoch: session.epoch, count: failureCount, err: error }
      house.log.error(facts, 'what a worker is to stop could not be looked up: its next beat asks again')
      return []
    }
  }

  return async ({ tenant, params, body }: Call<'heartbeat'>): Promise<Reply> => {
    const session = { tenant, workerId: params.workerId, epoch: body.epoch }
    // A claim that waits is woken while the beat is still being taken: it must not go by the last one.
    beats.forget(tenant, session.workerId)
    const lease = await renewed(house, session, body.attempts)
    if ('status' in lease) return lease
    beats.note(lease)
    const stops = await stopsOf(session, body.attempts)
    return json({ ...house.settings, flags: merged(lease.flags, stops) })
  }
}

type Session = Pick<LeasedSession, 'tenant' | 'workerId' | 'epoch'>

const merged = (kept: readonly LeaseFlag[], found: readonly LeaseFlag[]): readonly LeaseFlag[] =>
  kept.length === 0 ? found : [...new Map([...kept, ...found].map((flag) => [nameOf(flag), flag])).values()]

const nameOf = (flag: LeaseFlag): string =>
  flag.kind === 'drain' ? flag.kind : `${flag.executionId}/${flag.taskName}/${flag.attempt}`

/** The lease, a beat longer. One that is not there is opened again for a session that history knows to be open. */
const renewed = async (house: House, session: Session, listed: readonly AttemptName[]): Promise<Lease | Reply> => {
  const { tenant, workerId, epoch } = session
  const attempts = listed.map(({ executionId, taskName, attempt }) => ({ executionId, taskName, attempt }))
  const renewal = await house.leases.renew({ ...session, attempts })
  if (renewal.kind === 'renewed') return renewal.lease
  if (renewal.kind === 'stale') return staleEpoch(workerId, epoch, renewal.epoch)
  const open = await sessionOf(house, tenant, workerId, epoch)
  if ('status' in open) return open
  await house.leases.reopen(open)
  // Closed meanwhile, it has a lease that nobody else would take away.
  const still = await sessionOf(house, tenant, workerId, epoch)
  if ('status' in still) {
    await house.leases.close(tenant, workerId, epoch)
    return still
  }
  const again = await house.leases.renew({ ...session, attempts })
  return again.kind === 'renewed' ? again.lease : staleEpoch(workerId, epoch, epoch)
}

/** Default grace of an attempt that is to stop, when its reservation tells no other. */
const graceMsDefault = 60_000

/**
 * What a worker is told of an attempt that it lists: to stop it, when its execution is being cancelled (but for tasks that
 * run always), when it has ended here already, or is another session's. One that history does not know is left alone.
 */
const stopOf = async (house: House, session: Session, name: AttemptName): Promise<readonly LeaseFlag[]> => {
  const { executionId, taskName, attempt: number } = name
  const state = (await house.headOf(session.tenant, 'execution', executionId)).state as ExecutionState
  if (state.status === 'absent') return []
  const task = state.tasks.find((one) => one.name === taskName)
  const attempt = task?.attempts.find((one) => one.attempt === number)
  if (task === undefined || attempt === undefined || runsOn(state, task, attempt, session)) return []
  const graceMs = await graceMsOf(house, session.tenant, state)
  return [{ kind: 'cancel-attempt', executionId, taskName, attempt: number, graceMs }]
}

const runsOn = ({ status }: Execution, { runs }: Task, attempt: Attempt, { workerId, epoch }: Session): boolean =>
  attempt.status === 'started' &&
  attempt.workerId === workerId &&
  attempt.epoch === epoch &&
  (status !== 'cancelling' || runs === 'always')

/** What is left of the grace: the clock has run since the cancel, not since this beat. */
const graceMsOf = async (house: House, tenant: string, { cancel, reservationId }: Execution): Promise<number> => {
  if (cancel !== undefined) return Math.max(0, msBetween(house.now(), cancel.dueAt))
  const reservation = (await house.headOf(tenant, 'reservation', reservationId)).state as ReservationState
  return reservation.status === 'absent' ? graceMsDefault : reservation.graceMs
}
