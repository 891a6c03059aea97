import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test, vi } from 'vitest'
import { createClient } from '../../../adapters/client/client.ts'
import { openArtifacts } from '../../../adapters/files/artifacts.ts'
import { createApp } from '../../../adapters/http/app.ts'
import { type RunningServer, startServer } from '../../../adapters/http/server.ts'
import type { ArtifactStore } from '../../../domain/artifactStore.ts'
import { temporaryDirectories } from '../directories.ts'
import { openDriver, openLab, plan } from './driver.ts'

const { fresh } = temporaryDirectories()
const running: RunningServer[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()))
})

const params = (path: string) => ({ executionId: 'e-1', taskName: 'a', attempt: 1, path })
const query = { epoch: 1, workerId: 'w-1' }
const address = (path: string): string => `/v1/executions/e-1/tasks/a/attempts/1/artifacts/${path}?epoch=1&workerId=w-1`

/** A server on a port, on whose lab attempt 1 of task `a` runs; its artifacts are files. */
const start = async (options: Parameters<typeof createApp>[1] = {}, given?: ArtifactStore) => {
  const directory = fresh()
  const limits = { artifactBytesMax: 200_000_000 }
  const driver = openDriver({ artifacts: given ?? openArtifacts({ directory, freeBytesMin: 0 }), limits })
  await openLab(driver)
  await driver.post('/v1/executions', plan('e-1', 'a'))
  await driver.post('/v1/workers/w-1/claim', { epoch: 1 })
  const app = createApp(driver.house, options)
  const server = await startServer({ app, port: 0, log: driver.house.log, drainMs: 300 })
  running.push(server)
  const incoming = join(directory, 'artifacts', '.incoming')
  const left = (): string[] => (existsSync(incoming) ? readdirSync(incoming) : [])
  const client = createClient({ url: server.url, retryForMs: 0 })
  return { ...driver, client, url: server.url, port: Number(new URL(server.url).port), left }
}

/** The same bytes every time, in pieces. */
async function* piecesOf(bytes: number, from = 0, pieceBytes = 1_000_000): AsyncGenerator<Uint8Array> {
  for (let at = from; at < bytes; at += pieceBytes)
    yield Buffer.alloc(Math.min(pieceBytes, bytes - at), Math.floor(at / pieceBytes) % 256)
}

const hashOf = async (pieces: AsyncIterable<Uint8Array>): Promise<string> => {
  const hash = createHash('sha256')
  for await (const piece of pieces) hash.update(piece)
  return hash.digest('hex')
}

/** Artifacts of which so much was read; each side stops at its first piece until `go`. */
const pausing = (directory: string) => {
  const store = openArtifacts({ directory, freeBytesMin: 0 })
  const { promise, resolve: go } = Promise.withResolvers<void>()
  let readBytes = 0
  async function* afterPause(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of source) {
      yield piece
      await promise
    }
  }
  async function* counted(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of source) {
      readBytes += piece.length
      yield piece
    }
  }
  const artifacts: ArtifactStore = {
    ...store,
    receive: (place, source, bytesMax) => store.receive(place, afterPause(source), bytesMax),
    read: (key, range) => counted(store.read(key, range)),
  }
  return { artifacts, go, readBytes: () => readBytes }
}

test('50 MB come and go at the speed of who takes them: neither side gathers them', async () => {
  const { artifacts, go, readBytes } = pausing(fresh())
  const { client } = await start({}, artifacts)
  const bytes = 50_000_000
  const sha256 = await hashOf(piecesOf(bytes))
  let sentBytes = 0
  async function* sending(): AsyncGenerator<Uint8Array> {
    for await (const piece of piecesOf(bytes)) {
      sentBytes += piece.length
      yield piece
    }
  }
  const source = { bytes, open: sending, sha256 }
  const uploading = client.uploadArtifact({ params: params('big.bin'), query, source })
  await vi.waitFor(() => expect(sentBytes).toBeGreaterThan(0))
  await sleep(300)
  // What the sockets hold; the server has taken one piece.
  expect(sentBytes).toBeLessThan(25_000_000)
  go()
  expect(await uploading).toMatchObject({ ok: true, value: { bytes, sha256 } })
  const answer = await client.downloadArtifact({ params: params('big.bin') })
  if (!answer.ok) throw new Error(answer.problem.detail)
  expect(answer.value).toMatchObject({ offset: 0, bytes, sha256 })
  await sleep(300)
  expect(readBytes()).toBeLessThan(25_000_000)
  expect(await hashOf(answer.value.pieces)).toBe(sha256)
  expect(readBytes()).toBe(bytes)
})

test('a download that broke off is resumed where it was; of another file it begins anew', async () => {
  const { client } = await start()
  const bytes = 3_000_000
  const sha256 = await hashOf(piecesOf(bytes))
  await client.uploadArtifact({ params: params('x.bin'), query, source: { bytes, open: () => piecesOf(bytes) } })
  const resumed = await client.downloadArtifact({ params: params('x.bin'), from: { offset: 2_000_000, sha256 } })
  if (!resumed.ok) throw new Error(resumed.problem.detail)
  expect(resumed.value).toMatchObject({ offset: 2_000_000, bytes, sha256 })
  expect(await hashOf(resumed.value.pieces)).toBe(await hashOf(piecesOf(bytes, 2_000_000)))
  const other = { offset: 2_000_000, sha256: '0'.repeat(64) }
  const anew = await client.downloadArtifact({ params: params('x.bin'), from: other })
  if (!anew.ok) throw new Error(anew.problem.detail)
  expect([anew.value.offset, await hashOf(anew.value.pieces)]).toEqual([0, sha256])
  const none = await client.downloadArtifact({ params: params('nope.bin') })
  expect(none).toMatchObject({ ok: false, problem: { code: 'not-found' } })
  const past = await client.downloadArtifact({ params: params('x.bin'), from: { offset: bytes, sha256 } })
  expect(past).toMatchObject({ ok: false, problem: { code: 'range-not-satisfiable' } })
})

