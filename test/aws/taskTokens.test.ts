import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { parse } from 'yaml'
import { openTaskAnswers } from '../../adapters/stepfunctions/callback.ts'
import { newSecret } from '../../adapters/webhooks/signature.ts'
import { handler } from '../../examples/stateMachine/submitExecution.ts'
import { anybody, motoServer } from '../adapters/moto.ts'
import { throttled } from '../adapters/motoProxy.ts'
import { finished } from '../adapters/published.ts'
import { numbers, openHouses } from '../infra/house.ts'
import { call, startServer, temporaryDirectory, waitFor } from '../journey/server.ts'
import { functionArn, machinesOf } from './machines.ts'

const moto = motoServer()
const machines = machinesOf(moto)
const { open } = openHouses()
const signal = new AbortController().signal
let made = 0

/** The causes that go to the service from here on: moto forgets them. */
const causes = (): Record<string, unknown>[] => {
  const told: Record<string, unknown>[] = []
  moto.proxy().follow(({ operation, body }) => {
    if (operation === 'SendTaskFailure')
      told.push(JSON.parse((JSON.parse(body) as { cause: string }).cause) as Record<string, unknown>)
    return undefined
  })
  return told
}

/** A machine of one step that waits, with the token that it waits for; `more` belongs to the step. */
const waiting = async (more: object = {}) => {
  const name = `ask-${++made}`
  const asked = Promise.withResolvers<string>()
  moto.proxy().runFunction(functionArn(name), async (payload) => asked.resolve((payload as { token: string }).token))
  const step = {
    Type: 'Task',
    Resource: 'arn:aws:states:::lambda:invoke.waitForTaskToken',
    Parameters: { FunctionName: functionArn(name), Payload: { 'token.$': '$$.Task.Token' } },
    End: true,
    ...more,
  }
  const run = await machines.start(await machines.create({ StartAt: 'Step', States: { Step: step } }), {})
  return { run, token: await asked.promise }
}

describe('the answer to a state machine that waits', () => {
  const answers = () => openTaskAnswers(machines.client())

  test('is the outcome, when the execution has passed', async () => {
    const { run, token } = await waiting()
    expect(await answers().finish(finished('passed', token), false, signal)).toEqual({ kind: 'taken' })
    const { status, output = '' } = await machines.ended(run)
    expect(status).toBe('SUCCEEDED')
    expect(JSON.parse(output)).toEqual({
      executionId: 'e1',
      verdict: 'passed',
      reservationId: 'r1',
      eventId: 'execution/e1/7',
      finishedAt: '2026-03-02T08:00:00.000Z',
    })
  })

  test.each(['failed', 'errored', 'timed-out', 'cancelled'])(
    'is the error %s, when that is the verdict',
    async (verdict) => {
      const told = causes()
      const { run, token } = await waiting()
      expect(await answers().finish(finished(verdict, token), false, signal)).toEqual({ kind: 'taken' })
      const { status, error } = await machines.ended(run)
      expect({ status, error }).toEqual({ status: 'FAILED', error: verdict })
      expect(told).toMatchObject([{ executionId: 'e1', verdict }])
    },
  )

  test('is final when nobody waits any more, and is not asked of the service again', async () => {
    moto.proxy().follow(() => undefined)
    expect(await answers().finish(finished('passed', 'of-nobody'), false, signal)).toMatchObject({
      kind: 'failed',
      error: expect.stringContaining('InvalidToken'),
      isFinal: true,
    })
    expect(moto.proxy().countOf('SendTaskSuccess')).toBe(1)
  })

  test('that was given already, but was not heard of, counts as taken; a first one that comes too late does not', async () => {
    const late = { kind: 'answer', status: 400, type: 'TaskTimedOut' } as const
    moto.proxy().follow(({ operation, n }) => {
      if (operation !== 'SendTaskSuccess') return undefined
      return n === 1 || n === 4 ? { kind: 'failed' } : late
    })
    const { token } = await waiting()
    expect(await answers().finish(finished('passed', token), false, signal)).toEqual({ kind: 'taken' })
    const first = await answers().finish(finished('passed', 'too-late'), false, signal)
    expect(first).toMatchObject({ kind: 'failed', isFinal: true })
    expect(await answers().finish(finished('passed', 'too-late'), true, signal)).toEqual({ kind: 'taken' })
  })

  test('waits for another time when the service is away', async () => {
    moto.proxy().follow(({ operation }) => (operation === 'SendTaskFailure' ? throttled : undefined))
    const answered = await answers().finish(finished('failed', 'any'), false, signal)
    expect(answered).toMatchObject({ kind: 'failed', isFinal: false })
  })

  test('comes in time while it is beaten, and too late when the bench is silent', async () => {
    const [beaten, silent] = await Promise.all([waiting({ HeartbeatSeconds: 2 }), waiting({ HeartbeatSeconds: 2 })])
    for (let n = 0; n < 4; n++) {
      await wait(1_000)
      expect(await answers().beat(beaten.token, signal)).toEqual({ kind: 'taken' })
    }
    expect(await machines.ended(silent.run)).toMatchObject({ status: 'FAILED' })
    expect(await answers().finish(finished('passed', beaten.token), false, signal)).toEqual({ kind: 'taken' })
    expect(await machines.ended(beaten.run)).toMatchObject({ status: 'SUCCEEDED' })
  })
})

