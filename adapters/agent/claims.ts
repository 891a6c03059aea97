import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { isUnreachable } from '../client/problem.ts'
import type { Attempts } from './attempts.ts'
import type { Lease } from './lease.ts'
import { reportOrphans } from './orphans.ts'
import { type Claim, isStaleEpoch, type Session } from './session.ts'

/** Longest wait of one claim: what the server allows. */
const claimWaitMs = 25_000
/** What the answer may take beyond it. */
const answerMs = 10_000
/** After a claim without an answer. */
const againAfterMs = 1_000

/**
 * Claims for one bench and runs what it is given, one attempt after the other, until the signal aborts (what runs then
 * comes to its end) or the session is lost.
 */
export const serveBench = async (
  session: Session,
  benchId: string,
  { attempts, lease, draining }: { attempts: Attempts; lease: Lease; draining: AbortSignal },
): Promise<void> => {
  const over = AbortSignal.any([draining, session.lost])
  /** Kept until its answer has come: the server gives the same task to the same key again, unless it was restarted. */
  let key = randomUUID()
  let isInDoubt = false
  while (!over.aborted) {
    const answer = await ask(session, { benchId, waitMs: isInDoubt ? 0 : claimWaitMs, key, signal: over })
    if (answer === undefined) {
      isInDoubt = true
      await sleep(againAfterMs * Math.random(), undefined, { signal: over }).catch(() => undefined)
      continue
    }
    if (isInDoubt && answer === 'none') await reportOrphans(session, benchId)
    isInDoubt = false
    key = randomUUID()
    if (answer !== 'none') await carryOut(attempts, lease, answer)
  }
}

const carryOut = async (attempts: Attempts, lease: Lease, claim: Claim): Promise<void> => {
  const running = attempts.run(claim)
  // Listed at once, so that the server knows that its answer arrived.
  lease.beatNow()
  await running
}

/** The task that was given, or that there is none; undefined when the answer did not come or was a refusal. */
const ask = async (
  session: Session,
  { benchId, waitMs, key, signal }: { benchId: string; waitMs: number; key: string; signal: AbortSignal },
): Promise<Claim | 'none' | undefined> => {
  const { client, workerId, note } = session.settings
  try {
    const body = { epoch: session.epoch, waitMs, benches: [benchId] }
    const options = { timeoutMs: waitMs + answerMs, retryForMs: 0, idempotencyKey: key, signal }
    const answer = await client.claimTask({ params: { workerId }, body }, options)
    if (answer.ok) return answer.value ?? 'none'
    if (isStaleEpoch(answer.problem)) session.lose(answer.problem.detail)
    else note('the claim was refused', { benchId, code: answer.problem.code, detail: answer.problem.detail })
  } catch (error) {
    if (!signal.aborted && !isUnreachable(error)) throw error
  }
  return undefined
}
