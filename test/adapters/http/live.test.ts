import { setTimeout as sleep } from 'node:timers/promises'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { expect, test, vi } from 'vitest'
import { bench, type Driver, expectProblem, openDriver, openLab, plan } from './driver.ts'

/** A stream that is read at leisure. */
const listen = async (driver: Driver, path: string, headers: Record<string, string> = {}) => {
  const response = await driver.send('GET', path, undefined, headers)
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('text/event-stream')
  const events: EventSourceMessage[] = []
  const comments: string[] = []
  const parser = createParser({
    onEvent: (event) => events.push(event),
    onComment: (comment) => comments.push(comment),
  })
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  let isOver = false
  const reading = (async () => {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      text += value
      parser.feed(value)
    }
    isOver = true
  })()
  const until = async (count: number): Promise<void> => {
    await expect.poll(() => events.length, { interval: 5 }).toBeGreaterThanOrEqual(count)
  }
  return { events, comments, reading, until, text: () => text, isOver: () => isOver, stop: () => reader.cancel() }
}

const data = ({ data: text }: EventSourceMessage) => JSON.parse(text)

test('events arrive live, as CloudEvents', async () => {
  const driver = openDriver()
  await driver.post('/v1/benches', { ...bench, benchId: 'before' })
  const live = await listen(driver, '/v1/events/live')
  await driver.post('/v1/benches', bench, { 'x-correlation-id': 'c-1', 'idempotency-key': 'k-1' })
  await live.until(1)
  expect(live.events.map(data)).toEqual([
    {
      specversion: '1.0',
      id: 'bench/rig-1/1',
      source: 'benchplane/default',
      type: 'benchplane.BenchRegistered',
      subject: 'bench/rig-1',
      time: '2030-01-01T12:00:00.000Z',
      datacontenttype: 'application/json',
      streamversion: 1,
      schemaversion: 1,
      actorkind: 'user',
      actorid: 'local',
      commandid: 'k-1',
      correlationid: 'c-1',
      data: { ...bench, setupMs: 0, teardownMs: 0, labels: {} },
    },
  ])
  await live.stop()
})

test('a stream resumes exactly after Last-Event-ID, also within a commit, and in any number of pieces', async () => {
  const driver = openDriver()
  await openLab(driver)
  await driver.post('/v1/executions', plan('e-1', 'a', 'b', 'c'))
  await driver.post('/v1/executions/e-1/cancel')
  const feed = (await driver.get('/v1/events?limit=500')).body.items as { eventId: string }[]
  const whole = await listen(driver, '/v1/events/live?after=0')
  await whole.until(feed.length)
  await whole.stop()
  expect(whole.events.map((event) => data(event).id)).toEqual(feed.map(({ eventId }) => eventId))
  for (const [index, { id }] of whole.events.entries()) {
    const rest = await listen(driver, '/v1/events/live?after=0', { 'last-event-id': id! })
    await rest.until(feed.length - index - 1)
    await rest.stop()
    expect(rest.events).toEqual(whole.events.slice(index + 1))
  }
})

test('a client that has heard nothing yet knows where to resume', async () => {
  const driver = openDriver()
  await driver.post('/v1/benches', bench)
  const live = await listen(driver, '/v1/events/live')
  await expect.poll(live.text).toBe('retry: 2000\nid: 1\n\n')
  await live.stop()
})

test('a stream can be narrowed, and a cursor that is none is refused', async () => {
  const driver = openDriver()
  await openLab(driver)
  const live = await listen(driver, '/v1/events/live?after=0&kind=bench&type=BenchOnline')
  await live.until(1)
  expect(live.events.map((event) => data(event).type)).toEqual(['benchplane.BenchOnline'])
  await live.stop()
  expectProblem(await driver.get('/v1/events/live?after=x'), 400, 'invalid-request')
  const wrong = await driver.get('/v1/events/live', { 'last-event-id': 'x' })
  expect(wrong.body.errors[0].path).toBe('Last-Event-ID')
})

test('an idle stream is kept alive by comments, and a server that stops ends it', async () => {
  const driver = openDriver({}, { heartbeatMs: 20 })
  const live = await listen(driver, '/v1/events/live')
  await expect.poll(() => live.comments.length).toBeGreaterThan(1)
  driver.app.drain()
  await live.reading
  expect(live.isOver()).toBe(true)
})

test('a client that does not read is cut off, and nothing piles up for it', async () => {
  const driver = openDriver({}, { stallMs: 40, heartbeatMs: 10_000 })
  let read = 0
  const { history } = driver.house
  const feed = history.feed.bind(history)
  driver.house.history.feed = (after, limit) => {
    // The tail, which is read for everybody, asks for more at once.
    read += limit < 500 ? 1 : 0
    return feed(after, limit)
  }
  const response = await driver.send('GET', '/v1/events/live?after=0')
  for (let index = 0; index < 20; index++) await driver.post('/v1/benches', { ...bench, benchId: `rig-${index}` })
  await sleep(120)
  const reader = response.body!.getReader()
  await expect(reader.read()).rejects.toThrow('has not read')
  expect(read).toBe(0)
})

test('streams are counted: one too many is told to come back', async () => {
  const driver = openDriver({}, { streamCountMax: 1 })
  const live = await listen(driver, '/v1/events/live')
  const refused = await driver.get('/v1/events/live')
  expectProblem(refused, 503, 'overloaded')
  expect(refused.headers.get('retry-after')).toBe('5')
  await live.stop()
  const next = await listen(driver, '/v1/events/live')
  await next.stop()
})

const log = (text: string, offset: number) => ({ epoch: 1, workerId: 'w-1', offset, text })
const logPath = '/v1/executions/e-1/tasks/a/attempts/1/log'

