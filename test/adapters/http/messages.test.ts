import { expect, test } from 'vitest'
import { expectProblem, openDriver } from './driver.ts'

const content = { b: [1, 2.5, 'ü'], a: null }

test('a message is accepted once: 201, then 200 for the same in any form, 409 for another', async () => {
  const { put, get, commitCount } = openDriver()
  const first = await put('/v1/messages/m-1', content)
  expect(first.status).toBe(201)
  expect(first.headers.get('location')).toBe('/v1/messages/m-1')
  expect(first.body).toEqual({
    messageId: 'm-1',
    acceptedAt: '2030-01-01T12:00:00.000Z',
    actor: { kind: 'user', id: 'local' },
    content,
    version: 1,
  })
  const same = await put('/v1/messages/m-1', '{ "a":null,\n "b": [1.0, 25e-1, "\\u00fc"] }')
  expect(same).toMatchObject({ status: 200, text: first.text })
  expectProblem(await put('/v1/messages/m-1', { other: true }), 409, 'message-differs')
  expect((await get('/v1/messages/m-1')).text).toBe(first.text)
  expect(await commitCount()).toBe(1)
  expectProblem(await get('/v1/messages/m-2'), 404, 'not-found')
})

test('a retry by its key is answered as the first time', async () => {
  const { put } = openDriver()
  const key = { 'idempotency-key': 'k' }
  const first = await put('/v1/messages/m:1.x', content, key)
  const again = await put('/v1/messages/m:1.x', content, key)
  expect(again).toMatchObject({ status: 201, text: first.text })
  expect(again.headers.get('idempotent-replayed')).toBe('true')
  expectProblem(await put('/v1/messages/m:1.x', { other: true }, key), 422, 'idempotency-key-reused')
})

test.each([
  ['a string', '"x"'],
  ['a number', '0'],
  ['null', 'null'],
  ['false', 'false'],
  ['a list', '[]'],
  ['awkward names', '{"__proto__":{"1":2},"10":1}'],
])('any JSON will do: %s', async (_, text) => {
  const { put, get } = openDriver()
  expect((await put('/v1/messages/m-1', text)).status).toBe(201)
  expect(JSON.stringify((await get('/v1/messages/m-1')).body.content)).toBe(JSON.stringify(JSON.parse(text)))
})

test('a message has at most 204 800 bytes of canonical JSON', async () => {
  const { put, commitCount } = openDriver()
  const fits = 'x'.repeat(204_798)
  expect((await put('/v1/messages/m-1', ` "${fits}" `)).status).toBe(201)
  const over = await put('/v1/messages/m-2', `"${fits}x"`)
  expectProblem(over, 413, 'too-large')
  expect(over.body).toMatchObject({ bytes: 204_801, bytesMax: 204_800 })
  expectProblem(await put('/v1/messages/m-2', `[${'1e20,'.repeat(10_000)}0]`), 413, 'too-large')
  expect(await commitCount()).toBe(1)
})

test('messages are not listed, changed or deleted', async () => {
  const { get, post, patch, del } = openDriver()
  expectProblem(await get('/v1/messages'), 404, 'not-found')
  for (const answered of [
    await post('/v1/messages/m-1', content),
    await patch('/v1/messages/m-1', content),
    await del('/v1/messages/m-1'),
  ]) {
    expectProblem(answered, 405, 'method-not-allowed')
    expect(answered.headers.get('allow')).toBe('PUT, GET, HEAD')
  }
})

test('the feed and the export name a message, and do not show it', async () => {
  const { get, put } = openDriver()
  await put('/v1/messages/m-1', { secret: 42 })
  const feed = await get('/v1/events')
  expect(feed.body.items).toMatchObject([{ stream: 'message/m-1', type: 'MessageAccepted' }])
  const exported = await get('/v1/audit/export')
  expect(JSON.parse(exported.text)).toMatchObject({ stream: 'message/m-1', version: 1 })
  for (const { text } of [feed, exported]) expect(text).not.toContain('secret')
  expect((await get('/v1/history/message/m-1')).body.items[0].data.content).toEqual({ secret: 42 })
})
