import { msBetween, plusMs } from '../../domain/ids.ts'
import type { Lease, LeaseFlag } from '../../domain/ports.ts'
import type { ReservationState } from '../../domain/reservation/state.ts'
import type { WorkerState } from '../../domain/worker/state.ts'
import type { ExecutionBody } from '../../projections/executions.ts'
import { workerResource } from '../../projections/resources.ts'
import type { Call } from './call.ts'
import { type Claimer, type Session, search } from './claims.ts'
import type { Answering } from './commands.ts'
import type { ExecutionBodies } from './executionBodies.ts'
import type { House } from './house.ts'
import { createLru } from './lru.ts'
import { invalid, notFound, problem, refusedHere } from './problems.ts'
import { find, list, viewBehind } from './reads.ts'
import { etag, json, noContent, type Reply, resource } from './replies.ts'
import type { Wakeups } from './wakeups.ts'

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
    const shown = found && workerResource(id, found.body as WorkerState, found.version)
    return shown === undefined ? notFound(`worker ${id}`) : resource(shown, 200, etag(shown.version))
  }

export const listWorkers =
  (house: House) =>
  (call: Call<'listWorkers'>): Promise<Reply> => {
    const question = { view: 'workers', tenant: call.tenant, index: 'all_idx', partition: 'workers' }
    return list(house, question, call.query, ({ id, version, body }) =>
      workerResource(id, body as WorkerState, version),
    )
  }

/** The session that was opened, with its lease. A retry opens none: its session may have been closed since. */
export const openedSession =
  (house: House): Answering =>
  ({ tenant }, workerId, { head, replayed }) => {
    const { leases, settings } = house
    const { session, epoch } = head.state as Extract<WorkerState, { status: 'enrolled' }>
    const benchIds = session?.benchIds ?? []
    if (!replayed && (leases.get(tenant, workerId)?.epoch ?? 0) < epoch)
      leases.open(leaseOf(tenant, workerId, epoch, benchIds, house.now(), settings))
    return { epoch, ...settings }
  }

const leaseOf = (
  tenant: string,
  workerId: string,
  epoch: number,
  benchIds: readonly string[],
  lastSeenAt: string,
  { leaseMs }: House['settings'],
): Lease => ({ tenant, workerId, epoch, benchIds, lastSeenAt, expiresAt: plusMs(lastSeenAt, leaseMs), flags: [] })

export const closedSession =
  ({ leases }: House): Answering =>
  ({ tenant, params }, workerId, { head }) => {
    leases.close(tenant, workerId, (params as { epoch: number }).epoch)
    return workerResource(workerId, head.state as WorkerState, head.version)
  }

const staleEpoch = (workerId: string, epoch: number, newest: number): Reply =>
  refusedHere('StaleEpoch', `session ${epoch} of worker ${workerId} is not open: its newest is ${newest}`, {
    epoch: newest,
  })

/** The session that a worker says it has; refused when it has not, as far as history and the leases know. */
const sessionOf = async (house: House, tenant: string, workerId: string, epoch: number): Promise<Session | Reply> => {
  const state = (await house.headOf(tenant, 'worker', workerId)).state as WorkerState
  if (state.status === 'absent') return notFound(`worker ${workerId}`)
  const lease = house.leases.get(tenant, workerId)
  const isOpen = state.session?.epoch === epoch && (lease === undefined || lease.epoch === epoch)
  if (!isOpen || state.session === null) return staleEpoch(workerId, epoch, Math.max(state.epoch, lease?.epoch ?? 0))
  return { tenant, workerId, epoch, benchIds: state.session.benchIds }
}

/** The lease, a beat longer. Leases are not kept: one that history knows to be open is opened anew. */
const renewed = async (house: House, tenant: string, workerId: string, epoch: number): Promise<Lease | Reply> => {
  const { leases, settings } = house
  const lease = leases.renew(tenant, workerId, epoch, house.now())
  if (lease !== 'stale-epoch') return lease
  const session = await sessionOf(house, tenant, workerId, epoch)
  if ('status' in session) return session
  const again = leaseOf(tenant, workerId, epoch, session.benchIds, house.now(), settings)
  leases.open(again)
  return again
}

export const heartbeat =
  (house: House) =>
  async ({ tenant, params, body }: Call<'heartbeat'>): Promise<Reply> => {
    const { workerId } = params
    const lease = await renewed(house, tenant, workerId, body.epoch)
    if ('status' in lease) return lease
    const toStop = await Promise.all(body.attempts.map((attempt) => cancelFlag(house, tenant, attempt)))
    const flags = new Map([...lease.flags, ...toStop.flat()].map((flag) => [JSON.stringify(flag), flag]))
    return json({ ...house.settings, flags: [...flags.values()] })
  }

interface AttemptName {
  executionId: string
  taskName: string
  attempt: number
}

/** Default grace of an attempt that is to stop, when its reservation tells no other. */
const graceMs = 60_000

