import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { isOutage, isUnreachable, type Problem } from '../client/problem.ts'
import { jitteredWaitMs } from '../client/retry.ts'
import type { Answer } from '../client/transport.ts'
import type { SendLog } from './logShipper.ts'
import { type AttemptName, isStaleEpoch, nameOf, type Session } from './session.ts'

/** How an attempt ended, as its worker tells it. */
export type Report =
  | { kind: 'complete'; result?: unknown; artifacts: readonly string[] }
  | { kind: 'fail'; reason: string; infrastructure: boolean; result?: unknown }
  | { kind: 'cancelled' }

const reasonLengthMax = 1_000
/** What the server takes as a result. */
const resultLengthMax = 16 * 1024

/** Each try of its own accord: the lease may have lapsed since the one before. */
const once = { retryForMs: 0 }

/**
 * Asks until the server has answered, through restarts and outages: what a worker knows of an attempt, nobody else does.
 * Only while the lease is held: after a pause, a beat has to say first whether this session still counts. Undefined once it
 * does not, or when the signal aborts.
 */
export const insist = async <Value>(
  { lost, lose, settings, fence }: Session,
  ask: (signal: AbortSignal) => Promise<Answer<Value>>,
  given: AbortSignal = lost,
): Promise<{ value: Value } | { problem: Problem } | undefined> => {
  const signal = AbortSignal.any([lost, given])
  for (let tryCount = 1; (await fence.held()) && !signal.aborted; tryCount++) {
    try {
      const answer = await ask(signal)
      if (answer.ok) return { value: answer.value }
      if (isStaleEpoch(answer.problem)) lose(answer.problem.detail)
      else if (!isOutage(answer.problem)) return { problem: answer.problem }
    } catch (error) {
      if (!signal.aborted && !isUnreachable(error)) throw error
      if (tryCount === 1) settings.note('the server does not answer, trying again')
    }
    await sleep(jitteredWaitMs(tryCount), undefined, { signal }).catch(() => undefined)
  }
  return undefined
}

/** Reports an attempt's end, once, whatever it takes. A refusal is noted: the server has decided otherwise meanwhile. */
export const report = async (session: Session, of: AttemptName, told: Report): Promise<void> => {
  const { note, alarm } = session.settings
  const answer = await tell(session, of, told)
  if (answer === undefined) return
  if ('value' in answer) {
    const artifactCount = 'artifacts' in told ? told.artifacts.length : undefined
    note('reported', { ...nameOf(of), ...told, artifacts: undefined, artifactCount })
    return
  }
  const { code, detail } = answer.problem
  if (code === 'stale-attempt' || told.kind !== 'complete') {
    note('the report was not taken', { ...nameOf(of), kind: told.kind, code, detail })
    return
  }
  // Otherwise nobody would know that it is over.
  alarm('the report was refused', { ...nameOf(of), code, detail })
  await report(session, of, { kind: 'fail', reason: `its report was refused: ${detail}`, infrastructure: true })
}

const tell = (session: Session, { executionId, taskName, attempt }: AttemptName, told: Report) => {
  const { client, workerId } = session.settings
  const params = { executionId, taskName, attempt }
  const by = { epoch: session.epoch, workerId }
  const idempotencyKey = randomUUID()
  return insist<unknown>(session, (signal) => {
    const options = { ...once, signal, idempotencyKey, prefer: 'minimal' } as const
    if (told.kind === 'cancelled') return client.acknowledgeCancel({ params, body: by }, options)
    const { kind, ...rest } = { ...told, ...fitting(told.result) }
    if (rest.result === undefined) delete rest.result
    if ('artifacts' in rest) {
      const body = { ...by, ...rest, artifacts: [...rest.artifacts] }
      return client.completeAttempt({ params, body }, options)
    }
    return client.failAttempt({ params, body: { ...by, ...rest, reason: fittingText(rest.reason) } }, options)
  })
}

/** What the server would refuse with all the rest. */
const fitting = (result: unknown): { result: unknown } => {
  if (result === undefined) return { result }
  const length = JSON.stringify(result)?.length ?? 0
  if (length <= resultLengthMax) return { result }
  const leftOut = `the result is left out: ${length} characters of JSON, at most ${resultLengthMax}`
  const { tests } = result as { tests?: unknown }
  return { result: { leftOut, ...(tests === undefined ? {} : { tests }) } }
}

const fittingText = (reason: string): string => reason.replaceAll('\0', '').slice(0, reasonLengthMax).toWellFormed()

/** How an attempt's log gets to the server. */
export const sendLog =
  (session: Session, { executionId, taskName, attempt }: AttemptName): SendLog =>
  async (offset, text) => {
    const params = { executionId, taskName, attempt }
    const body = { epoch: session.epoch, workerId: session.settings.workerId, offset, text }
    const answer = await insist(session, (signal) =>
      session.settings.client.appendLog({ params, body }, { ...once, signal }),
    )
    if (answer === undefined) return undefined
    if ('value' in answer) return offset + Buffer.byteLength(text)
    const { code, expected } = answer.problem
    if (code === 'log-gap' && typeof expected === 'number' && expected < offset) return expected
    session.settings.note('the log is not wanted', { ...params, code })
    return undefined
  }
