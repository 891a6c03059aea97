import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { createApp } from '../../../adapters/http/app.ts'
import type { House } from '../../../adapters/http/house.ts'
import { type RunningServer, startServer } from '../../../adapters/http/server.ts'
import { bench } from './driver.ts'
import { openTestHouse } from './house.ts'

const running: RunningServer[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()))
})

const start = async (replace: Partial<House> = {}, options: { drainMs?: number; port?: number } = {}) => {
  const opened = openTestHouse(replace)
  const app = createApp(opened.house)
  const server = await startServer({ app, port: 0, log: opened.house.log, drainMs: 300, ...options })
  running.push(server)
  return { ...opened, app, server, url: server.url, port: Number(new URL(server.url).port) }
}

const post = (url: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })

/** What a server answers to bytes that no client would send. */
const raw = (port: number, text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    socket.on('data', (chunk) => {
      answer += chunk.toString()
    })
    socket.on('close', () => resolve(answer))
    socket.on('error', reject)
  })

test('it serves on loopback, at the address it tells', async () => {
  const { url } = await start()
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  expect((await post(`${url}/v1/benches`, bench)).status).toBe(201)
  expect(await (await fetch(`${url}/v1/benches/rig-1`)).json()).toMatchObject({ benchId: 'rig-1' })
})

test('an address that is taken is told as such', async () => {
  const { port, house } = await start()
  const app = createApp(house)
  await expect(startServer({ app, port, log: house.log })).rejects.toMatchObject({
    code: 'EADDRINUSE',
    message: `127.0.0.1:${port} is in use: stop what runs there, or choose another with --port`,
  })
  await expect(startServer({ app, host: '192.0.2.1', port: 0, log: house.log })).rejects.toMatchObject({
    code: 'EADDRNOTAVAIL',
  })
})

test('bodies over sockets: in pieces, too large by their length, too large as they come', async () => {
  const { url, port, commitCount } = await start()
  const text = JSON.stringify(bench)
  const head = `POST /v1/benches HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n`
  const chunked = `${head}transfer-encoding: chunked\r\nconnection: close\r\n\r\n5\r\n${text.slice(0, 5)}\r\n${(text.length - 5).toString(16)}\r\n${text.slice(5)}\r\n0\r\n\r\n`
  expect(await raw(port, chunked)).toContain('HTTP/1.1 201')
  expect(await raw(port, `${head}content-length: 2000000\r\n\r\n{`)).toMatch(/HTTP\/1\.1 413[^]*"code":"too-large"/)
  const large = await fetch(`${url}/v1/benches`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: ' '.repeat(1_500_000),
  })
  expect(large.status).toBe(413)
  expect(await commitCount()).toBe(1)
})

test('what is no HTTP is answered with a problem, and closes', async () => {
  const { port } = await start()
  expect(await raw(port, 'hello\r\n\r\n')).toMatch(/^HTTP\/1\.1 400[^]*"code":"invalid-request"/)
  expect(await raw(port, 'GET /healthz HTTP/1.1\r\nhost: a b\r\n\r\n')).toMatch(/^HTTP\/1\.1 400/)
  expect(await raw(port, `GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`)).toMatch(
    /^HTTP\/1\.1 400/,
  )
  expect(await raw(port, 'GET /../etc/passwd HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n')).toMatch(
    /^HTTP\/1\.1 404[^]*"code":"not-found"/,
  )
  expect(await raw(port, 'GET /healthz HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n')).toMatch(
    /^HTTP\/1\.1 403[^]*"code":"host-not-allowed"/,
  )
  expect(await raw(port, 'GET /healthz HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 (?:200|403)/)
})

test('a client that goes away in the middle of its body leaves nothing behind', async () => {
  const { port, lines, commitCount } = await start()
  const socket = connect(port, '127.0.0.1')
  socket.write(
    'POST /v1/benches HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"benchId"',
  )
  await sleep(50)
  socket.destroy()
  await sleep(50)
  expect(lines.filter(({ level }) => level === 'error')).toEqual([])
  expect(await commitCount()).toBe(0)
})

test('closing ends streams and waits at once, and lets a command finish', async () => {
  const { promise: mayGo, resolve: go } = Promise.withResolvers<void>()
  const opened = await start({}, { drainMs: 5_000 })
  const submit = opened.house.submit.bind(opened.house)
  opened.house.submit = async (request) => {
    if (request.type === 'RegisterBench') await mayGo
    return submit(request)
  }
  const { url, server } = opened
  await fetch(`${url}/v1/workers/w-1`, { method: 'PUT' })
  const live = await fetch(`${url}/v1/events/live`)
  const streamed = live.text()
  const command = post(`${url}/v1/benches`, bench)
  await sleep(50)
  const begun = performance.now()
  const closing = server.close()
  running.splice(running.indexOf(server), 1)
  expect(await streamed).toContain('retry: 2000')
  await sleep(20)
  expect(
    await fetch(`${url}/healthz`).then(
      ({ status }) => status,
      () => 'refused',
    ),
  ).toSatisfy((answer) => answer === 503 || answer === 'refused')
  go()
  expect((await command).status).toBe(201)
  await closing
  expect(performance.now() - begun).toBeLessThan(1_000)
})

test('a request that does not end in time is cut off, and that is logged', async () => {
  const { url, server, lines } = await start({ submit: () => new Promise(() => {}) }, { drainMs: 50 })
  const stuck = post(`${url}/v1/benches`, bench).catch((error: unknown) => error)
  await sleep(30)
  await server.close()
  running.splice(0)
  expect(await stuck).toBeInstanceOf(TypeError)
  expect(lines).toMatchObject([{ level: 'warn', message: 'requests that did not end in time are cut off' }])
})

/** Counts who hears of appends. */
const countListeners = (house: House): (() => number) => {
  let count = 0
  const onAppend = house.history.onAppend.bind(house.history)
  house.history.onAppend = (listener) => {
    count += 1
    const stop = onAppend(listener)
    return () => {
      count -= 1
      return stop()
    }
  }
  return () => count
}

test('nothing is left of a stream when its client goes, wherever it stands', async () => {
  const { url, house, lines } = await start()
  const listenerCount = countListeners(house)
  await post(`${url}/v1/benches`, bench)
  for (const path of ['/v1/events/live', '/v1/events/live?after=0']) {
    const client = new AbortController()
    const { body } = await fetch(url + path, { signal: client.signal })
    await body!.getReader().read()
    expect(listenerCount()).toBe(1)
    client.abort()
    await expect.poll(listenerCount).toBe(0)
  }
  expect(lines).toEqual([])
})

test('a waiting claim is given up when its client goes', async () => {
  const { url, house } = await start()
  await post(`${url}/v1/benches`, bench)
  await fetch(`${url}/v1/workers/w-1`, { method: 'PUT' })
  await post(`${url}/v1/workers/w-1/sessions`, { benches: ['rig-1'], agentVersion: '1' })
  const listenerCount = countListeners(house)
  const client = new AbortController()
  const claim = fetch(`${url}/v1/workers/w-1/claim`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"epoch":1,"waitMs":20000}',
    signal: client.signal,
  }).catch(() => 'gone')
  await expect.poll(listenerCount).toBe(1)
  client.abort()
  expect(await claim).toBe('gone')
  await expect.poll(listenerCount).toBe(0)
})
