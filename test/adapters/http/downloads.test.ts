import { createHash } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { type Driver, expectProblem, openDriver, openLab, plan } from './driver.ts'

const at = (path: string): string => `/v1/executions/e-1/tasks/a/attempts/1/artifacts/${path}`
const text = '0123456789'
const etag = `"${createHash('sha256').update(text).digest('hex')}"`

/** A lab in which the attempt has left these. */
const openWith = async (...paths: readonly string[]): Promise<Driver> => {
  const driver = openDriver()
  await openLab(driver)
  await driver.post('/v1/executions', plan('e-1', 'a'))
  await driver.post('/v1/workers/w-1/claim', { epoch: 1 })
  for (const path of paths) await driver.put(`${at(path)}?epoch=1&workerId=w-1`, text, {})
  return driver
}

test('a file comes whole, to be saved, with what it takes to resume it', async () => {
  const { get } = await openWith('logs/run.log')
  const answer = await get(at('logs/run.log'))
  expect([answer.status, answer.text]).toEqual([200, text])
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    'content-length': '10',
    'content-type': 'text/plain; charset=utf-8',
    'content-disposition': 'attachment; filename="run.log"',
    'accept-ranges': 'bytes',
    'x-content-type-options': 'nosniff',
    etag,
  })
  expectProblem(await get(at('nope.log')), 404, 'not-found')
  expectProblem(await get(at('logs/run.log').replace('attempts/1', 'attempts/2')), 404, 'not-found')
  expectProblem(await get(at('logs/run.log').replace('e-1', 'e-2')), 404, 'not-found')
})

test('what a browser could run is bytes to it', async () => {
  const { get } = await openWith('index.html', 'x.svg', 'x.js', 'x.xhtml', 'noend', 'junit.xml')
  const typeOf = async (path: string) => (await get(at(path))).headers.get('content-type')
  for (const path of ['index.html', 'x.svg', 'x.js', 'x.xhtml', 'noend'])
    expect(await typeOf(path), path).toBe('application/octet-stream')
  expect(await typeOf('junit.xml')).toBe('application/xml')
})

test('one range of it', async () => {
  const { get } = await openWith('x.bin')
  const ranged = async (range: string, more: Record<string, string> = {}) => {
    const { status, text: part, headers } = await get(at('x.bin'), { range, ...more })
    return [status, part, headers.get('content-range'), headers.get('content-length')]
  }
  expect(await ranged('bytes=2-4')).toEqual([206, '234', 'bytes 2-4/10', '3'])
  expect(await ranged('bytes=7-')).toEqual([206, '789', 'bytes 7-9/10', '3'])
  expect(await ranged('bytes=-2')).toEqual([206, '89', 'bytes 8-9/10', '2'])
  expect(await ranged('bytes=-99')).toEqual([206, text, 'bytes 0-9/10', '10'])
  expect(await ranged('bytes=0-99')).toEqual([206, text, 'bytes 0-9/10', '10'])
  expect(await ranged('bytes=3-', { 'if-range': etag })).toEqual([206, '3456789', 'bytes 3-9/10', '7'])
  // Several, none that it understands, or of something else: the whole.
  for (const other of ['bytes=0-1,3-4', 'lines=1-2', 'bytes=4-2', 'bytes=x-', 'bytes=-'])
    expect(await ranged(other), other).toEqual([200, text, null, '10'])
  expect(await ranged('bytes=3-', { 'if-range': '"other"' })).toEqual([200, text, null, '10'])
  expect(await ranged('bytes=3-', { 'if-range': `W/${etag}` })).toEqual([200, text, null, '10'])
  expect(await ranged('bytes=3-', { 'if-range': 'Sat, 01 Jan 2050 00:00:00 GMT' })).toEqual([200, text, null, '10'])
  for (const beyond of ['bytes=10-', 'bytes=-0', 'bytes=99-100']) {
    const answer = await get(at('x.bin'), { range: beyond })
    expectProblem(answer, 416, 'range-not-satisfiable')
    expect(answer.headers.get('content-range')).toBe('bytes */10')
  }
})

test('what the client has already is not sent again, and its headers can be had alone', async () => {
  const { get, call } = await openWith('x.bin')
  for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
    const answer = await get(at('x.bin'), { 'if-none-match': known })
    expect([answer.status, answer.text, answer.headers.get('etag')], known).toEqual([304, '', etag])
  }
  expect((await get(at('x.bin'), { 'if-none-match': '"other"' })).status).toBe(200)
  const head = await call('HEAD', at('x.bin'))
  expect([head.status, head.text, head.headers.get('content-length'), head.headers.get('etag')]).toEqual([
    200,
    '',
    '10',
    etag,
  ])
  const ranged = await call('HEAD', at('x.bin'), undefined, { range: 'bytes=1-3' })
  expect([ranged.status, ranged.headers.get('content-length')]).toEqual([206, '3'])
})

test('so many downloads at once and no more; who asks for headers is no download', async () => {
  const driver = openDriver({}, { downloadCountMax: 2 })
  await openLab(driver)
  await driver.post('/v1/executions', plan('e-1', 'a'))
  await driver.post('/v1/workers/w-1/claim', { epoch: 1 })
  await driver.put(`${at('x.bin')}?epoch=1&workerId=w-1`, text, {})
  for (let n = 0; n < 5; n++) await driver.call('HEAD', at('x.bin'))
  const open = [await driver.send('GET', at('x.bin')), await driver.send('GET', at('x.bin'))]
  expectProblem(await driver.get(at('x.bin')), 503, 'overloaded')
  await open[0]?.body?.cancel()
  expect((await driver.get(at('x.bin'))).text).toBe(text)
  expect(await open[1]?.text()).toBe(text)
})

test('a client that leaves while a piece is read is nobody’s failure', async () => {
  const driver = await openWith('x.bin')
  const { promise: piece, resolve: arrive } = Promise.withResolvers<Uint8Array>()
  const { promise: ended, resolve: end } = Promise.withResolvers<void>()
  vi.spyOn(driver.house.artifacts, 'read').mockImplementation(async function* () {
    try {
      yield await piece
    } finally {
      end()
    }
  })
  const failed = vi.spyOn(driver.house.log, 'error')
  const reader = (await driver.send('GET', at('x.bin'))).body!.getReader()
  const reading = reader.read()
  await reader.cancel()
  arrive(Buffer.from(text))
  await Promise.all([reading, ended])
  await nextTurn()
  expect(failed.mock.calls).toEqual([])
})
