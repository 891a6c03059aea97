import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { downloadArtifact } from '../../../adapters/client/artifacts.ts'

/** More than a reader is handed at once, and all of it in the socket before he looks. */
const body = Buffer.alloc(64 * 1024, 'benchplane')

/** Sends all it has at once, and closes, as a server does that keeps no connections. */
const closingServer = async (): Promise<string> => {
  const head = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nETag: "${'a'.repeat(64)}"\r\nConnection: close\r\n\r\n`
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => {
      socket.write(head)
      socket.end(body)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('a file is fetched whole by who takes it slowly, though the server has closed its connection long before', async () => {
  const url = await closingServer()
  const params = { executionId: 'e1', taskName: 't', attempt: '1', path: 'large.bin' }
  const answer = await downloadArtifact({ url, timeoutMs: 5_000, retryForMs: 0 }, { params: params as never })
  if (!answer.ok) throw new Error(answer.problem.code)
  // Everything has come and the connection is closed, while nobody reads.
  await wait(300)
  let bytes = 0
  for await (const piece of answer.value.pieces) bytes += piece.length
  expect(bytes).toBe(body.length)
})