const withAttempt = async () => {
  const driver = openDriver()
  await openLab(driver)
  await driver.post('/v1/executions', plan('e-1', 'a'))
  await driver.post('/v1/workers/w-1/claim', { epoch: 1 })
  return driver
}

test('a log is appended by offset: what is there is skipped, a gap is refused', async () => {
  const driver = await withAttempt()
  expect((await driver.post(logPath, log('grüße\n', 0))).body).toEqual({ size: 8 })
  expect((await driver.post(logPath, log('grüße\nzwei\n', 0))).body).toEqual({ size: 13 })
  expect((await driver.post(logPath, log('grüße\n', 0))).body).toEqual({ size: 13 })
  const gap = await driver.post(logPath, log('x', 14))
  expectProblem(gap, 409, 'log-gap')
  expect(gap.body.expected).toBe(13)
  expectProblem(await driver.post(logPath, { ...log('x', 13), epoch: 2 }), 409, 'stale-epoch')
  expectProblem(await driver.post(logPath.replace('attempts/1', 'attempts/2'), log('x', 0)), 409, 'stale-attempt')
  expectProblem(await driver.post(logPath.replace('e-1', 'nope'), log('x', 0)), 404, 'not-found')
  const read = await driver.get('/v1/executions/e-1/log?taskName=a')
  expect(read.text).toBe('grüße\nzwei\n')
  expect(read.headers.get('content-type')).toBe('text/plain; charset=utf-8')
  expect((await driver.get('/v1/executions/e-1/log?offset=8')).text).toBe('zwei\n')
  expectProblem(await driver.get('/v1/executions/e-1/log?taskName=b'), 404, 'not-found')
  expectProblem(await driver.get('/v1/executions/e-1/log?taskName=a&attempt=2'), 404, 'not-found')
  expectProblem(await driver.get('/v1/executions/nope/log'), 404, 'not-found')
})

test('a log is taken before the view has seen its attempt', async () => {
  const driver = openDriver()
  await openLab(driver)
  await driver.post('/v1/executions', plan('e-1', 'a'))
  await driver.get('/v1/executions/e-1')
  driver.holdUpViews(false)
  const { views } = driver.house
  const query = views.query.bind(views)
  driver.house.views.query = async (question) => {
    const page = await query(question)
    if (question.index === 'claimable_idx') driver.holdUpViews(true)
    return page
  }
  expect((await driver.post('/v1/workers/w-1/claim', { epoch: 1 })).status).toBe(200)
  expect((await driver.post(logPath, log('x', 0))).body).toEqual({ size: 1 })
})

test('a log is followed until its execution ends, whole characters at a time', async () => {
  const driver = await withAttempt()
  await driver.post(logPath, log('eins\n', 0))
  const live = await listen(driver, '/v1/executions/e-1/log?follow=true')
  await live.until(1)
  await driver.post(logPath, log('zwei\n', 5))
  await live.until(2)
  await driver.post('/v1/executions/e-1/tasks/a/attempts/1/complete', { epoch: 1, workerId: 'w-1' })
  await live.reading
  expect(live.events.map(({ event, data: text }) => [event, JSON.parse(text)])).toEqual([
    [undefined, { taskName: 'a', attempt: 1, offset: 0, text: 'eins\n' }],
    [undefined, { taskName: 'a', attempt: 1, offset: 5, text: 'zwei\n' }],
    ['end', { status: 'finished', verdict: 'passed' }],
  ])
})

test('of many logs that are followed only the one that grows is read again', async () => {
  const driver = openDriver()
  await openLab(driver)
  await driver.post('/v1/executions', plan('e-1', 'a', 'b'))
  for (const task of ['a', 'b']) {
    await driver.post('/v1/workers/w-1/claim', { epoch: 1 })
    await driver.post(`/v1/executions/e-1/tasks/${task}/attempts/1/log`, log(`${task}!\n`, 0))
  }
  const live = await listen(driver, '/v1/executions/e-1/log?follow=true')
  await live.until(2)
  const read = vi.spyOn(driver.house.logs, 'read')
  await driver.post('/v1/executions/e-1/tasks/b/attempts/1/log', log('more\n', 3))
  await live.until(3)
  expect(data(live.events[2]!)).toMatchObject({ taskName: 'b', text: 'more\n' })
  expect(new Set(read.mock.calls.map(([{ taskName }]) => taskName))).toEqual(new Set(['b']))
  await live.stop()
})

test('one log resumes at an offset', async () => {
  const driver = await withAttempt()
  await driver.post(logPath, log('eins\nzwei\n', 0))
  await driver.post('/v1/executions/e-1/tasks/a/attempts/1/complete', { epoch: 1, workerId: 'w-1' })
  const live = await listen(driver, '/v1/executions/e-1/log?follow=true&taskName=a&attempt=1', { 'last-event-id': '5' })
  await live.reading
  expect(live.events.map(({ id, data: text }) => [id, JSON.parse(text).text])).toEqual([
    ['10', 'zwei\n'],
    [undefined, undefined],
  ])
})

test('several logs are told apart', async () => {
  const driver = openDriver()
  await openLab(driver)
  await driver.post('/v1/executions', plan('e-1', 'a', 'b'))
  for (const task of ['a', 'b']) {
    await driver.post('/v1/workers/w-1/claim', { epoch: 1 })
    await driver.post(`/v1/executions/e-1/tasks/${task}/attempts/1/log`, log(`${task}!\n`, 0))
  }
  expect((await driver.get('/v1/executions/e-1/log')).text).toBe('==> a, attempt 1\na!\n==> b, attempt 1\nb!\n')
})