test('a refusal reaches a client that is still sending', async () => {
  const { client, left } = await start()
  const source = { bytes: 50_000_000, open: () => piecesOf(50_000_000) }
  const stale = await client.uploadArtifact({ params: params('x.bin'), query: { ...query, epoch: 7 }, source })
  expect(stale).toMatchObject({ ok: false, problem: { code: 'stale-epoch' } })
  const large = { bytes: 300_000_000, open: () => piecesOf(300_000_000) }
  const refused = await client.uploadArtifact({ params: params('x.bin'), query, source: large })
  expect(refused).toMatchObject({ ok: false, problem: { code: 'too-large' } })
  expect(left()).toEqual([])
})

test('an upload of nothing, one whose length is wrong, and one to an address that is none', async () => {
  const { client } = await start()
  const empty = { bytes: 0, open: () => piecesOf(0) }
  expect(await client.uploadArtifact({ params: params('empty'), query, source: empty })).toMatchObject({
    ok: true,
    value: { bytes: 0 },
  })
  const head = await client.downloadArtifact({ params: params('empty') })
  expect(head.ok && (await hashOf(head.value.pieces))).toBe(createHash('sha256').digest('hex'))
  const short = { bytes: 10, open: () => piecesOf(5) }
  await expect(client.uploadArtifact({ params: params('short'), query, source: short })).rejects.toMatchObject({
    code: 'unreachable',
  })
  const stepping = await client.uploadArtifact({ params: params('a/../b'), query, source: empty })
  expect(stepping).toMatchObject({ ok: false, problem: { code: 'invalid-request' } })
})

const head = (path: string, more: string) => `PUT ${address(path)} HTTP/1.1\r\nhost: localhost\r\n${more}\r\n\r\n`

test('an upload that breaks off leaves nothing, and may come again', async () => {
  const { port, client, left, get } = await start()
  const socket = connect(port, '127.0.0.1')
  socket.write(head('x.bin', 'content-length: 1000000'))
  socket.write(Buffer.alloc(300_000))
  await vi.waitFor(() => expect(left()).toHaveLength(1))
  socket.destroy()
  await vi.waitFor(() => expect(left()).toEqual([]))
  expect((await get('/v1/executions/e-1/artifacts')).body.items).toEqual([])
  const source = { bytes: 1_000_000, open: () => piecesOf(1_000_000) }
  expect(await client.uploadArtifact({ params: params('x.bin'), query, source })).toMatchObject({ ok: true })
})

test('an upload that does not get on is cut off, one that does is not', async () => {
  const { port, left, lines } = await start({ stallMs: 600 })
  const [stalled, slow] = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')]
  const ended = once(stalled, 'close')
  stalled.write(`${head('stalled.bin', 'content-length: 1000000')}some`)
  slow.write(head('slow.bin', `content-length: ${20 * 20_000}`))
  let answer = ''
  slow.on('data', (chunk) => {
    answer += String(chunk)
  })
  for (let n = 0; n < 20; n++) {
    slow.write(Buffer.alloc(20_000))
    await sleep(40)
  }
  await ended
  await vi.waitFor(() => expect(answer).toMatch(/^HTTP\/1\.1 201/))
  slow.destroy()
  expect(lines.filter(({ message }) => message === 'a stalled upload is cut off')).toHaveLength(1)
  await vi.waitFor(() => expect(left()).toEqual([]))
})

test('so many uploads at once and no more', async () => {
  const { port, client, left } = await start({ uploadCountMax: 1 })
  const socket = connect(port, '127.0.0.1')
  socket.write(`${head('x.bin', 'content-length: 1000000')}some`)
  await vi.waitFor(() => expect(left()).toHaveLength(1))
  const source = { bytes: 4, open: () => piecesOf(4) }
  const refused = await client.uploadArtifact({ params: params('y.bin'), query, source })
  expect(refused).toMatchObject({ ok: false, problem: { code: 'overloaded' } })
  socket.destroy()
  await vi.waitFor(async () => {
    const taken = await client.uploadArtifact({ params: params('y.bin'), query, source })
    expect(taken.ok).toBe(true)
  })
})

test('an address as no client would send it leads nowhere else', async () => {
  const { port, left } = await start()
  const answer = (path: string): Promise<string> =>
    new Promise((resolve) => {
      let text = ''
      const socket = connect(port, '127.0.0.1', () =>
        socket.write(`${head(path, 'content-length: 1\r\nconnection: close')}x`),
      )
      socket.on('data', (chunk) => {
        text += String(chunk)
      })
      socket.on('close', () => resolve(text))
    })
  for (const path of ['%2e%2e/%2e%2e/x', '../../../x', 'a//b', 'a%00', '..', `${'x/'.repeat(300)}x`, '%', '%ff'])
    expect(await answer(path), path).toMatch(/^HTTP\/1\.1 4\d\d/)
  expect(left()).toEqual([])
})
