import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { openSurroundings } from '../../../infra/functions/counted.ts'
import { readEnvironment } from '../../../infra/functions/environment.ts'
import { openGatewayHandler } from '../../../infra/functions/gateway.ts'

describe('a function’s environment', () => {
  test('is told what is missing and what is no good, all at once, by the variables’ names', () => {
    const given = { BENCHPLANE_LETTERS_QUEUE_URL: 'letters', BENCHPLANE_BUCKET: '' }
    expect(() => readEnvironment(['lettersQueueUrl', 'bucket', 'clockArn'], given)).toThrow(
      /^BENCHPLANE_LETTERS_QUEUE_URL: [^\n]+\nBENCHPLANE_BUCKET is not set\nBENCHPLANE_CLOCK_ARN is not set$/,
    )
  })

  test('does not tell a secret that is no good', () => {
    const read = () => readEnvironment(['webhookSecret'], { BENCHPLANE_WEBHOOK_SECRET: 'hunter2' })
    expect(read).toThrow('BENCHPLANE_WEBHOOK_SECRET')
    expect(read).not.toThrow('hunter2')
  })

  test('gives what is asked for, and nothing else', () => {
    const given = { BENCHPLANE_TABLE_PREFIX: 'lab-', BENCHPLANE_BUCKET: 'blobs' }
    expect(readEnvironment(['tablePrefix'], given)).toEqual({ tablePrefix: 'lab-' })
  })

  test.each([
    ['public', 'public'],
    ['ci.example.com, *.lab.example', ['ci.example.com', '*.lab.example']],
  ])('has callbacks go to %s as servers read it', (value, hosts) => {
    const given = { BENCHPLANE_CALLBACK_HOSTS: value }
    expect(readEnvironment(['callbackHosts'], given)).toEqual({ callbackHosts: hosts })
  })
})

describe('what a function has counted', () => {
  const said = (): object[] => {
    // Else it writes past the console; and then it would write nothing.
    vi.stubEnv('POWERTOOLS_DEV', 'true')
    vi.stubEnv('POWERTOOLS_METRICS_DISABLED', 'false')
    const lines: object[] = []
    const log = vi
      .spyOn(console, 'log')
      .mockImplementation((line: string) => void lines.push(JSON.parse(line) as object))
    onTestFinished(() => {
      log.mockRestore()
      vi.unstubAllEnvs()
    })
    return lines
  }

  test('is told after each call as metrics, once, and only what has changed', async () => {
    const lines = said()
    const { counters, counted } = openSurroundings('benchplane-project')
    const handle = counted(async (count: number) => {
      counters.conflicts += count
    })
    await handle(2)
    await handle(0)
    await handle(1)
    expect(lines).toMatchObject([
      { service: 'benchplane-project', conflicts: 2 },
      { service: 'benchplane-project', conflicts: 1 },
    ])
    expect(lines[0]).not.toHaveProperty('appendedCommits')
    expect(lines[0]).toHaveProperty('_aws.CloudWatchMetrics[0].Namespace', 'benchplane')
  })

  test('is told of a call that failed, too', async () => {
    const lines = said()
    const { counters, counted } = openSurroundings('benchplane-publish')
    const handle = counted(async () => {
      counters.tamperedRecords++
      throw new Error('no use')
    })
    await expect(handle()).rejects.toThrow('no use')
    expect(lines).toMatchObject([{ tamperedRecords: 1 }])
  })
})

