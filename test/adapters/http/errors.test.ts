import { describe, expect, test } from 'vitest'
import { fault, tooLarge } from '../../../domain/faults.ts'
import { bench, expectProblem, openDriver, openLab } from './driver.ts'

test('an address that is none is a 404; another method on one that is, a 405 that names those that are', async () => {
  const { get, put, del, call } = openDriver()
  for (const path of [
    '/',
    '/v1',
    '/v1/nope',
    '/v1/benches/',
    '/v1/benches/a/b/c',
    '/V1/benches',
    '/v1/benches/rig-1/calendar/x',
  ])
    expectProblem(await get(path), 404, 'not-found')
  for (const [answered, allow] of [
    [await put('/v1/benches', bench), 'POST, GET, HEAD'],
    [await del('/v1/benches/rig-1'), 'GET, PATCH, HEAD'],
    [await get('/v1/benches/rig-1/maintenance'), 'POST, DELETE'],
    [await call('OPTIONS', '/v1/benches'), 'POST, GET, HEAD'],
    [await call('PROPFIND', '/v1/events/live'), 'GET, HEAD'],
  ] as const) {
    expectProblem(answered, 405, 'method-not-allowed')
    expect(answered.headers.get('allow')).toBe(allow)
  }
})

test('HEAD answers like GET, without a body', async () => {
  const { post, call } = openDriver()
  await post('/v1/benches', bench)
  const head = await call('HEAD', '/v1/benches/rig-1')
  expect(head).toMatchObject({ status: 200, text: '' })
  expect(head.headers.get('etag')).toBe('"1"')
})

test.each([
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data',
  'application/json; charset=latin1',
  'application/jsonp',
  '',
])('a body of another type is a 415: %s', async (type) => {
  const { post, commitCount } = openDriver()
  expectProblem(
    await post('/v1/benches', JSON.stringify(bench), { 'content-type': type }),
    415,
    'unsupported-media-type',
  )
  expect(await commitCount()).toBe(0)
})

test('a compressed body is a 415; JSON in UTF-8 may say so', async () => {
  const { post } = openDriver()
  expectProblem(
    await post('/v1/benches', JSON.stringify(bench), { 'content-encoding': 'gzip' }),
    415,
    'unsupported-media-type',
  )
  expect((await post('/v1/benches', bench, { 'content-type': 'Application/JSON; charset="utf-8"' })).status).toBe(201)
})

test('a body is counted as it comes, whatever its length is said to be', async () => {
  const { app } = openDriver()
  const body = new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(100_000).fill(32)),
  })
  const request = new Request('http://localhost/v1/benches', {
    method: 'POST',
    body,
    duplex: 'half' as const,
    headers: { 'content-type': 'application/json' },
  })
  const response = await app.request(request)
  expect(response.status).toBe(413)
  expect(response.headers.get('connection')).toBe('close')
})

describe('an outage is told by its name, logged with its correlation id, and counted', () => {
  test.each([
    ['storage-full', fault('storage-full', 'no room'), 503, 'storage-unavailable', '5'],
    ['storage-unusable', fault('storage-unusable', 'gone'), 503, 'storage-unavailable', '5'],
    ['hole-in-history', fault('hole-in-history', 'version 3 is missing'), 500, 'history-damaged', null],
    ['a bug', new TypeError('secret of the house'), 500, 'internal-error', null],
  ] as const)('%s', async (_, error, status, code, retryAfter) => {
    const driver = openDriver({ submit: () => Promise.reject(error) })
    const answered = await driver.post('/v1/benches', bench, { 'x-correlation-id': 'c-9' })
    expectProblem(answered, status, code)
    expect(answered.headers.get('retry-after')).toBe(retryAfter)
    expect(answered.text).not.toContain('secret')
    await driver.post('/v1/benches', bench)
    expect(driver.lines.map(({ facts }) => facts['count'])).toEqual([1, 2])
    expect(driver.lines[0]).toMatchObject({
      level: 'error',
      facts: { correlationId: 'c-9', operation: 'registerBench', err: error },
    })
  })

  test('a commit that is too large is the client’s to make smaller', async () => {
    const { post, lines } = openDriver({ submit: () => Promise.reject(tooLarge('default/bench/rig-1', 300_000)) })
    expectProblem(await post('/v1/benches', bench), 413, 'too-large')
    expect(lines).toEqual([])
  })
})

