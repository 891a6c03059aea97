import { isUnreachable, type Problem } from '../client/problem.ts'
import type { Answer, CallOptions } from '../client/transport.ts'
import { newAttempts } from './attempts.ts'
import { serveBench } from './claims.ts'
import { keepLease } from './lease.ts'
import { endLeftOvers } from './leftOvers.ts'
import { reportOrphans } from './orphans.ts'
import { type AgentEnd, type AgentSettings, isStaleEpoch, type Session } from './session.ts'

export interface Agent {
  /** Rejects with `Unreachable` when the server could not be reached in the beginning. */
  ended: Promise<AgentEnd>
  /** Claims nothing more, lets what runs come to its end, closes the session. */
  drain(): void
  /** Like `drain`, but ends what runs. */
  stop(): void
}

/** Closing is a courtesy: without it, the lease runs out. */
const closeForMs = 10_000

/** A worker: enrols, serves its benches in one session, and runs what it is given until it is told to end. */
export const startAgent = (settings: AgentSettings): Agent => {
  const draining = new AbortController()
  const stopping = new AbortController()
  return {
    ended: live(settings, draining, stopping.signal),
    drain: () => draining.abort(),
    stop: () => {
      stopping.abort()
      draining.abort()
    },
  }
}

const live = async (settings: AgentSettings, draining: AbortController, stopping: AbortSignal): Promise<AgentEnd> => {
  const opened = await open(settings, draining.signal)
  if ('end' in opened) return opened.end
  const { session, terms, sentAt, loss } = opened
  await endLeftOvers(settings)
  const attempts = newAttempts(session)
  const lease = keepLease(session, terms, sentAt, attempts, () => draining.abort())
  const endAll = (): void =>
    attempts.stopAll({ because: 'abandoned', detail: 'its agent was stopped' }, settings.killGraceMs)
  stopping.addEventListener('abort', endAll)
  session.lost.addEventListener('abort', () => attempts.stopAll({ because: 'abandoned', detail: 'lost' }, lostGraceMs))
  const parts = { attempts, lease, draining: draining.signal }
  await Promise.all(settings.benchIds.map((benchId) => serveBench(session, benchId, parts)))
  // Afterwards our own beats are refused, which is no loss.
  const isLost = session.lost.aborted
  if (!isLost) await close(session)
  await lease.end()
  return isLost ? { kind: 'lost', detail: loss() } : { kind: 'drained' }
}

/** Whoever has the bench now may be about to use it. */
const lostGraceMs = 1_000

const open = async (settings: AgentSettings, signal: AbortSignal) => {
  const { client, workerId, benchIds, connectForMs, note } = settings
  const options = { retryForMs: connectForMs, timeoutMs: 10_000, signal }
  const refused = (problem: Problem) => ({ end: { kind: 'refused', problem } as const })
  try {
    const enrolled = await enrol(settings, options)
    if (!enrolled.ok) return refused(enrolled.problem)
    const sentAt = performance.now()
    const body = { benches: [...benchIds], agentVersion }
    const opened = await client.openSession({ params: { workerId }, body }, options)
    if (!opened.ok) return refused(opened.problem)
    note('serving', { workerId, epoch: opened.value.epoch, benches: benchIds.join(', ') })
    return { ...newSession(settings, opened.value.epoch), terms: opened.value, sentAt }
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

const newSession = (settings: AgentSettings, epoch: number): { session: Session; loss: () => string } => {
  const lost = new AbortController()
  let detail = ''
  const lose = (why: string): void => {
    if (lost.signal.aborted) return
    detail = why
    lost.abort()
  }
  return { session: { settings, epoch, lost: lost.signal, lose }, loss: () => detail }
}

/** What the server gave just when we stopped asking is told first: the session can't be closed over it. */
const close = async (session: Session): Promise<void> => {
  const { client, workerId, benchIds, note } = session.settings
  const params = { workerId, epoch: session.epoch }
  for (let tryCount = 1; tryCount <= 3 && !session.lost.aborted; tryCount++) {
    try {
      const answer = await client.closeSession({ params }, { retryForMs: closeForMs, timeoutMs: closeForMs })
      if (answer.ok || isStaleEpoch(answer.problem)) return
      note('the session can not be closed yet', { code: answer.problem.code })
      for (const benchId of benchIds) await reportOrphans(session, benchId)
    } catch (error) {
      if (!isUnreachable(error)) throw error
      note('the server does not answer: the session ends with its lease')
      return
    }
  }
}
