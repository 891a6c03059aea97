import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { afterEach, expect, test } from 'vitest'
import { createClient } from '../../../adapters/client/client.ts'
import { locationOf, targetOf } from '../../../adapters/client/elsewhere.ts'
import { createApp } from '../../../adapters/http/app.ts'
import { startServer } from '../../../adapters/http/server.ts'
import { openArtifacts } from '../../../adapters/memory/artifacts.ts'
import type { ArtifactStore } from '../../../domain/artifactStore.ts'
import { expectProblem, openDriver, openLab, plan } from './driver.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const digest = (bytes: Uint8Array): string => `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`
const at = (path: string): string => `/v1/executions/e-1/tasks/a/attempts/1/artifacts/${path}`
const by = '?epoch=1&workerId=w-1'
const query = { epoch: 1, workerId: 'w-1' }
const params = (path: string) => ({ executionId: 'e-1', taskName: 'a', attempt: 1, path })
const large = Buffer.alloc(5_000_000, 'benchplane')

/** Where bytes are brought and fetched without the server. `fault`: answers instead. */
const openElsewhere = async (artifacts: ArtifactStore) => {
  const seen: { method: string; headers: IncomingMessage['headers']; bytes: number }[] = []
  let fault: ((response: ServerResponse) => void) | undefined
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = '', headers } = request
    const body = await buffer(request)
    seen.push({ method, headers, bytes: body.length })
    if (fault !== undefined) return fault(response)
    const [, hash = ''] = /([0-9a-f]{64})/.exec(request.url ?? '') ?? []
    if (method === 'GET') return give(hash, headers.range, response)
    if (sha256(body) !== hash || headers['x-demanded'] !== hash) return void response.writeHead(400).end()
    const received = await artifacts.receive(place, [body] as never, 1e9)
    if (received !== 'too-large') await received.keep()
    response.writeHead(200).end()
  }
  const give = async (hash: string, range: string | undefined, response: ServerResponse): Promise<void> => {
    const all = Buffer.concat(
      await Array.fromAsync(artifacts.read({ ...place, sha256: hash }, { from: 0, to: 4_999_999 })),
    )
    const from = Number(/bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0)
    const told = range === undefined ? {} : { 'content-range': `bytes ${from}-${all.length - 1}/${all.length}` }
    response.writeHead(range === undefined ? 200 : 206, {
      etag: '"another"',
      'content-length': all.length - from,
      ...told,
    })
    response.end(all.subarray(from))
  }
  const server = createServer((request, response) => void serve(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(
    async () => server.closeAllConnections(),
    async () => server.close(),
  )
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, seen, failWith: (next: typeof fault) => (fault = next) }
}
const place = { tenant: 'default', executionId: 'e-1' }

/** A lab in which attempt 1 of task `a` runs, and whose bytes lie elsewhere. */
const start = async () => {
  const memory = openArtifacts()
  const elsewhere = await openElsewhere(memory)
  let throughBytes = 0
  const artifacts: ArtifactStore = {
    ...memory,
    receive: (of, source, bytesMax) => {
      throughBytes += 1
      return memory.receive(of, source, bytesMax)
    },
    urlOf: async (key) => `${elsewhere.url}/${key.sha256}`,
    bringTo: async (key, bytes) =>
      bytes > 9_000_000 ? undefined : { url: `${elsewhere.url}/${key.sha256}`, headers: { 'x-demanded': key.sha256 } },
  }
  const driver = openDriver({ artifacts, limits: { artifactBytesMax: 20_000_000 } })
  await openLab(driver)
  await driver.post('/v1/executions', plan('e-1', 'a'))
  await driver.post('/v1/workers/w-1/claim', { epoch: 1 })
  const server = await startServer({ app: createApp(driver.house), port: 0, log: driver.house.log, drainMs: 300 })
  closing.push(() => server.close())
  const client = createClient({ url: server.url, token: 'secret', retryForMs: 0 })
  const upload = (path: string, bytes: Buffer) =>
    client.uploadArtifact({
      params: params(path),
      query,
      source: {
        bytes: bytes.length,
        async *open() {
          yield bytes
        },
      },
    })
  return { ...driver, elsewhere, client, upload, throughCount: () => throughBytes }
}
const offered = (bytes: Uint8Array, more: Record<string, string> = {}) => ({
  'upload-length': `${bytes.length}`,
  'repr-digest': digest(bytes),
  ...more,
})

