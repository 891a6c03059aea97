import { setTimeout as sleep } from 'node:timers/promises'
import type { ValueOf } from '../client/operations.ts'
import { isUnreachable } from '../client/problem.ts'
import { jitteredWaitMs } from '../client/retry.ts'
import type { Attempts } from './attempts.ts'
import { type AttemptName, isOver, type Session } from './session.ts'
import { marginMs } from './watch.ts'

/** What the server tells with every beat. */
interface Terms {
  leaseMs: number
  heartbeatEveryMs: number
}

/** Kept back from the grace of a cancel for what follows the command's end, a quarter of it at most. */
const reportMs = 2_000
/** After a beat without an answer, at most so long and a quarter of the interval. */
const againAfterMsMax = 1_000

export interface Lease {
  /** Beats at once instead of at the end of the interval. */
  beatNow(): void
  /** Resolves once a beat that was sent after this call is answered (true), or when the session is lost or over (false). */
  beaten(): Promise<boolean>
  /** No more beats. */
  end(): Promise<void>
}

/**
 * Beats at the interval that the server tells, and carries out what it asks for. When the lease is about to run out,
 * whatever runs is ended before the server gives it away.
 */
export const keepLease = (
  session: Session,
  { terms, sentAt }: { terms: Terms; sentAt: number },
  attempts: Attempts,
  onDrain: () => void,
): Lease => {
  const over = new AbortController()
  const nudges = newNudges()
  let lapse = renewed(session, terms, sentAt, attempts)
  const beat = async (before: Terms): Promise<Terms | undefined> => {
    const beatAt = performance.now()
    const waiting = nudges.taken()
    const answer = await sendBeat(session, before, attempts)
    if (answer === undefined) nudges.giveBack(waiting)
    else {
      clearTimeout(lapse)
      lapse = renewed(session, answer, beatAt, attempts)
      obey(answer.flags, attempts, onDrain)
      for (const resolve of waiting) resolve(true)
    }
    return answer
  }
  const beats = async (): Promise<void> => {
    let missedCount = 0
    for (let known = terms; !over.signal.aborted && !session.lost.aborted; ) {
      const beatAt = performance.now()
      const told = await beat(known)
      missedCount = told === undefined ? missedCount + 1 : 0
      known = told ?? known
      const signal = AbortSignal.any([over.signal, session.lost, ...(told === undefined ? [] : [nudges.signal()])])
      await sleep(Math.max(0, beatAt + waitMs(known, missedCount) - performance.now()), undefined, { signal }).catch(
        () => undefined,
      )
    }
    clearTimeout(lapse)
    for (const resolve of nudges.taken()) resolve(false)
  }
  const beating = beats()
  return {
    beatNow: nudges.nudge,
    beaten: () => (over.signal.aborted || session.lost.aborted ? Promise.resolve(false) : nudges.wait()),
    end: () => {
      over.abort()
      return beating
    },
  }
}

/** Many agents of a server that was away don't beat as one. */
const waitMs = ({ heartbeatEveryMs }: Terms, missedCount: number): number =>
  missedCount === 0
    ? heartbeatEveryMs * (0.9 + 0.1 * Math.random())
    : Math.min(jitteredWaitMs(missedCount), againAfterMsMax, heartbeatEveryMs / 4)

/** Who wants a beat before its time, and who waits for its answer. */
const newNudges = () => {
  let nudge = new AbortController()
  let waiting: ((isBeaten: boolean) => void)[] = []
  return {
    nudge: () => nudge.abort(),
    /** Aborts with the next nudge; at once after one that came since the last beat was begun. */
    signal: () => nudge.signal,
    wait: (): Promise<boolean> => {
      const { promise, resolve } = Promise.withResolvers<boolean>()
      waiting.push(resolve)
      nudge.abort()
      return promise
    },
    /** A beat begins: those who wait for it. */
    taken: () => {
      nudge = new AbortController()
      const taken = waiting
      waiting = []
      return taken
    },
    giveBack: (taken: typeof waiting) => {
      waiting = [...taken, ...waiting]
    },
  }
}

/** The lease from now on, and the timer that ends what runs when it is about to run out. */
const renewed = (session: Session, terms: Terms, sentAt: number, attempts: Attempts): NodeJS.Timeout => {
  const endsAt = sentAt + terms.leaseMs
  const margin = marginMs(terms.leaseMs)
  session.fence.set(endsAt)
  session.guard.renew(endsAt, terms.leaseMs)
  const lapse = (): void => {
    if (session.lost.aborted) return
    session.settings.note('no heartbeat was answered: ending what runs, before the lease runs out')
    session.guard.ending()
    const detail = 'stopped by its agent: the server did not answer, and the lease was running out'
    attempts.stopAll({ because: 'fenced', detail }, Math.max(0, Math.min(margin / 2, endsAt - performance.now())))
  }
  return setTimeout(lapse, Math.max(0, endsAt - margin - performance.now()))
}

const obey = (flags: ValueOf<'heartbeat'>['flags'], attempts: Attempts, onDrain: () => void): void => {
  for (const flag of flags) {
    if (flag.kind === 'drain') onDrain()
    else cancel(attempts, flag)
  }
}

const cancel = (attempts: Attempts, flag: AttemptName & { graceMs: number }): void => {
  // Something is kept for artifacts and the way back, since the server's own patience ends with the grace.
  const kept = Math.min(reportMs, flag.graceMs / 4)
  const reportBy = performance.now() + flag.graceMs - kept / 2
  attempts.find(flag)?.stop({ because: 'cancelled', detail: 'cancelled', reportBy }, flag.graceMs - kept)
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
    if (isOver(answer.problem)) session.lose(answer.problem.detail)
    else note('the heartbeat was refused', { code: answer.problem.code })
  } catch (error) {
    if (!session.lost.aborted && !isUnreachable(error)) throw error
  }
  return undefined
}
