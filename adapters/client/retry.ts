import { setTimeout as sleep } from 'node:timers/promises'
import { passing } from './problem.ts'

/** When to ask again: full jitter over a doubling wait, so that many clients of a server that was away don't return as one. */

const firstWaitMs = 100
const waitMsMax = 5_000

/** Before try `tryCount` + 1, counted from 1: between nothing and 200 ms, 400 ms, … 5 s. */
export const jitteredWaitMs = (tryCount: number): number =>
  Math.random() * Math.min(waitMsMax, firstWaitMs * 2 ** Math.min(tryCount, 16))

/** Milliseconds of a Retry-After, in seconds or as a date; undefined when there is none. */
export const retryAfterMs = (header: string | null, nowMs: number): number | undefined => {
  if (header === null || header.trim() === '') return undefined
  const seconds = Number(header)
  const ms = Number.isNaN(seconds) ? Date.parse(header) - nowMs : seconds * 1_000
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}

export type Tried = { response: Response } | { error: unknown }

/**
 * Tries until an outcome stays, beginning no try later than `retryForMs` after the first; answers the last outcome. Again
 * after an error (no connection, a lost one, a try that timed out) and after 429, 502, 503 and 504, not before their
 * Retry-After. Rejects with the signal's reason when it aborts.
 */
export const persist = async <Outcome extends Tried>(
  attempt: () => Promise<Outcome>,
  retryForMs: number,
  signal?: AbortSignal,
): Promise<Outcome> => {
  const until = performance.now() + retryForMs
  for (let tryCount = 1; ; tryCount++) {
    const outcome = await attempt()
    signal?.throwIfAborted()
    const waitMs = waitAfter(outcome, tryCount)
    if (waitMs === undefined || performance.now() + waitMs > until) return outcome
    await wait(waitMs, signal)
  }
}

/** Undefined when the outcome stays. */
const waitAfter = (outcome: Tried, tryCount: number): number | undefined => {
  if ('error' in outcome) return jitteredWaitMs(tryCount)
  if (!passing.has(outcome.response.status)) return undefined
  const asked = retryAfterMs(outcome.response.headers.get('retry-after'), Date.now())
  return (asked ?? 0) + jitteredWaitMs(tryCount)
}

/** Waits, and rejects as soon as the signal aborts. */
export const wait = (ms: number, signal?: AbortSignal): Promise<void> =>
  sleep(ms, undefined, signal === undefined ? {} : { signal })
