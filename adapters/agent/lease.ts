import { setTimeout as sleep } from 'node:timers/promises'
import { isUnreachable } from '../client/problem.ts'
import type { Attempts } from './attempts.ts'
import { isStaleEpoch, type Session } from './session.ts'

/** What the server tells with every beat. */
interface Terms {
  leaseMs: number
  heartbeatEveryMs: number
}

/** Kept back from the lease for ending what runs: a quarter of it, 5 s at most. */
const marginMs = ({ leaseMs }: Terms): number => Math.min(5_000, leaseMs / 4)
/** Kept back from the grace of a cancel for telling the server, a quarter of it at most. */
const reportMs = 2_000
/** After a beat without an answer, a quarter of the interval at most. */
const againAfterMs = 1_000

export interface Lease {
  /** Beats at once instead of at the end of the interval. */
  beatNow(): void
  /** No more beats. */
  end(): Promise<void>
}

/**
 * Beats at the interval that the server tells, and carries out what it asks for. Counted on the monotonic clock from the
 * moment a beat was *sent*: when the lease is about to run out, whatever runs is ended before the server gives it away.
 */
export const keepLease = (
  session: Session,
  terms: Terms,
  sentAt: number,
  attempts: Attempts,
  onDrain: () => void,
): Lease => {
  const over = new AbortController()
  let nudge = new AbortController()
  let lapse = lapseAfter(session, terms, sentAt, attempts)
  const beat = async (before: Terms): Promise<Terms | undefined> => {
    const beatAt = performance.now()
    const answer = await sendBeat(session, before, attempts)
    if (answer === undefined) return undefined
    clearTimeout(lapse)
    lapse = lapseAfter(session, answer, beatAt, attempts)
    for (const flag of answer.flags) {
      if (flag.kind === 'drain') onDrain()
      else cancel(attempts, flag)
    }
    return answer
  }
  const beats = async (): Promise<void> => {
    for (let known = terms; !over.signal.aborted && !session.lost.aborted; ) {
      const beatAt = performance.now()
      nudge = new AbortController()
      const told = await beat(known)
      known = told ?? known
      const everyMs = told === undefined ? Math.min(againAfterMs, known.heartbeatEveryMs / 4) : known.heartbeatEveryMs
      const signal = AbortSignal.any([over.signal, session.lost, nudge.signal])
      await sleep(Math.max(0, beatAt + everyMs - performance.now()), undefined, { signal }).catch(() => undefined)
    }
    clearTimeout(lapse)
  }
  const beating = beats()
  return {
    beatNow: () => nudge.abort(),
    end: () => {
      over.abort()
      return beating
    },
  }
}

const lapseAfter = (session: Session, terms: Terms, sentAt: number, attempts: Attempts): NodeJS.Timeout => {
  const inMs = sentAt + terms.leaseMs - marginMs(terms) - performance.now()
  return setTimeout(
    () => {
      session.settings.note('no heartbeat was answered: ending what runs, before the lease runs out')
      const detail = 'stopped by its agent: the server did not answer, and the lease was running out'
      attempts.stopAll({ because: 'abandoned', detail }, marginMs(terms) / 2)
    },
    Math.max(0, inMs),
  )
}

const cancel = (
  attempts: Attempts,
  flag: { executionId: string; taskName: string; attempt: number; graceMs: number },
): void => {
  // Something is kept for the way back, since the server's own patience ends with the grace.
  const graceMs = flag.graceMs - Math.min(reportMs, flag.graceMs / 4)
  attempts.find(flag)?.stop({ because: 'cancelled', detail: 'cancelled' }, graceMs)
}

/** One beat; undefined without an answer that renews the lease. */
const sendBeat = async (session: Session, terms: Terms, attempts: Attempts) => {
  const { client, workerId, note } = session.settings
  try {
    const answer = await client.heartbeat(
      { params: { workerId }, body: { epoch: session.epoch, attempts: [...attempts.listed()] } },
      { timeoutMs: Math.max(1_000, terms.heartbeatEveryMs), retryForMs: 0, signal: session.lost },
    )
    if (answer.ok) return answer.value
    if (isStaleEpoch(answer.problem)) session.lose(answer.problem.detail)
    else note('the heartbeat was refused', { code: answer.problem.code })
  } catch (error) {
    if (!session.lost.aborted && !isUnreachable(error)) throw error
  }
  return undefined
}
