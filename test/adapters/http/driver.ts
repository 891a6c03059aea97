import { expect } from 'vitest'
import { type App, type AppOptions, createApp } from '../../../adapters/http/app.ts'
import type { House } from '../../../adapters/http/house.ts'
import { openTestHouse } from './house.ts'

export interface Answered {
  status: number
  headers: Headers
  /** JSON: a test states what it expects to find. */
  body: ReturnType<typeof JSON.parse>
  text: string
}

/** Text and bytes as they are, all else as JSON. */
const bytesOf = (body: unknown): string | Uint8Array<ArrayBuffer> => {
  if (typeof body === 'string') return body
  return body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body)
}

/** An app over a house of its own, and how it is spoken to. */
export const openDriver = (replace: Partial<House> = {}, options: Partial<AppOptions> = {}) => {
  const opened = openTestHouse(replace)
  const app: App = createApp(opened.house, options)

  const send = (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Response> =>
    Promise.resolve(
      app.request(path, {
        method,
        headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
        ...(body === undefined ? {} : { body: bytesOf(body) }),
      }),
    )

  const call = async (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answered> => {
    const response = await send(method, path, body, headers)
    const text = await response.text()
    const isJson = (response.headers.get('content-type') ?? '').includes('json')
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: isJson && text !== '' ? JSON.parse(text.split('\n')[0] ?? '') : undefined,
    }
  }

  return {
    ...opened,
    app,
    send,
    call,
    get: (path: string, headers?: Record<string, string>) => call('GET', path, undefined, headers),
    post: (path: string, body?: unknown, headers?: Record<string, string>) => call('POST', path, body, headers),
    put: (path: string, body?: unknown, headers?: Record<string, string>) => call('PUT', path, body, headers),
    patch: (path: string, body?: unknown, headers?: Record<string, string>) => call('PATCH', path, body, headers),
    del: (path: string, headers?: Record<string, string>) => call('DELETE', path, undefined, headers),
  }
}
export type Driver = ReturnType<typeof openDriver>

/** A problem document of this status and code. */
export const expectProblem = (answered: Answered, status: number, code: string): void => {
  expect({ status: answered.status, code: answered.body?.code, type: answered.headers.get('content-type') }).toEqual({
    status,
    code,
    type: 'application/problem+json',
  })
  expect(answered.body).toMatchObject({
    type: `urn:benchplane:problem:${code}`,
    title: expect.any(String),
    status,
    detail: expect.any(String),
  })
}

export const bench = { benchId: 'rig-1', type: 'hil', capabilities: ['can-fd', 'psu.channels=4'] }

/** A registered bench with an active reservation `r-1` of two hours, and a worker `w-1` whose session 1 serves it. */
export const openLab = async (driver: Driver): Promise<void> => {
  await driver.post('/v1/benches', bench)
  await driver.post('/v1/reservations', {
    reservationId: 'r-1',
    holder: 'ann',
    benches: [{ benchId: 'rig-1' }],
    durationMs: 7_200_000,
  })
  await driver.tick('reservation', 'r-1')
  await driver.put('/v1/workers/w-1')
  await driver.post('/v1/workers/w-1/sessions', { benches: ['rig-1'], agentVersion: '1' })
}

export const plan = (executionId: string, ...names: readonly string[]) => ({
  executionId,
  reservationId: 'r-1',
  tasks: names.map((name) => ({ name, run: { command: `echo ${name}` } })),
})
