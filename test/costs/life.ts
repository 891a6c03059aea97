/**
 * One reservation's whole life in the deployment: asked for, checked in, used by an execution of three tasks, released
 * within the hour; and all that follows it: rows, pages of the feed, events on the bus, policies and clocks.
 */
import type { Engine } from './cloud.ts'
import { booking, plan, registration } from './story.ts'
import { type Life, openTurned, type Turned } from './turned.ts'

const worker = '/v1/workers/rack-3'
const heartbeatEveryMs = 10_000
const heldMs = 30 * 60_000
const session = { workerId: 'rack-3', epoch: 1 }

/** A lab with a bench, a worker on it, and a life that came before: every part has seen its work once. */
const furnish = async (turned: Turned): Promise<void> => {
  const { ask } = turned
  const [, , , description] = registration('hil-run')
  await ask('request', 'POST', '/v1/benches', description)
  await ask('request', 'PUT', worker, {})
  await ask('request', 'POST', `${worker}/sessions`, { benches: ['hil-run'], agentVersion: '0.1.0' })
}

const live = async ({ ask, after, beat }: Turned, id: string): Promise<void> => {
  const [reservationId, executionId] = [`nightly-reservation-${id}`, `nightly-execution-${id}`]
  const window = { reservationId, durationMs: 3_600_000 }
  await ask('request', 'POST', '/v1/reservations', booking(['hil-run'], window))
  await after(1_000)
  await ask('request', 'POST', `/v1/reservations/${reservationId}/check-in`)
  await ask('request', 'POST', '/v1/executions', { executionId, ...plan(reservationId) })
  for (const taskName of ['flash', 'measure', 'report']) {
    const attempt = `/v1/executions/${executionId}/tasks/${taskName}/attempts/1`
    await ask('claim', 'POST', `${worker}/claim`, { epoch: 1, waitMs: 0 })
    await after(heldMs / 3)
    await beat(heldMs / 3 / heartbeatEveryMs, [{ executionId, taskName, attempt: 1 }])
    await ask('request', 'POST', `${attempt}/complete`, { ...session, result: { passed: 212 } })
  }
  await ask('request', 'POST', `/v1/reservations/${reservationId}/release`)
}

/** Its clocks run on for a day: whatever they were armed for has come by then. */
const clocksRunMs = 24 * 3_600_000

/** The second of two lives, so that every function is warm. */
export const measureLife = async (engine: Engine): Promise<Life> => {
  const turned = openTurned(engine)
  await furnish(turned)
  await live(turned, '1')
  await turned.after(clocksRunMs)
  turned.begin()
  await live(turned, '2')
  await turned.after(clocksRunMs)
  return turned.end()
}
