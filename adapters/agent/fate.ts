import { setTimeout as sleep } from 'node:timers/promises'
import { isOutage, isUnreachable } from '../client/problem.ts'
import { jitteredWaitMs } from '../client/retry.ts'
import type { AgentSettings } from './settings.ts'

/**
 * What became of a session that is no longer ours. `superseded`: another one is open, of an agent with our name. `drained`,
 * `forced`: somebody closed it, in good order or not, and wants no other. `over`: it ran out, and may be followed.
 */
export type Fate = { kind: 'superseded'; by: number } | { kind: 'drained' | 'forced' | 'over' }

/** Asks until the server has answered; `drained` when we are asked to end meanwhile. */
export const fateOf = async (settings: AgentSettings, epoch: number, draining: AbortSignal): Promise<Fate> => {
  for (let tryCount = 1; !draining.aborted; tryCount++) {
    try {
      const fate = await ask(settings, epoch, draining)
      if (fate !== undefined) return fate
    } catch (error) {
      if (!draining.aborted && !isUnreachable(error)) throw error
    }
    await sleep(jitteredWaitMs(tryCount), undefined, { signal: draining }).catch(() => undefined)
  }
  return { kind: 'drained' }
}

const over: Fate = { kind: 'over' }

/** The events looked at: the session's end is among the newest of its worker. */
const lookBackCount = 20

const ask = async (
  { client, workerId }: AgentSettings,
  epoch: number,
  signal: AbortSignal,
): Promise<Fate | undefined> => {
  const found = await client.getWorker({ params: { workerId }, query: { consistent: true } }, { signal })
  if (!found.ok) return isOutage(found.problem) ? undefined : over
  const { session, version } = found.value
  if (session !== undefined) return { kind: 'superseded', by: session.epoch }
  const params = { kind: 'worker', id: workerId } as const
  const history = await client.listHistory(
    { params, query: { from: Math.max(1, version - lookBackCount) } },
    { signal },
  )
  if (!history.ok) return isOutage(history.problem) ? undefined : over
  const closed = history.value.items.find(
    ({ type, data }) => type === 'WorkerSessionClosed' && (data as { epoch?: number }).epoch === epoch,
  )
  const { reason } = (closed?.data ?? {}) as { reason?: string }
  return reason === 'closed' ? { kind: 'drained' } : reason === 'forced' ? { kind: 'forced' } : over
}
