import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { openPost } from '../../adapters/webhooks/post.ts'
import { newSecret } from '../../adapters/webhooks/signature.ts'

/** Somebody on this machine, who counts who has reached it at all. */
const openInner = async (status: number, headers: Record<string, string> = {}) => {
  let connectionCount = 0
  const server = createServer((_, response) => response.writeHead(status, headers).end('x'.repeat(100_000)))
  server.on('connection', () => connectionCount++)
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, connectionCount: () => connectionCount }
}
const post = (url: string, isPublicOnly: boolean) => {
  const send = openPost({ secret: newSecret(), isPublicOnly, timeoutMs: 2_000, nowMs: Date.now })
  return send({ url, id: 'evt', body: '{"ü":1}', correlationId: 'c' }, new AbortController().signal)
}

test('a name that stands for an address within is not connected to where only the internet is called', async () => {
  const { port, connectionCount } = await openInner(200)
  const url = `http://localhost:${port}/`
  const refused = { kind: 'failed', error: 'localhost is not at a public address', isFinal: false }
  expect(await post(url, true)).toEqual(refused)
  expect(connectionCount()).toBe(0)
  expect(await post(url, false)).toEqual({ kind: 'taken' })
})

test('a redirect is not followed: it is an answer like others that are no yes', async () => {
  const inner = await openInner(200)
  const { port } = await openInner(307, { location: `http://127.0.0.1:${inner.port}/` })
  const answered = await post(`http://127.0.0.1:${port}/`, false)
  expect(answered).toEqual({ kind: 'failed', error: 'answered 307', isFinal: false })
  expect(inner.connectionCount()).toBe(0)
})

test('how long a receiver asks for patience is told, and that it wants no more', async () => {
  const [busy, gone] = [await openInner(503, { 'retry-after': '7' }), await openInner(410)]
  expect(await post(`http://127.0.0.1:${busy.port}/`, false)).toMatchObject({ retryAfterMs: 7_000, isFinal: false })
  expect(await post(`http://127.0.0.1:${gone.port}/`, false)).toMatchObject({ error: 'answered 410', isFinal: true })
})
