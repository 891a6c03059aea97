import { describe, expect, test } from 'vitest'
import { createClient } from '../../../adapters/client/client.ts'
import { isUnreachable } from '../../../adapters/client/problem.ts'
import { retryAfterMs } from '../../../adapters/client/retry.ts'
import { broken, fakeServer, json, silent, text } from './fakeServer.ts'

const bench = { benchId: 'b1', version: 1 }
const busy = { code: 'contended', title: 'Contended', detail: 'try again', status: 503 }
const register = { body: { benchId: 'b1', type: 'hil' } }

describe('a request', () => {
  test('goes where its operation is, with parameters in path, query and body', async () => {
    const { url, seen } = await fakeServer(json({ items: [] }))
    const client = createClient({ url: `${url}/prefix/`, token: 'secret' })
    await client.listBenches({
      query: { query: ['can-fd', 'psu.channels>=2'], limit: 7, consistent: true, type: undefined },
    })
    await client.describeBench({ params: { benchId: 'a b/c?' }, body: { name: null } }, { ifMatch: 4 })
    await client.releaseReservation({ params: { reservationId: 'R1' } })
    expect(seen.map(({ method, url: at, body }) => [method, at, body])).toEqual([
      ['GET', '/prefix/v1/benches?query=can-fd&query=psu.channels%3E%3D2&limit=7&consistent=true', ''],
      ['PATCH', '/prefix/v1/benches/a%20b%2Fc%3F', '{"name":null}'],
      ['POST', '/prefix/v1/reservations/R1/release', ''],
    ])
    expect(seen[1]?.headers).toMatchObject({
      authorization: 'Bearer secret',
      'if-match': '"4"',
      'content-type': 'application/json',
    })
    expect(seen[0]?.headers['idempotency-key']).toBeUndefined()
    expect(seen[2]?.headers['content-type']).toBeUndefined()
  })

  test.each(['', '.', '..'])('with %j in its path is not sent: it would be another address', async (benchId) => {
    const { url, seen } = await fakeServer(json(bench))
    const answer = await createClient({ url }).getBench({ params: { benchId } })
    expect(answer).toMatchObject({ ok: false, problem: { code: 'invalid-request', errors: [{ path: 'benchId' }] } })
    expect(seen).toEqual([])
  })
})

describe('an answer', () => {
  test('sends what is preferred of an answer, and says so in its types', async () => {
    const { url, seen } = await fakeServer(json({ benchId: 'b', version: 4 }, 200))
    const client = createClient({ url })
    const answer = await client.retireBench({ params: { benchId: 'b' }, body: {} }, { prefer: 'minimal' })
    expect(seen[0]?.headers['prefer']).toBe('return=minimal')
    expect(answer.ok && answer.value.version).toBe(4)
    await client.retireBench({ params: { benchId: 'b' }, body: {} })
    expect(seen[1]?.headers['prefer']).toBeUndefined()
  })

  test('is its value, as JSON or as text; no content is undefined', async () => {
    const { url } = await fakeServer(json(bench), text('a log ✓'), (response) => response.writeHead(204).end())
    const client = createClient({ url })
    expect(await client.getBench({ params: { benchId: 'b1' } })).toMatchObject({ ok: true, value: bench })
    expect(await client.readLog({ params: { executionId: 'E1' } })).toMatchObject({ ok: true, value: 'a log ✓' })
    const claimed = await client.claimTask({ params: { workerId: 'w1' }, body: { epoch: 1 } })
    expect(claimed).toMatchObject({ ok: true, value: undefined })
  })

  test('that refuses is a problem with its facts', async () => {
    const problem = {
      type: 'urn:x',
      title: 'Interval conflict',
      status: 409,
      code: 'interval-conflict',
      detail: 'taken',
      offers: [1],
    }
    const { url, seen } = await fakeServer(json(problem, 409))
    expect(await createClient({ url }).registerBench(register)).toEqual({ ok: false, problem })
    expect(seen).toHaveLength(1)
  })

  test('that is no problem document is told by its status', async () => {
    const { url } = await fakeServer(text('<h1>Not here</h1>', 404, 'text/html'))
    const answer = await createClient({ url }).getBench({ params: { benchId: 'b1' } })
    expect(answer).toMatchObject({ ok: false, problem: { status: 404, code: 'http-404', title: 'Not Found' } })
  })

  test('that is called JSON and is none is no answer', async () => {
    const { url } = await fakeServer(text('{"benchId":', 200, 'application/json'))
    await expect(createClient({ url }).getBench({ params: { benchId: 'b1' } })).rejects.toMatchObject({
      code: 'unreachable',
    })
  })

  test('that leads elsewhere is not followed: it would carry the token along', async () => {
    const { url, seen } = await fakeServer((response) => response.writeHead(307, { location: '/v1/elsewhere' }).end())
    const client = createClient({ url, retryForMs: 0 })
    await expect(client.getBench({ params: { benchId: 'b1' } })).rejects.toMatchObject({ code: 'unreachable' })
    expect(seen).toHaveLength(1)
  })
})