test('bytes that are announced are told where to go, and are an artifact once they are there', async () => {
  const { put, get, elsewhere, commitCount } = await start()
  const before = await commitCount()
  const bytes = Buffer.from('hello')
  const key = { 'idempotency-key': 'u-1' }
  const told = await put(at(`x.txt${by}`), '', offered(bytes, key))
  const target = { url: `${elsewhere.url}/${sha256(bytes)}`, headers: { 'x-demanded': sha256(bytes) } }
  expect([told.status, told.body, told.headers.get('location')]).toEqual([307, target, target.url])
  expect(told.headers.get('cache-control')).toBe('no-store')
  // Nothing is promised before they are there.
  expect((await put(at(`x.txt${by}`), '', offered(bytes, key))).status).toBe(307)
  expect(await commitCount()).toBe(before)
  await fetch(target.url, { method: 'PUT', headers: target.headers, body: 'hello' })
  const left = await put(at(`x.txt${by}`), '', offered(bytes, key))
  expect(left).toMatchObject({ status: 201, body: { path: 'x.txt', bytes: 5, sha256: sha256(bytes) } })
  expect(left.headers.get('etag')).toBe(`"${sha256(bytes)}"`)
  const again = await put(at(`x.txt${by}`), '', offered(bytes, key))
  expect([again.status, again.text, again.headers.get('idempotent-replayed')]).toEqual([201, left.text, 'true'])
  expect((await put(at(`x.txt${by}`), '', offered(bytes))).status).toBe(200)
  expectProblem(await put(at(`x.txt${by}`), '', offered(Buffer.from('other'))), 409, 'artifact-differs')
  expect((await get('/v1/executions/e-1/artifacts')).body.items).toHaveLength(1)
})

test('an announcement is refused like an upload, before anything is brought', async () => {
  const { put, post, elsewhere, commitCount } = await start()
  const bytes = Buffer.from('hello')
  const refused = async (headers: Record<string, string>, path: string) => {
    const answer = await put(at(`x.txt${by}`), '', headers)
    expectProblem(answer, 400, 'invalid-request')
    expect(answer.body.errors[0].path).toBe(path)
  }
  const before = await commitCount()
  await refused({ 'upload-length': '5' }, 'Repr-Digest')
  await refused(offered(bytes, { 'repr-digest': 'sha-256=nonsense' }), 'Repr-Digest')
  for (const wrong of ['-1', '5.5', 'five', '', '5, 5'])
    await refused(offered(bytes, { 'upload-length': wrong }), 'Upload-Length')
  await refused(offered(bytes, { 'content-length': '5' }), 'Upload-Length')
  expectProblem(await put(at(`x.txt${by}`), '', offered(bytes, { 'upload-length': '20000001' })), 413, 'too-large')
  expectProblem(await put(at(`x.txt${by}`), '', offered(bytes, { 'upload-length': '9000001' })), 411, 'bytes-required')
  expect(await commitCount()).toBe(before)
  expectProblem(await put(at('x.txt?epoch=7&workerId=w-1'), '', offered(bytes)), 409, 'stale-epoch')
  await post('/v1/executions/e-1/tasks/a/attempts/1/fail', { ...query, reason: 'exit 1' })
  expectProblem(await put(at(`x.txt${by}`), '', offered(bytes)), 409, 'stale-attempt')
  expect(elsewhere.seen).toEqual([])
})

test('a server that has no other place wants the bytes itself', async () => {
  const driver = openDriver()
  await openLab(driver)
  await driver.post('/v1/executions', plan('e-1', 'a'))
  await driver.post('/v1/workers/w-1/claim', { epoch: 1 })
  expectProblem(await driver.put(at(`x.txt${by}`), '', offered(Buffer.from('hello'))), 411, 'bytes-required')
})

