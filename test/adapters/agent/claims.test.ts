import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { start } from '../programs.ts'
import { finished, openLab, submit } from './lab.ts'

/** Between an agent and its server: swallows the first answer that gives a task. `isForgetful`: as if the server had been restarted. */
const swallowingProxy = async (target: string, isForgetful: boolean): Promise<string> => {
  let isSwallowed = false
  const pass = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const { 'content-type': type, 'idempotency-key': key } = request.headers
    const answer = await fetch(`${target}${request.url}`, {
      method: request.method ?? 'GET',
      headers: {
        ...(type === undefined ? {} : { 'content-type': type }),
        ...(isForgetful || key === undefined ? {} : { 'idempotency-key': String(key) }),
      },
      ...(chunks.length === 0 ? {} : { body: Buffer.concat(chunks) }),
    })
    const text = await answer.text()
    if (request.url?.endsWith('/claim') === true && answer.status === 200 && !isSwallowed) {
      isSwallowed = true
      response.destroy()
    } else response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' }).end(text)
  }
  return served(pass)
}

const served = async (pass: (request: IncomingMessage, response: ServerResponse) => Promise<void>): Promise<string> => {
  const proxy = createServer((request, response) => {
    pass(request, response).catch(() => response.destroy())
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  onTestFinished(() => {
    proxy.closeAllConnections()
    proxy.close()
  })
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
}

/** A server of functions: claims are answered at once. Answers when each claim came, in ms. */
const hastyProxy = async (target: string) => {
  const claimedAtMs: number[] = []
  const pass = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const isClaim = request.url?.endsWith('/claim') === true
    if (isClaim) claimedAtMs.push(performance.now())
    const body = chunks.length === 0 ? undefined : (JSON.parse(Buffer.concat(chunks).toString()) as object)
    const answer = await fetch(`${target}${request.url}`, {
      method: request.method ?? 'GET',
      ...(body === undefined
        ? {}
        : {
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify(isClaim ? { ...body, waitMs: 0 } : body),
          }),
    })
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
    response.end(await answer.text())
  }
  return { claimedAtMs, url: await served(pass) }
}

const lostAnswer = async (isForgetful: boolean) => {
  const house = await openLab()
  const url = await swallowingProxy(house.url, isForgetful)
  start(['agent', '--worker', 'w1', '--bench', 'b1', '--work-dir', join(house.directory, 'work', 'w1')], {
    BENCHPLANE_URL: url,
  })
  const retry = { attemptCountMax: 2, backoffMs: 0 }
  await submit(house, 'E1', [{ name: 'task', retry, run: { command: 'true' } }])
  return finished(house, 'E1')
}

test('a task whose answer was lost on the way is given again', async () => {
  const execution = await lostAnswer(false)
  expect(execution.tasks[0]?.attempts).toMatchObject([{ attempt: 1, status: 'passed' }])
})

test('so it is by a server that does not remember its answer: the agent has told what it knows of, and that was not in it', async () => {
  const execution = await lostAnswer(true)
  expect(execution.tasks[0]?.attempts).toMatchObject([{ attempt: 1, status: 'passed' }])
})

test('a server that does not wait is asked again after some seconds, and its task is found all the same', {
  timeout: 40_000,
}, async () => {
  const house = await openLab()
  const { url, claimedAtMs } = await hastyProxy(house.url)
  start(['agent', '--worker', 'w1', '--bench', 'b1', '--work-dir', join(house.directory, 'work', 'w1')], {
    BENCHPLANE_URL: url,
  })
  await vi.waitFor(() => expect(claimedAtMs).toHaveLength(2), { timeout: 15_000 })
  const [first = 0, second = 0] = claimedAtMs
  expect(second - first).toBeGreaterThan(3_500)
  await submit(house, 'E1', [{ name: 'task', run: { command: 'true' } }])
  expect((await finished(house, 'E1')).tasks[0]?.attempts).toMatchObject([{ attempt: 1, status: 'passed' }])
  expect(claimedAtMs.length).toBeLessThan(6)
})