/**
 * What a worker is told of an attempt that it runs: to stop it, when its execution is being cancelled (but for tasks that
 * run always), or when it has ended here already. An attempt that the view has not seen yet is left alone.
 */
const cancelFlag = async (house: House, tenant: string, name: AttemptName): Promise<readonly LeaseFlag[]> => {
  const row = await house.views.row('executions', tenant, name.executionId)
  const state = row === undefined || row === 'behind' ? undefined : (row.body as ExecutionBody).state
  if (state === undefined || state.status === 'absent') return []
  const task = state.tasks.find((one) => one.name === name.taskName)
  const attempt = task?.attempts.find((one) => one.attempt === name.attempt)
  if (task === undefined || attempt === undefined) return []
  const isCancelled = state.status === 'cancelling' && task.runs === 'on-success'
  if (attempt.status === 'started' && !isCancelled) return []
  const reservation = await house.views.row('reservations', tenant, state.reservationId)
  const known =
    reservation === undefined || reservation === 'behind' ? undefined : (reservation.body as ReservationState)
  const { executionId, taskName } = name
  const whole = known === undefined || known.status === 'absent' ? graceMs : known.graceMs
  // What is left of it: the clock has run since the cancel, not since this beat.
  const grace = state.cancel === undefined ? whole : Math.max(0, msBetween(house.now(), state.cancel.dueAt))
  return [{ kind: 'cancel-attempt', executionId, taskName, attempt: name.attempt, graceMs: grace }]
}

interface ClaimParts {
  claim: Claimer
  wakeups: Wakeups
  bodies: ExecutionBodies
  /** Aborts when the server stops: who waits is answered at once. */
  closing: AbortSignal
}

/** Claims that wait at once; more are told to come back. */
const waitingCountMax = 10_000
/** Not worth another wait: timers are no more exact than that. */
const tooLittleMs = 10
/** Answers kept for claims whose answer is lost on the way. */
const answerCountMax = 1_000

/** A claim with an idempotency key that was answered here before is answered the same again. */
export const claimTask = (house: House, parts: ClaimParts) => {
  const answers = createLru<Reply>(answerCountMax)
  return async (call: Call<'claimTask'>): Promise<Reply> => {
    const { tenant, params, body, idempotencyKey } = call
    const key = idempotencyKey && [tenant, params.workerId, body.epoch, idempotencyKey].join('/')
    const before = key === undefined ? undefined : answers.get(key)
    if (before !== undefined) return { ...before, headers: { ...before.headers, 'idempotent-replayed': 'true' } }
    const session = await sessionOf(house, tenant, params.workerId, body.epoch)
    if ('status' in session) return session
    const { benches = session.benchIds } = body
    const foreign = benches.find((benchId) => !session.benchIds.includes(benchId))
    if (foreign !== undefined)
      return invalid([{ path: 'benches', message: `${foreign} is none of the session's benches` }])
    const reply = await claimWithin(house, parts, call, { ...session, benchIds: benches })
    if (key !== undefined && reply.status === 200) answers.set(key, reply)
    return reply
  }
}

const claimWithin = async (
  house: House,
  parts: ClaimParts,
  call: Call<'claimTask'>,
  session: Session,
): Promise<Reply> => {
  const { wakeups, closing } = parts
  const { waitMs } = call.body
  if (waitMs === 0) return (await claimNow(house, parts, call, session)).reply ?? noContent
  if (wakeups.waitingCount() >= waitingCountMax) return problem('overloaded', `${waitingCountMax} claims wait already`)
  const until = performance.now() + waitMs
  const { bell, leave } = await wakeups.enter(session.tenant, session.benchIds)
  const over = AbortSignal.any([call.gone(), closing])
  try {
    // What was appended before the bell was hung up rings for nobody: the first look must see it.
    await house.views.caughtUp()
    for (;;) {
      const { reply, nextAt } = await claimNow(house, parts, call, session)
      const leftMs = until - performance.now()
      if (reply !== undefined) return reply
      if (leftMs <= tooLittleMs || over.aborted) return noContent
      const dueMs = nextAt === undefined ? leftMs : Math.max(Date.parse(nextAt) - Date.parse(house.now()), 1)
      await bell.wait(Math.min(leftMs, dueMs), over)
    }
  } finally {
    leave()
  }
}

const claimNow = async (
  house: House,
  { claim, bodies }: ClaimParts,
  call: Call<'claimTask'>,
  session: Session,
): Promise<{ reply: Reply | undefined; nextAt: string | undefined }> => {
  const { candidates, nextAt } = await search(house, session)
  const claimed = await claim(call, session, candidates)
  if (claimed.kind === 'none') return { reply: undefined, nextAt }
  if (claimed.kind === 'stale') return { reply: staleEpoch(session.workerId, session.epoch, session.epoch), nextAt }
  bodies.note(session.tenant, claimed.executionId, claimed.done)
  return { reply: json(claimed.answer), nextAt }
}