test('the client brings what is large past the server, and fetches it so, without its token', async () => {
  const { client, upload, elsewhere, throughCount } = await start()
  expect(await upload('small', Buffer.from('small'))).toMatchObject({ ok: true })
  expect([throughCount(), elsewhere.seen]).toEqual([1, []])
  expect(await upload('large', large)).toMatchObject({
    ok: true,
    value: { bytes: large.length, sha256: sha256(large) },
  })
  expect([throughCount(), elsewhere.seen.map(({ bytes }) => bytes)]).toEqual([1, [large.length]])
  expect(elsewhere.seen[0]?.headers['transfer-encoding']).toBeUndefined()
  const from = { offset: 4_000_000, sha256: sha256(large) }
  for (const [resumed, offset] of [
    [undefined, 0],
    [from, 4_000_000],
    [{ ...from, sha256: sha256(Buffer.from('x')) }, 0],
  ] as const) {
    const answer = await client.downloadArtifact({ params: params('large'), ...(resumed && { from: resumed }) })
    if (!answer.ok) throw new Error(answer.problem.detail)
    const { pieces, ...told } = answer.value
    expect(told).toEqual({ offset, bytes: large.length, sha256: sha256(large) })
    expect(Buffer.concat(await Array.fromAsync(pieces)).equals(large.subarray(offset))).toBe(true)
  }
  expect(elsewhere.seen.map(({ method }) => method)).toEqual(['PUT', 'GET', 'GET', 'GET'])
  expect(elsewhere.seen.filter(({ headers }) => headers.authorization !== undefined)).toEqual([])
})

test.each<[string, (response: ServerResponse) => void]>([
  ['refuses', (response) => void response.writeHead(403).end()],
  ['breaks off', (response) => void response.destroy()],
  ['takes bytes and loses them', (response) => void response.writeHead(200).end()],
  ['sends on', (response) => void response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()],
])('what the other place %s goes through the server', async (name, fault) => {
  const { client, upload, elsewhere, throughCount } = await start()
  elsewhere.failWith(fault)
  expect(await upload('large', large)).toMatchObject({ ok: true, value: { sha256: sha256(large) } })
  expect(throughCount()).toBe(1)
  if (name === 'takes bytes and loses them') return
  const answer = await client.downloadArtifact({ params: params('large') })
  if (!answer.ok) throw new Error(answer.problem.detail)
  expect(Buffer.concat(await Array.fromAsync(answer.value.pieces)).equals(large)).toBe(true)
})

test('a download is sent on, but not for its headers, what is known, what is not there, or who wants it from here', async () => {
  const { get, call, upload, elsewhere } = await start()
  await upload('large', large)
  const told = await get(at('large'))
  expect([told.status, told.headers.get('location'), told.headers.get('etag')]).toEqual([
    307,
    `${elsewhere.url}/${sha256(large)}`,
    `"${sha256(large)}"`,
  ])
  expect(told.headers.get('cache-control')).toBe('no-store')
  expect((await call('HEAD', at('large'))).headers.get('content-length')).toBe(`${large.length}`)
  expect((await get(at('large'), { 'if-none-match': `"${sha256(large)}"` })).status).toBe(304)
  expectProblem(await get(at('large'), { range: `bytes=${large.length}-` }), 416, 'range-not-satisfiable')
  const here = await get(`${at('large')}?redirect=false`, { range: 'bytes=0-9' })
  expect([here.status, here.text]).toEqual([206, 'benchplane'])
  expectProblem(await get(`${at('large')}?redirect=perhaps`), 400, 'invalid-request')
})

test('nobody who was asked over TLS sends the client on to where there is none', () => {
  const tls = { url: 'https://lab.example', timeoutMs: 1, retryForMs: 0 }
  const plain = { ...tls, url: 'http://lab.example' }
  const to = (location: string) => new Response(null, { status: 307, headers: { location } })
  expect(locationOf(tls, to('https://s3.example/x'))).toBe('https://s3.example/x')
  expect(locationOf(plain, to('http://s3.example/x'))).toBe('http://s3.example/x')
  for (const wrong of ['http://s3.example/x', 'file:///etc/passwd', '/x'])
    expect(locationOf(tls, to(wrong))).toBeUndefined()
  expect(targetOf(tls, '{"url":"http://s3.example/x","headers":{}}')).toBeUndefined()
  for (const wrong of ['', '[]', '{"url":7}', 'null']) expect(targetOf(plain, wrong)).toBeUndefined()
})