describe('the gateway’s requests and answers', () => {
  type Event = Parameters<ReturnType<typeof openGatewayHandler>>[0]
  const eventOf = (method: string, more: object = {}) =>
    ({
      rawPath: '/v1/benches/a%20b',
      rawQueryString: 'q=1&q=2',
      headers: { host: 'api.example', 'content-type': 'application/json' },
      requestContext: { domainName: 'd.example', http: { method } },
      isBase64Encoded: false,
      ...more,
    }) as unknown as Event
  const asked = async (event: Event, answer: Response) => {
    let request: Request | undefined
    const handle = openGatewayHandler({
      fetch: (given) => {
        request = given
        return answer
      },
    })
    return { answered: await handle(event), request: request! }
  }

  test('are the app’s: address, query, headers, cookies, body', async () => {
    const event = eventOf('POST', {
      body: Buffer.from('{"ü":1}').toString('base64'),
      isBase64Encoded: true,
      cookies: ['a=1', 'b=2'],
    })
    const { request } = await asked(event, new Response())
    expect(request.url).toBe('https://api.example/v1/benches/a%20b?q=1&q=2')
    expect(request.method).toBe('POST')
    expect(request.headers.get('cookie')).toBe('a=1; b=2')
    expect(await request.json()).toEqual({ ü: 1 })
    expect((await asked(eventOf('GET', { body: 'x' }), new Response())).request.body).toBeNull()
  })

  test.each(['application/json', 'application/problem+json', 'text/plain; charset=utf-8'])(
    '%s goes as text',
    async (type) => {
      const answer = new Response('{"ü":1}', { status: 404, headers: { 'content-type': type, etag: '"1"' } })
      const { answered } = await asked(eventOf('GET'), answer)
      expect(answered).toMatchObject({
        statusCode: 404,
        body: '{"ü":1}',
        isBase64Encoded: false,
        headers: { etag: '"1"' },
      })
    },
  )

  test('bytes go as base64, and come back the same', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, n) => n)
    const answer = new Response(bytes, { headers: { 'content-type': 'application/octet-stream' } })
    const { answered } = await asked(eventOf('GET'), answer)
    expect(answered.isBase64Encoded).toBe(true)
    expect(Uint8Array.from(Buffer.from(answered.body ?? '', 'base64'))).toEqual(bytes)
  })

  test('an event stream is refused, with something else to ask for, and the app’s own is ended', async () => {
    let isEnded = false
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode(': hello\n\n')),
      cancel: () => {
        isEnded = true
      },
    })
    const headers = { 'content-type': 'text/event-stream; charset=utf-8', 'x-correlation-id': 'c-1' }
    const { answered } = await asked(eventOf('GET'), new Response(body, { headers }))
    expect(answered).toMatchObject({
      statusCode: 409,
      headers: { 'content-type': 'application/problem+json', 'x-correlation-id': 'c-1' },
    })
    expect(JSON.parse(answered.body ?? '')).toMatchObject({ code: 'no-streams-here' })
    expect(isEnded).toBe(true)
  })

  test.each([
    ['bytes without end', 'application/octet-stream', 1_000_000, Number.POSITIVE_INFINITY],
    ['bytes that grow by being written as text', 'application/octet-stream', 1_000_000, 5],
    ['text that grows by being quoted', 'application/json', 1_000_000, 4],
  ])('an answer of %s is not what the service takes: it is a problem', async (_, type, chunkBytes, count) => {
    let given = 0
    const body = new ReadableStream({
      pull: (controller) => {
        if (given++ < count) controller.enqueue(Buffer.alloc(chunkBytes, '"'))
        else controller.close()
      },
    })
    const { answered } = await asked(eventOf('GET'), new Response(body, { headers: { 'content-type': type } }))
    expect(answered.statusCode).toBe(409)
    expect(JSON.parse(answered.body ?? '')).toMatchObject({ code: 'answer-too-large' })
    expect(given).toBeLessThan(10)
  })

  test('an answer that just fits goes whole', async () => {
    const answer = new Response(Buffer.alloc(4_000_000), { headers: { 'content-type': 'application/octet-stream' } })
    const { answered } = await asked(eventOf('GET'), answer)
    expect(Buffer.from(answered.body ?? '', 'base64')).toHaveLength(4_000_000)
  })

  test('an answer without a body has none', async () => {
    const { answered } = await asked(eventOf('GET'), new Response(null, { status: 204 }))
    expect(answered).toMatchObject({ statusCode: 204, body: '' })
  })
})
