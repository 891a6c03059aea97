import { isOutage, isUnreachable, type Problem } from '../client/problem.ts'
import type { Answer, CallOptions } from '../client/transport.ts'
import { type Attempts, newAttempts } from './attempts.ts'
import { serveBench } from './claims.ts'
import type { Guard } from './guarded.ts'
import { keepLease } from './lease.ts'
import { endLeftOvers } from './leftOvers.ts'
import { isStaleEpoch, newSession, type Session } from './session.ts'
import type { AgentEnd, AgentSettings } from './settings.ts'

/** One session of a worker, from its opening to its end. */

export interface Life {
  settings: AgentSettings
  guard: Guard
  /** Aborts when nothing more is to be claimed: by whom and why is told by `drain`. */
  draining: AbortSignal
  drain(why: string): void
  /** Aborts when also what runs is to end. */
  stopping: AbortSignal
  /** For how long to try to open the session. */
  openForMs: number
  /** Told the attempts once there are some. */
  onOpen(attempts: Attempts): void
}

export type LifeEnd = Exclude<AgentEnd, { kind: 'lost' }> | { kind: 'lost'; detail: string; epoch: number }

/** Closing is a courtesy: without it, the lease runs out. */
const closeForMs = 10_000
/** Who was told twice to end waits no longer than that for a server that is away. */
const giveUpAfterMs = 3_000
/** Whoever has the bench now may be about to use it. */
const lostGraceMs = 1_000

export const live = async (life: Life): Promise<LifeEnd> => {
  const { settings, draining, stopping } = life
  const opened = await open(life)
  if ('end' in opened) return opened.end
  const { session, terms, sentAt } = opened
  await endLeftOvers(settings)
  const attempts = newAttempts(session)
  life.onOpen(attempts)
  const lease = keepLease(session, { terms, sentAt }, attempts, () => life.drain('as the server asks'))
  let giveUp: NodeJS.Timeout | undefined
  const endAll = (): void => {
    attempts.stopAll({ because: 'abandoned', detail: 'its agent was stopped' }, settings.killGraceMs)
    giveUp = setTimeout(() => session.lose('its agent was stopped'), settings.killGraceMs + giveUpAfterMs)
  }
  stopping.addEventListener('abort', endAll)
  session.lost.addEventListener('abort', () => attempts.stopAll({ because: 'fenced', detail: 'lost' }, lostGraceMs))
  const parts = { attempts, lease, draining }
  await Promise.all(settings.benchIds.map((benchId) => serveBench(session, benchId, parts)))
  stopping.removeEventListener('abort', endAll)
  clearTimeout(giveUp)
  // Afterwards our own beats are refused, which is no loss.
  const isLost = session.lost.aborted
  if (!isLost) await close(session)
  await lease.end()
  return isLost ? { kind: 'lost', detail: session.loss(), epoch: session.epoch } : { kind: 'drained' }
}

const open = async ({ settings, guard, draining: signal, openForMs }: Life) => {
  const { client, workerId, benchIds, note } = settings
  const options = { retryForMs: openForMs, timeoutMs: 10_000, signal }
  const refused = (problem: Problem) => ({ end: { kind: 'refused', problem } as const })
  try {
    const enrolled = await enrol(settings, options)
    if (!enrolled.ok) return refused(enrolled.problem)
    const sentAt = performance.now()
    const body = { benches: [...benchIds], agentVersion }
    const opened = await client.openSession({ params: { workerId }, body }, options)
    if (!opened.ok) return refused(opened.problem)
    const session = newSession(settings, guard, opened.value.epoch)
    note('serving', { workerId, epoch: opened.value.epoch, benches: benchIds.join(', ') })
    return { session, terms: opened.value, sentAt }
  } catch (error) {
    if (signal.aborted) return { end: { kind: 'drained' } as const }
    throw error
  }
}

/** Without labels of its own, a worker that is known keeps those it has. */
const enrol = async ({ client, workerId, labels }: AgentSettings, options: CallOptions): Promise<Answer<unknown>> => {
  const params = { workerId }
  const isKnown = labels === undefined && (await client.getWorker({ params, query: { consistent: true } }, options)).ok
  return isKnown
    ? { ok: true, value: undefined, headers: new Headers() }
    : client.enrolWorker({ params, body: { labels } }, options)
}

export const agentVersion = 'benchplane-agent/0.1.0'

/**
 * What the server still takes for running then was given to us without our hearing of it, just as we stopped asking: nobody
 * runs it, so it is lost and may run elsewhere.
 */
const close = async (session: Session): Promise<void> => {
  const { client, workerId, note } = session.settings
  const params = { workerId, epoch: session.epoch }
  const options = { retryForMs: closeForMs, timeoutMs: closeForMs }
  try {
    const answer = await client.closeSession({ params }, options)
    if (answer.ok || isStaleEpoch(answer.problem)) return
    const { code, attempts } = answer.problem
    note('the session is closed by force', { code, attempts })
    const forced = await client.closeSession({ params, query: { force: true } }, options)
    if (!forced.ok && !isOutage(forced.problem)) note('the session stays open', { code: forced.problem.code })
  } catch (error) {
    if (!isUnreachable(error)) throw error
    note('the server does not answer: the session ends with its lease')
  }
}
