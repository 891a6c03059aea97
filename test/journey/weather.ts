/** Servers in this process, each behind weather of its own, and those who go on working whatever it is like. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished } from 'vitest'
import { createApp } from '../../adapters/http/app.ts'
import { startServer } from '../../adapters/http/server.ts'
import { openArtifacts } from '../../adapters/memory/artifacts.ts'
import { openLogs } from '../../adapters/memory/logs.ts'
import { openHouse } from '../../infra/local.ts'
import type { HouseOptions } from '../../infra/parts.ts'
import { anybody } from '../adapters/dynamodbLocal.ts'
import { openProxy } from '../adapters/dynamodbProxy.ts'
import { openLines } from '../infra/house.ts'
import type { Answer } from './server.ts'

/** No answer may take longer, however bad the weather. */
const answerMsMax = 15_000
/** Of one attempt at the engine: what is never answered costs as much. */
const requestTimeoutMs = 400
/** So that many a request is given up, and comes again as a whole. */
const attemptCountMax = 2

/** A house with its HTTP server, and the proxy between it and the engine; all closed after the test, in good weather. */
export const openServer = async (endpoint: string, tablePrefix: string, options: Partial<HouseOptions> = {}) => {
  const proxy = await openProxy(endpoint)
  const { lines, log } = openLines()
  const connection = { endpoint: proxy.endpoint, ...anybody, requestTimeoutMs, attemptCountMax }
  const house = await openHouse({ store: 'dynamodb', tablePrefix, connection, createTables: true, log, ...options })
  const { services, settings, counters } = house
  const blobs = { artifacts: openArtifacts(), logs: openLogs(), limits: { artifactBytesMax: 1_000 } }
  const viewsAdmin = { status: house.viewsStatus, rebuild: house.viewsStatus }
  const app = createApp({ ...services, ...blobs, log, settings, counters, viewsAdmin })
  const server = await startServer({ app, port: 0, log })
  onTestFinished(async () => {
    proxy.follow(() => undefined)
    await server.close()
    await house.close()
    await proxy.close()
  })
  return { url: server.url, house, lines, proxy }
}
export type WeatherServer = Awaited<ReturnType<typeof openServer>>

/** One request, which ends in time; whatever is the server's fault is told as "not now", and when to come again. */
export const ask = async (
  url: string,
  method: string,
  path: string,
  { body, key }: { body?: unknown; key?: string } = {},
): Promise<Answer> => {
  const headers = { 'content-type': 'application/json', ...(key === undefined ? {} : { 'idempotency-key': key }) }
  const what = `${method} ${path}`
  const response = await fetch(`${url}${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(answerMsMax),
  }).catch((error: unknown) => {
    throw new Error(`${what}: no answer`, { cause: error })
  })
  const text = await response.text()
  if (response.status >= 500)
    expect([what, response.status, Number(response.headers.get('retry-after')) > 0], text).toEqual([what, 503, true])
  return {
    status: response.status,
    body: response.headers.get('content-type')?.includes('json') === true ? JSON.parse(text) : {},
    headers: response.headers,
  }
}

/** A command that is sent until it is answered, by whichever server is asked next, under the same key. */
export const openCommands = (urls: readonly string[]) => {
  const acknowledged: string[] = []
  let sent = 0
  let asked = 0
  const send = async (method: string, path: string, body: unknown, key = `key-${++sent}`): Promise<Answer> => {
    for (let tries = 0; tries < 100; tries++) {
      const answer = await ask(urls[asked++ % urls.length] ?? '', method, path, { body, key })
      if (answer.status < 300) acknowledged.push(key)
      if (answer.status !== 503) return answer
      await sleep(20)
    }
    throw new Error(`${method} ${path}: not done in a hundred tries`)
  }
  return { send, acknowledged: (): readonly string[] => acknowledged }
}
export type Commands = ReturnType<typeof openCommands>