describe('trying again', () => {
  test.each([
    ['a connection that broke', broken()],
    ['an answer that broke off', broken('{"benchId"')],
    ['503', json(busy, 503)],
    ['429', json({ ...busy, code: 'too-many' }, 429)],
    ['502 of something between', text('bad gateway', 502)],
  ])('after %s, with the same key', async (_, first) => {
    const { url, seen } = await fakeServer(first, json(bench, 201))
    expect(await createClient({ url }).registerBench(register)).toMatchObject({ ok: true, value: bench })
    const keys = seen.map(({ headers }) => headers['idempotency-key'])
    expect(keys).toHaveLength(2)
    expect(new Set(keys).size).toBe(1)
    expect(keys[0]).toMatch(/^[\x21-\x7e]{1,128}$/)
  })

  test('not before the server wants it', async () => {
    const { url } = await fakeServer(json(busy, 503, { 'retry-after': '1' }), json(bench))
    const startedAt = performance.now()
    expect(await createClient({ url }).getBench({ params: { benchId: 'b1' } })).toMatchObject({ ok: true })
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(1_000)
  })

  test('for as long as it may: then the last answer counts', async () => {
    const { url, seen } = await fakeServer(json(busy, 503))
    const answer = await createClient({ url, retryForMs: 400 }).registerBench(register)
    expect(answer).toMatchObject({ ok: false, problem: { code: 'contended' } })
    expect(seen.length).toBeGreaterThan(1)
  })

  test('each call has a key of its own, or the one it is given', async () => {
    const { url, seen } = await fakeServer(json(bench))
    const client = createClient({ url })
    await client.registerBench(register)
    await client.registerBench(register)
    await client.registerBench(register, { idempotencyKey: 'mine' })
    const keys = seen.map(({ headers }) => headers['idempotency-key'])
    expect(new Set(keys).size).toBe(3)
    expect(keys[2]).toBe('mine')
  })

  test('never after another refusal', async () => {
    const { url, seen } = await fakeServer(json({ code: 'internal-error', title: '', detail: '' }, 500))
    expect(await createClient({ url }).registerBench(register)).toMatchObject({
      ok: false,
      problem: { code: 'internal-error' },
    })
    expect(seen).toHaveLength(1)
  })

  test.each([
    ['3', 3_000],
    ['0', 0],
    ['Sat, 01 Jan 2028 00:00:10 GMT', 10_000],
    ['Sat, 01 Jan 2022 00:00:10 GMT', 0],
    ['soon', undefined],
    ['', undefined],
    [null, undefined],
  ])('Retry-After: %s', (header, expected) => {
    expect(retryAfterMs(header, Date.parse('2028-01-01T00:00:00Z'))).toBe(expected)
  })
})

describe('every call ends', () => {
  test('when nobody is there', async () => {
    const error: unknown = await createClient({ url: 'http://127.0.0.1:9', retryForMs: 200 })
      .getBench({ params: { benchId: 'b1' } })
      .catch((reason: unknown) => reason)
    expect(isUnreachable(error)).toBe(true)
    expect((error as Error).message).toMatch(/^http:\/\/127\.0\.0\.1:9 does not answer: /)
  })

  test('when the server says nothing', async () => {
    const { url } = await fakeServer(silent)
    const client = createClient({ url, timeoutMs: 100, retryForMs: 300 })
    await expect(client.getBench({ params: { benchId: 'b1' } })).rejects.toThrow(/does not answer: timed out/)
  })

  test('when its caller has had enough, also between two tries', async () => {
    const { url } = await fakeServer(json(busy, 503, { 'retry-after': '60' }))
    const client = createClient({ url, retryForMs: 600_000 })
    const signal = AbortSignal.timeout(200)
    await expect(client.getBench({ params: { benchId: 'b1' } }, { signal })).rejects.toThrow(/abort/i)
  })
})
