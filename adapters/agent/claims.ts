import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { isUnreachable } from '../client/problem.ts'
import { jitteredWaitMs } from '../client/retry.ts'
import type { Attempts } from './attempts.ts'
import type { Lease } from './lease.ts'
import { type Claim, isStaleEpoch, nameOf, type Session } from './session.ts'

/** Longest wait of one claim: what the server allows. */
const claimWaitMs = 25_000
/** What the answer may take beyond it. */
const answerMs = 10_000
/** A server that does not wait (a function) is asked again after this, give or take a fifth. */
export const askAgainMs = 5_000

/**
 * Claims for one bench and runs what it is given, one attempt after the other, until the signal aborts (what runs then
 * comes to its end) or the session is lost. In doubt whether a task was given, it first tells with a beat what it knows of:
 * the server then gives it again what it never heard of.
 */
export const serveBench = async (
  session: Session,
  benchId: string,
  { attempts, lease, draining }: { attempts: Attempts; lease: Lease; draining: AbortSignal },
): Promise<void> => {
  const over = AbortSignal.any([draining, session.lost])
  /** Kept until its answer has come: the server gives the same task to the same key again. */
  let key = randomUUID()
  /** Claims in a row that left us in doubt. */
  let doubtCount = 0
  while (!over.aborted) {
    if (doubtCount > 0 && !(await hasTold(lease, doubtCount, over))) continue
    const waitMs = doubtCount > 0 ? 0 : claimWaitMs
    const askedAtMs = performance.now()
    const answer = await ask(session, { benchId, waitMs, key, signal: over })
    if (answer === undefined) {
      doubtCount += 1
      continue
    }
    key = randomUUID()
    const isKnown = answer !== 'none' && attempts.knows(answer)
    if (isKnown) session.settings.note('given again what is known already', nameOf(answer))
    doubtCount = isKnown ? doubtCount + 1 : 0
    if (answer !== 'none' && !isKnown) await carryOut(attempts, lease, answer)
    const hasWaited = performance.now() - askedAtMs >= waitMs / 2
    if (answer === 'none' && !hasWaited) await pause(askAgainMs, over)
  }
}

/** Not to the millisecond, so that agents that were started together do not stay so. */
const pause = (ms: number, over: AbortSignal): Promise<unknown> =>
  sleep(ms * (0.8 + Math.random() * 0.4), undefined, { signal: over }).catch(() => undefined)

/** After a while, that of a server that comes back, a beat; false when there was none. */
const hasTold = async (lease: Lease, doubtCount: number, over: AbortSignal): Promise<boolean> => {
  await sleep(jitteredWaitMs(doubtCount), undefined, { signal: over }).catch(() => undefined)
  if (over.aborted) return false
  const isOver = Promise.withResolvers<boolean>()
  const end = (): void => isOver.resolve(false)
  over.addEventListener('abort', end)
  try {
    return await Promise.race([lease.beaten(), isOver.promise])
  } finally {
    over.removeEventListener('abort', end)
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