test('a command that keeps losing is told to come back', async () => {
  const { post } = openDriver({ submit: async () => ({ kind: 'contended', attempts: 100 }) })
  const answered = await post('/v1/benches', bench)
  expectProblem(answered, 503, 'contended')
  expect(answered.headers.get('retry-after')).toBe('1')
})

test('every answer carries the correlation id: the client’s, or one of its own', async () => {
  const { post, get } = openDriver()
  expect((await post('/v1/benches', bench, { 'x-correlation-id': 'build-7' })).headers.get('x-correlation-id')).toBe(
    'build-7',
  )
  for (const path of ['/v1/benches/rig-1', '/v1/nope', '/healthz'])
    expect((await get(path)).headers.get('x-correlation-id')).toMatch(/^01TEST/)
  const [event] = (await get('/v1/events')).body.items
  expect(event.correlationId).toBe('build-7')
})

test('a traceparent is carried on when it is one, and dropped when it is none', async () => {
  const { post, get } = openDriver()
  const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
  const zero = trace.replace('4bf92f3577b34da6a3ce929d0e0e4736', '0'.repeat(32))
  for (const [index, traceparent] of [trace, zero, 'x', `ff${trace.slice(2)}`].entries())
    expect((await post('/v1/benches', { ...bench, benchId: `rig-${index}` }, { traceparent })).status).toBe(201)
  expect(
    (await get('/v1/events')).body.items.map((event: object) => 'traceparent' in event && event.traceparent),
  ).toEqual([trace, false, false, false])
})

test.each(['', ' ', 'a b', 'k\u007f', 'x'.repeat(129), 'ü'])(
  'an Idempotency-Key is visible ASCII: not "%s"',
  async (key) => {
    const { app, commitCount } = openDriver()
    const headers = new Map([
      ['content-type', 'application/json'],
      ['idempotency-key', key],
    ])
    const request = new Request('http://localhost/v1/benches', { method: 'POST', body: JSON.stringify(bench) })
    // A server's headers hold what fetch would not send.
    Object.defineProperty(request, 'headers', { value: { get: (name: string) => headers.get(name) ?? null } })
    expect((await app.request(request)).status).toBe(400)
    expect(await commitCount()).toBe(0)
  },
)

describe('only this machine is served', () => {
  test.each(['localhost', 'localhost:4180', '127.0.0.1:4180', '127.1.2.3', '[::1]:4180'])(
    'Host %s is',
    async (host) => {
      const { get } = openDriver()
      expect((await get('/v1/benches', { host })).status).toBe(200)
    },
  )

  test.each([
    'benchplane.example',
    '192.0.2.1:4180',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '[::2]',
    '0.0.0.0',
    '2130706433',
  ])('Host %s is not', async (host) => {
    const { get } = openDriver()
    for (const path of ['/v1/benches', '/metrics', '/nope'])
      expectProblem(await get(path, { host }), 403, 'host-not-allowed')
  })

  test.each([
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: 'http://localhost:3000' },
    { origin: 'https://localhost:4180' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ])('a page of another origin commands nothing: %o', async (headers) => {
    const driver = openDriver()
    await openLab(driver)
    const before = await driver.commitCount()
    const sent = { host: 'localhost:4180', ...headers } as Record<string, string>
    expectProblem(await driver.post('/v1/benches', { ...bench, benchId: 'x' }, sent), 403, 'origin-not-allowed')
    expectProblem(await driver.post('/v1/reservations/r-1/release', undefined, sent), 403, 'origin-not-allowed')
    expectProblem(await driver.del('/v1/workers/w-1/sessions/1', sent), 403, 'origin-not-allowed')
    expect(await driver.commitCount()).toBe(before)
  })

  test('a page that this server has served may', async () => {
    const { post } = openDriver()
    const headers = { host: 'localhost:4180', origin: 'http://localhost:4180', 'sec-fetch-site': 'same-origin' }
    expect((await post('/v1/benches', bench, headers)).status).toBe(201)
  })

  test('no answer lets another origin read it', async () => {
    const { get } = openDriver()
    const answered = await get('/v1/benches', { origin: 'https://evil.example' })
    expect([...answered.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
    expect(answered.headers.get('x-content-type-options')).toBe('nosniff')
  })
})
