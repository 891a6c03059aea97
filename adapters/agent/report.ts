import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { isOutage, isUnreachable, type Problem } from '../client/problem.ts'
import type { Answer } from '../client/transport.ts'
import type { SendLog } from './logShipper.ts'
import { type AttemptName, isStaleEpoch, type Session } from './session.ts'

/** How an attempt ended, as its worker tells it. */
export type Report =
  | { kind: 'complete'; result: { exitCode: number; durationMs: number } }
  | { kind: 'fail'; reason: string; infrastructure: boolean }
  | { kind: 'cancelled' }

const reasonLengthMax = 1_000
/** Between rounds of tries, which have waits of their own. */
const againAfterMs = 1_000

/**
 * Asks until the server has answered, through restarts and outages: what a worker knows of an attempt, nobody else does.
 * Undefined once the session is lost, since then nobody wants to know.
 */
const insist = async <Value>(
  { lost, lose, settings }: Session,
  ask: (signal: AbortSignal) => Promise<Answer<Value>>,
): Promise<{ value: Value } | { problem: Problem } | undefined> => {
  while (!lost.aborted) {
    try {
      const answer = await ask(lost)
      if (answer.ok) return { value: answer.value }
      if (isStaleEpoch(answer.problem)) lose(answer.problem.detail)
      else if (!isOutage(answer.problem)) return { problem: answer.problem }
    } catch (error) {
      if (!lost.aborted && !isUnreachable(error)) throw error
      settings.note('the server does not answer, trying again')
    }
    await sleep(againAfterMs * Math.random(), undefined, { signal: lost }).catch(() => undefined)
  }
  return undefined
}

/** Reports an attempt's end, once, whatever it takes. A refusal is noted: the server has decided otherwise meanwhile. */
export const report = async (session: Session, of: AttemptName, { kind, ...told }: Report): Promise<void> => {
  const { client, workerId, note } = session.settings
  const { executionId, taskName, attempt } = of
  const params = { executionId, taskName, attempt }
  const by = { epoch: session.epoch, workerId }
  const idempotencyKey = randomUUID()
  const answer = await insist(session, (signal) => {
    const options = { signal, idempotencyKey }
    if ('result' in told) return client.completeAttempt({ params, body: { ...by, ...told } }, options)
    if (!('reason' in told)) return client.acknowledgeCancel({ params, body: by }, options)
    const reason = told.reason.replaceAll('\0', '').slice(0, reasonLengthMax)
    return client.failAttempt({ params, body: { ...by, ...told, reason } }, options)
  })
  if (answer === undefined) return
  if ('problem' in answer) note('the report was not taken', { ...params, kind, code: answer.problem.code })
  else note('reported', { ...params, kind, ...told })
}

/** How an attempt's log gets to the server. */
export const sendLog =
  (session: Session, { executionId, taskName, attempt }: AttemptName): SendLog =>
  async (offset, text) => {
    const params = { executionId, taskName, attempt }
    const body = { epoch: session.epoch, workerId: session.settings.workerId, offset, text }
    const answer = await insist(session, (signal) => session.settings.client.appendLog({ params, body }, { signal }))
    if (answer === undefined) return undefined
    if ('value' in answer) return offset + Buffer.byteLength(text)
    const { code, expected } = answer.problem
    if (code === 'log-gap' && typeof expected === 'number' && expected < offset) return expected
    session.settings.note('the log is not wanted', { ...params, code })
    return undefined
  }