describe('a house that answers state machines', () => {
  const booked = async (pausesMs = [10, 10, 10]) => {
    const secret = newSecret()
    const callbacks = { secret: () => secret, pausesMs, tasks: openTaskAnswers(machines.client()) }
    const voiced = await open({ store: 'memory', callbacks })
    await voiced.bench('b1')
    await voiced.book('r1', 'b1')
    const finish = async (id: string, taskToken: string): Promise<void> => {
      const tasks = [{ name: 'a', run: {} }]
      await voiced.done('execution', id, 'SubmitExecution', { reservationId: 'r1', tasks, callback: { taskToken } })
      await voiced.done('execution', id, 'CancelExecution', {})
    }
    const counts = () => {
      const all = numbers(voiced.house)
      return ['delivered_total', 'dead_total', 'pending'].map((name) => all[`benchplane_callbacks_${name}`])
    }
    return { ...voiced, finish, counts }
  }

  test('tells each its own end, once', async () => {
    const told = causes()
    const { finish, counts } = await booked()
    const waits = await Promise.all([waiting(), waiting(), waiting()])
    await Promise.all(waits.map(({ token }, n) => finish(`e${n}`, token)))
    const ends = await Promise.all(waits.map(({ run }) => machines.ended(run)))
    expect(ends.map(({ error }) => error)).toEqual(['cancelled', 'cancelled', 'cancelled'])
    expect(told.map(({ executionId }) => String(executionId)).toSorted()).toEqual(['e0', 'e1', 'e2'])
    await vi.waitFor(() => expect(counts()).toEqual([3, 0, 0]))
  })

  test('keeps on while the service is away, and gives up what nobody waits for', async () => {
    const { finish, counts } = await booked(Array.from({ length: 50 }, () => 10))
    const { run, token } = await waiting()
    moto.proxy().follow(({ operation, n }) => (operation === 'SendTaskFailure' && n <= 7 ? throttled : undefined))
    await finish('e1', token)
    expect(await machines.ended(run)).toMatchObject({ error: 'cancelled' })
    await vi.waitFor(() => expect(counts()).toEqual([1, 0, 0]))
    await finish('e2', 'of-nobody')
    await vi.waitFor(() => expect(counts()).toEqual([1, 1, 0]))
  })
})

test('a bench run is a step of a state machine: submitted, claimed, beaten, passed, answered', async () => {
  const aws = { AWS_REGION: anybody.region, AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' }
  const env = { ...aws, AWS_ENDPOINT_URL_SFN: moto.settings().endpoint, BENCHPLANE_TASK_TOKENS: 'true' }
  const { url } = await startServer(temporaryDirectory(), [], env)
  vi.stubEnv('BENCHPLANE_URL', url)
  onTestFinished(() => void vi.unstubAllEnvs())
  moto.proxy().runFunction(functionArn('submit-execution'), (step) => handler(step as Parameters<typeof handler>[0]))

  const definition = parse(readFileSync('examples/stateMachine/benchRun.asl.yaml', 'utf8')) as object
  await call(url, 'POST', '/v1/benches', { benchId: 'b1', type: 'hil', capabilities: [] })
  const asked = { reservationId: 'R', holder: 'ann', benches: [{ benchId: 'b1' }], durationMs: 7_200_000 }
  await call(url, 'POST', '/v1/reservations', asked)
  await call(url, 'PUT', '/v1/workers/w1', {})
  await call(url, 'POST', '/v1/workers/w1/sessions', { benches: ['b1'], agentVersion: '1' })

  const machine = await machines.create(definition)
  const run = await machines.start(machine, { reservationId: 'R', commitSha: 'abc123' })
  const claim = async () =>
    call<Record<string, string>>(url, 'POST', '/v1/workers/w1/claim', { epoch: 1, waitMs: 5_000 })
  for (const taskName of ['flash', 'braking-distance']) {
    const { status, body } = await claim()
    expect({ status, taskName: body['taskName'], commitSha: body['commitSha'] }).toEqual({
      status: 200,
      taskName,
      commitSha: 'abc123',
    })
    const attempt = { executionId: body['executionId'], taskName, attempt: 1 }
    await call(url, 'POST', '/v1/workers/w1/heartbeat', { epoch: 1, attempts: [attempt] })
    await waitFor(async () => moto.proxy().countOf('SendTaskHeartbeat') === 1)
    const path = `/v1/executions/${body['executionId']}/tasks/${taskName}/attempts/1/complete`
    expect((await call(url, 'POST', path, { epoch: 1, workerId: 'w1' })).status).toBe(200)
  }
  const { status, output = '' } = await machines.ended(run)
  expect({ status, bench: (JSON.parse(output) as { bench: object }).bench }).toMatchObject({
    status: 'SUCCEEDED',
    bench: { verdict: 'passed', reservationId: 'R' },
  })
  expect(moto.proxy().countOf('SendTaskHeartbeat')).toBe(1)

  const failing = await machines.start(machine, { reservationId: 'R', commitSha: 'abc124' })
  const { body } = await claim()
  const path = `/v1/executions/${body['executionId']}/tasks/flash/attempts/1/fail`
  await call(url, 'POST', path, { epoch: 1, workerId: 'w1', reason: 'no flash' })
  expect(await machines.ended(failing)).toMatchObject({ status: 'FAILED', error: 'TestsFailed' })

  // What the server refuses fails the step by its code.
  const refused = await machines.start(machine, { reservationId: 'nobody', commitSha: 'abc123' })
  expect(await machines.ended(refused)).toMatchObject({ status: 'FAILED', error: 'reservation-unknown' })
})
