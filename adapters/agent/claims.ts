import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { isUnreachable } from '../client/problem.ts'
import type { Attempts } from './attempts.ts'
import type { Lease } from './lease.ts'
import { type Claim, isStaleEpoch, type Session } from './session.ts'

/** Longest wait of one claim: what the server allows. */
const claimWaitMs = 25_000
/** What the answer may take beyond it. */
const answerMs = 10_000
/** After an answer that says nothing new. */
const againAfterMs = 1_000

export interface Claims {
  /** Claims while there is a bench to run on, until the signal aborts or the session is lost. */
  until(over: AbortSignal): Promise<void>
  /** Fetches what the last claim was given, should its answer have been lost when we stopped asking. */
  fetchLast(): Promise<void>
}

export const newClaims = (session: Session, attempts: Attempts, lease: Lease): Claims => {
  /** Kept until its answer has come: the server gives the same task to the same key again. */
  let key = randomUUID()
  const claim = async (waitMs: number, signal: AbortSignal): Promise<boolean> => {
    const answer = await ask(session, { waitMs, key, signal })
    if (answer === undefined) return false
    key = randomUUID()
    if (answer === 'none') return true
    const isNew = attempts.take(answer)
    // Listed at once, so that the server knows that its answer arrived.
    lease.beatNow()
    return isNew
  }
  return {
    until: async (draining) => {
      const over = AbortSignal.any([draining, session.lost])
      while (!over.aborted) {
        await attempts.untilRoom()
        if (over.aborted || (await claim(claimWaitMs, over))) continue
        await sleep(againAfterMs * Math.random(), undefined, { signal: over }).catch(() => undefined)
      }
    },
    fetchLast: async () => void (await claim(0, session.lost)),
  }
}

/** The task that was given, or that there is none; undefined when the answer did not come or was a refusal. */
const ask = async (
  session: Session,
  { waitMs, key, signal }: { waitMs: number; key: string; signal: AbortSignal },
): Promise<Claim | 'none' | undefined> => {
  const { client, workerId, note } = session.settings
  try {
    const body = { epoch: session.epoch, waitMs }
    const options = { timeoutMs: waitMs + answerMs, retryForMs: 0, idempotencyKey: key, signal }
    const answer = await client.claimTask({ params: { workerId }, body }, options)
    if (answer.ok) return answer.value ?? 'none'
    if (isStaleEpoch(answer.problem)) session.lose(answer.problem.detail)
    else note('the claim was refused', { code: answer.problem.code, detail: answer.problem.detail })
  } catch (error) {
    if (!signal.aborted && !isUnreachable(error)) throw error
  }
  return undefined
}
