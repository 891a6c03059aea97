import { setTimeout as wait } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { startStreamRunner } from '../../adapters/dynamodb/streamRunner.ts'
import { connectStreams } from '../../adapters/dynamodb/streams.ts'
import { noLog } from '../../infra/log.ts'
import type { BatchAnswer, StreamHandler } from '../../projections/handler.ts'
import { anybody, localEngine } from '../adapters/dynamodbLocal.ts'
import { openIssuer } from '../adapters/http/issuer.ts'
import { motoServer } from '../adapters/moto.ts'
import { openGateway, type RunningFunction } from '../infra/entry/functions.ts'
import { begin, bench, executionId, expectWhole, steps, wholeLife } from '../journey/life.ts'
import { call } from '../journey/server.ts'
import { createTables, openServices, startFunctions, synthesised } from './deployed.ts'
import { functionArn } from './machines.ts'

const engine = localEngine()
const moto = motoServer()

/** All of the deployment, running. */
const deployed = async () => {
  const given = synthesised()
  await createTables(given, engine.client())
  const services = await openServices(given, moto)
  const issuer = await openIssuer()
  onTestFinished(issuer.close)
  const values = {
    BENCHPLANE_LETTERS_QUEUE_URL: services.letters,
    BENCHPLANE_EVENT_BUS_NAME: services.busName,
    BENCHPLANE_BUCKET: 'blobs',
    BENCHPLANE_CLOCK_ARN: services.clockArn,
    BENCHPLANE_WEBHOOK_SECRET: `whsec_${'A'.repeat(44)}`,
    BENCHPLANE_JWT_ISSUER: issuer.url,
    BENCHPLANE_JWT_AUDIENCE: 'benchplane',
  }
  const surroundings = { AWS_REGION: 'eu-central-1', AWS_ENDPOINT_URL: moto.settings().endpoint }
  const { functions, refused } = await startFunctions(given, values, surroundings, engine.endpoint())
  moto.proxy().runFunction(functionArn('tick'), functions.tick.invoke)
  const streams = connectStreams({ endpoint: engine.endpoint(), ...anybody })
  const consumer =
    (name: 'project' | 'publish'): StreamHandler =>
    async (event) =>
      (await functions[name].invoke(event)) as BatchAnswer
  const runner = startStreamRunner({
    streams,
    consumers: { project: consumer('project'), publish: consumer('publish') },
    checkpoints: { checkpoint: async () => undefined, saveCheckpoint: async () => undefined },
    letters: { keepRange: async (letter) => expect.unreachable(JSON.stringify(letter)) },
    log: noLog,
  })
  const reacting = reactions(functions.react, services)
  onTestFinished(async () => {
    await Promise.all([runner.stop(), reacting.stop()])
    streams.destroy()
  })
  // Its minute is longer than the test: it ends with it.
  functions.sweep.invoke({}).catch(() => undefined)
  const url = await openGateway(functions.api)
  return { url, functions, issuer, services, refused }
}

/** The queue's mapping: messages go to the function until it has done with them. */
const reactions = (react: RunningFunction, { drain, reactions: url }: Awaited<ReturnType<typeof openServices>>) => {
  const closing = new AbortController()
  const loop = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      const count = await drain(url, async (Records) => {
        if (Records.length === 0) return new Set()
        const { batchItemFailures } = (await react.invoke({ Records })) as BatchAnswer
        return new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier))
      })
      if (count === 0) await wait(100, undefined, { signal: closing.signal }).catch(() => undefined)
    }
  }
  const ended = loop()
  return {
    stop: async (): Promise<void> => {
      closing.abort()
      await ended
    },
  }
}

/** Every request of this test brings a token. */
const signIn = (token: string): void => {
  const plain = globalThis.fetch
  const authorization = `Bearer ${token}`
  vi.spyOn(globalThis, 'fetch').mockImplementation((input, init) =>
    plain(input, { ...init, headers: { ...(init?.headers as Record<string, string>), authorization } }),
  )
  onTestFinished(() => void vi.restoreAllMocks())
}

/** All events of a stream that have come to the bus by now are those that are wanted. */
const publishedOf = (subject: string, { drain, seen }: Awaited<ReturnType<typeof openServices>>) => {
  const types: string[] = []
  return async (wanted: readonly string[]): Promise<void> => {
    await drain(seen, async (messages) => {
      for (const { body } of messages) {
        const told = JSON.parse(body) as { 'detail-type': string; detail: { subject: string } }
        if (told.detail.subject === subject) types.push(told['detail-type'])
      }
      return new Set()
    })
    expect([...types].sort()).toEqual([...wanted].sort())
  }
}

const prepared = async (url: string): Promise<void> => {
  const session = { benches: [bench.benchId], agentVersion: '1' }
  expect(await call(url, 'POST', '/v1/benches', bench)).toMatchObject({ status: 201 })
  await call(url, 'PUT', '/v1/workers/w-1')
  expect(await call(url, 'POST', '/v1/workers/w-1/sessions', session)).toMatchObject({ status: 201 })
}

test('a deployment serves a whole life: its tables as synthesised, its functions as bundled', async () => {
  const { url, functions, issuer, services, refused } = await deployed()
  expect((await call(url, 'GET', '/v1/benches')).status).toBe(401)
  signIn(await issuer.token())
  await prepared(url)
  const life = await begin(url, 'one')
  const benches = [{ benchId: bench.benchId }]
  const next = { reservationId: 'r-next', holder: 'bob', benches, durationMs: 60_000, queue: true }
  expect((await call(url, 'POST', '/v1/reservations', next)).status).toBe(201)
  for (const step of steps) await step.send(url, life)

  await expectWhole(url, life)
  const within = { timeout: 20_000, interval: 50 }
  const status = async (path: string) => (await call(url, 'GET', path)).body['status']
  await vi.waitFor(async () => expect(await status(`/v1/executions/${executionId(life)}`)).toBe('finished'), within)
  // A policy has pulled it forward, and the clock's Tick or that has begun it.
  await vi.waitFor(async () => expect(await status('/v1/reservations/r-next')).toBe('active'), within)
  const published = publishedOf(`execution/${executionId(life)}`, services)
  await vi.waitFor(() => published(wholeLife), within)
  expect(metricsOf(functions.api)).toMatch(/"Namespace":"benchplane"[^]*"service":"benchplane-api"/)
  expect(metricsOf(functions.project)).toContain('"writtenRows"')
  expect(refused(), 'what roles have tried and may not do').toEqual([])
}, 120_000)

const metricsOf = ({ lines }: RunningFunction): string =>
  lines()
    .filter((line) => line.includes('"_aws"'))
    .join('\n')
