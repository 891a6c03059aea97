import { describe, expect, test } from 'vitest'
import { createClient } from '../../../adapters/client/client.ts'
import type { ServerMessage } from '../../../adapters/client/stream.ts'
import { events, fakeServer, json, silent, text } from './fakeServer.ts'

/** What comes until `count` messages have. */
const collect = async (messages: AsyncGenerator<ServerMessage, void>, count: number): Promise<ServerMessage[]> => {
  const collected: ServerMessage[] = []
  for await (const message of messages) {
    collected.push(message)
    if (collected.filter(({ kind }) => kind === 'message').length === count) break
  }
  return collected
}
const dataOf = (messages: readonly ServerMessage[]) =>
  messages.flatMap((each) => (each.kind === 'message' ? [each.data] : []))

describe('events as they happen', () => {
  test('are taken up again where they were, after a connection that broke', async () => {
    const { url, seen } = await fakeServer(
      events('retry: 2000\nid: 3\n\nid: 4\ndata: {"n":1}\n\n: still here\n\nid: 5\ndata: {"n":2}\n\ndata: {"broken'),
      events('id: 6\ndata: {"n":3}\n\n', true),
    )
    const messages = await collect(createClient({ url }).followEvents({ query: { kind: 'bench' } }), 3)
    expect(messages.map(({ kind }) => kind)).toEqual(['open', 'message', 'message', 'open', 'message'])
    expect(dataOf(messages)).toEqual(['{"n":1}', '{"n":2}', '{"n":3}'])
    expect(seen.map(({ url: at, headers }) => [at, headers['last-event-id']])).toEqual([
      ['/v1/events/live?kind=bench', undefined],
      ['/v1/events/live?kind=bench', '5'],
    ])
  })

  test('begin at the place that the server told first, even if nothing had come', async () => {
    const { url, seen } = await fakeServer(events('id: 41\n\n'), events('id: 42\ndata: 1\n\n', true))
    await collect(createClient({ url }).followEvents({}), 1)
    expect(seen[1]?.headers['last-event-id']).toBe('41')
  })

  test('a connection that has fallen silent is given up for another', async () => {
    const { url, seen } = await fakeServer(events('id: 1\ndata: 1\n\n', true), events('id: 2\ndata: 2\n\n', true))
    const messages = await collect(createClient({ url }).followEvents({}, { silenceMs: 100 }), 2)
    expect(dataOf(messages)).toEqual(['1', '2'])
    expect(seen).toHaveLength(2)
  })

  test('a refusal ends them', async () => {
    const { url } = await fakeServer(json({ code: 'invalid-request', title: '', detail: 'not a cursor' }, 400))
    const messages: ServerMessage[] = []
    for await (const message of createClient({ url }).followEvents({ query: { after: 'x' } })) messages.push(message)
    expect(messages).toMatchObject([{ kind: 'refused', problem: { code: 'invalid-request' } }])
  })

  test('without a server they end, after the time they were given', async () => {
    const client = createClient({ url: 'http://127.0.0.1:9' })
    await expect(collect(client.followEvents({}, { retryForMs: 200 }), 1)).rejects.toMatchObject({
      code: 'unreachable',
    })
    const { url } = await fakeServer(silent)
    const deaf = createClient({ url }).followEvents({}, { retryForMs: 200, silenceMs: 100 })
    await expect(collect(deaf, 1)).rejects.toMatchObject({ code: 'unreachable' })
  })

  test('the caller ends them', async () => {
    const { url } = await fakeServer(events('id: 1\ndata: 1\n\n', true))
    const following = collect(createClient({ url }).followEvents({}, { signal: AbortSignal.timeout(200) }), 2)
    await expect(following).rejects.toThrow(/abort/i)
  })
})

test('a log is followed until the server says that it is over', async () => {
  const { url, seen } = await fakeServer(
    events('id: 5\ndata: {"text":"one "}\n\n'),
    events('id: 9\ndata: {"text":"two"}\n\nevent: end\ndata: {}\n\n', true),
  )
  const asked = { params: { executionId: 'E1' }, query: { taskName: 't', attempt: 1 } }
  const messages = await Array.fromAsync(createClient({ url }).followLog(asked))
  expect(dataOf(messages)).toEqual(['{"text":"one "}', '{"text":"two"}', '{}'])
  expect(seen[1]?.url).toBe('/v1/executions/E1/log?taskName=t&attempt=1&follow=true')
  expect(seen[1]?.headers['last-event-id']).toBe('5')
})

describe('an export', () => {
  test('comes line by line, wherever its pieces end', async () => {
    const { url } = await fakeServer((response) => {
      response.writeHead(200, { 'content-type': 'application/x-ndjson' }).write('{"a":"Prü')
      setTimeout(() => response.write(Buffer.from('✓"}\n{"b":').subarray(0, 1)), 20)
      setTimeout(() => response.end(Buffer.concat([Buffer.from('✓"}\n{"b":').subarray(1), Buffer.from('2}\n')])), 40)
    })
    expect(await Array.fromAsync(createClient({ url }).exportHistory({}))).toEqual(['{"a":"Prü✓"}', '{"b":2}'])
  })

  test('that breaks off is none', async () => {
    const { url } = await fakeServer((response) => {
      response.writeHead(200, { 'content-type': 'application/x-ndjson' }).write('{"a":1}\n')
      setTimeout(() => response.destroy(), 20)
    })
    await expect(Array.fromAsync(createClient({ url }).exportHistory({}))).rejects.toMatchObject({
      code: 'unreachable',
    })
  })

  test('that is refused is the refusal alone', async () => {
    const { url } = await fakeServer(text('no', 403))
    expect(await Array.fromAsync(createClient({ url }).exportHistory({}))).toMatchObject([{ code: 'http-403' }])
  })
})
