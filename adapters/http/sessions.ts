/** Sessions of workers: opened, closed, drained; and whether one that speaks up still is its worker's. */
import type { LeasedSession } from '../../domain/leaseStore.ts'
import type { WorkerState } from '../../domain/worker/state.ts'
import { workerResource } from '../../projections/resources.ts'
import type { AnyCall } from './call.ts'
import type { Answering } from './commands.ts'
import type { House } from './house.ts'
import { notFound, refusedHere } from './problems.ts'
import type { Reply } from './replies.ts'

/** The session that was opened, with its lease. A retry opens none: its session may have been closed since. */
export const openedSession =
  (house: House): Answering =>
  async ({ tenant }, workerId, { head, replayed }) => {
    const { session, epoch } = head.state as Extract<WorkerState, { status: 'enrolled' }>
    if (!replayed) await house.leases.open({ tenant, workerId, epoch, benchIds: session?.benchIds ?? [] })
    return { epoch, ...house.settings }
  }

export const closedSession =
  ({ leases }: House): Answering =>
  async ({ tenant, params }, workerId, { head }) => {
    await leases.close(tenant, workerId, (params as { epoch: number }).epoch)
    return workerResource(workerId, head.state as WorkerState, head.version)
  }

export const staleEpoch = (workerId: string, epoch: number, newest: number): Reply =>
  refusedHere('StaleEpoch', `session ${epoch} of worker ${workerId} is not open: its newest is ${newest}`, {
    epoch: newest,
  })

/** The session that a worker says it has; refused when it has not, as history knows. */
export const sessionOf = async (
  house: House,
  tenant: string,
  workerId: string,
  epoch: number,
): Promise<LeasedSession | Reply> => {
  await house.leases.fence(tenant, workerId, epoch)
  const state = (await house.headOf(tenant, 'worker', workerId)).state as WorkerState
  if (state.status === 'absent') return notFound(`worker ${workerId}`)
  if (state.session?.epoch !== epoch) return staleEpoch(workerId, epoch, state.epoch)
  return { tenant, workerId, epoch, benchIds: state.session.benchIds }
}

/** The same as this process remembers it: others may have ended it since. Undefined when it is not remembered to be open. */
export const rememberedSession = (
  house: House,
  tenant: string,
  workerId: string,
  epoch: number,
): LeasedSession | undefined => {
  const state = house.knownHead(tenant, 'worker', workerId)?.state as WorkerState | undefined
  if (state === undefined || state.status === 'absent' || state.session?.epoch !== epoch) return undefined
  return { tenant, workerId, epoch, benchIds: state.session.benchIds }
}

type Handle = (call: AnyCall) => Promise<Reply>
type OfSession = { workerId: string; epoch: number }

/** A report: if its session is fenced, history is to know that first, and then refuses the report with its evidence. */
export const fenced =
  ({ leases }: House, handle: Handle): Handle =>
  async (call) => {
    const { workerId, epoch } = call.body as OfSession
    await leases.fence(call.tenant, workerId, epoch)
    return handle(call)
  }

/** What is not a command, so that history has no word in it: taken from an open session only. */
export const fromOpenSession =
  <Of extends AnyCall>(house: House, handle: (call: Of) => Promise<Reply>) =>
  async (call: Of): Promise<Reply> => {
    const { workerId, epoch } = call.body as OfSession
    const session = await sessionOf(house, call.tenant, workerId, epoch)
    if (!('status' in session)) return handle(call)
    // A worker that is not known has had no session.
    return session.code === 'stale-epoch' ? session : staleEpoch(workerId, epoch, 0)
  }

/** A session that still runs something is not closed, but told to drain: it claims nothing more, and ends by itself. */
export const drainedFirst =
  (house: House, handle: Handle): Handle =>
  async (call) => {
    const reply = await handle(call)
    const { workerId, epoch } = call.params as OfSession
    if (reply.code === 'attempts-running') await toldToDrain(house, call.tenant, workerId, epoch)
    return reply
  }

/** Just after a restart of the server its lease may not be there yet. */
const toldToDrain = async (house: House, tenant: string, workerId: string, epoch: number): Promise<void> => {
  if (await house.leases.flag(tenant, workerId, epoch, { kind: 'drain' })) return
  const session = await sessionOf(house, tenant, workerId, epoch)
  if ('status' in session) return
  await house.leases.reopen(session)
  await house.leases.flag(tenant, workerId, epoch, { kind: 'drain' })
}
