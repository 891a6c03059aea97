import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { type Driver, expectProblem, openDriver, openLab, plan } from './driver.ts'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const at = (path: string, task = 'a', attempt = 1): string =>
  `/v1/executions/e-1/tasks/${task}/attempts/${attempt}/artifacts/${path}`
const by = '?epoch=1&workerId=w-1'

/** A lab in which attempt 1 of task `a` runs. */
const openRunning = async (...replace: Parameters<typeof openDriver>): Promise<Driver> => {
  const driver = openDriver(...replace)
  await openLab(driver)
  await driver.post('/v1/executions', plan('e-1', 'a', 'b'))
  expect((await driver.post('/v1/workers/w-1/claim', { epoch: 1 })).status).toBe(200)
  return driver
}
const raw = { 'content-type': 'text/plain' }
const evidence = async ({ get }: Driver) =>
  (await get('/v1/history/execution/e-1')).body.items.filter(
    ({ type }: { type: string }) => type === 'AttemptReportRejected',
  )

test('an artifact is left once: 201, the same bytes again 200, others 409', async () => {
  const { put, get } = await openRunning()
  const left = await put(at(`logs/run%201.txt${by}`), 'hello', raw)
  const href = at('logs/run%201.txt')
  const artifact = { taskName: 'a', attempt: 1, path: 'logs/run 1.txt', bytes: 5, sha256: sha256('hello'), href }
  expect(left).toMatchObject({ status: 201, body: artifact })
  expect([left.headers.get('location'), left.headers.get('etag')]).toEqual([href, `"${sha256('hello')}"`])
  expect(await put(at(`logs/run%201.txt${by}`), 'hello', raw)).toMatchObject({ status: 200, body: artifact })
  expect(await put(at(`logs%2Frun%201.txt${by}`), 'hello', raw)).toMatchObject({ status: 200, body: artifact })
  expectProblem(await put(at(`logs/run%201.txt${by}`), 'other', raw), 409, 'artifact-differs')
  expect((await get('/v1/executions/e-1/artifacts')).body).toEqual({ items: [artifact] })
})

test('an upload that is sent again with its key is answered the same, also after the attempt’s end', async () => {
  const { put, post } = await openRunning()
  const key = { ...raw, 'idempotency-key': 'u-1' }
  const first = await put(at(`x.txt${by}`), 'x', key)
  const again = await put(at(`x.txt${by}`), 'x', key)
  expect([again.status, again.text, again.headers.get('idempotent-replayed')]).toEqual([201, first.text, 'true'])
  await post('/v1/executions/e-1/tasks/a/attempts/1/complete', { epoch: 1, workerId: 'w-1', artifacts: ['x.txt'] })
  expect(await put(at(`x.txt${by}`), 'x', key)).toMatchObject({ status: 201, text: first.text })
  expect(await put(at(`x.txt${by}`), 'x', raw)).toMatchObject({ status: 200, text: first.text })
  expectProblem(await put(at(`x.txt${by}`), 'y', key), 422, 'idempotency-key-reused')
  expectProblem(await put(at(`y.txt${by}`), 'y', raw), 409, 'stale-attempt')
})

test('artifacts of attempts that failed or still run are listed too, page by page, and filtered', async () => {
  const { put, post, get } = await openRunning()
  for (const n of [1, 2, 3]) await put(at(`${n}.txt${by}`), `${n}`, raw)
  const failed = { epoch: 1, workerId: 'w-1', reason: 'exit 1', result: { tests: { total: 3, failed: 1 } } }
  const answer = await post('/v1/executions/e-1/tasks/a/attempts/1/fail', failed)
  expect(answer.body.tasks[0].attempts[0]).toMatchObject({
    reason: 'exit 1',
    result: { tests: { total: 3, failed: 1 } },
  })
  await post('/v1/workers/w-1/claim', { epoch: 1 })
  await put(at(`4.txt${by}`, 'b'), '4', raw)
  const list = async (query = '') => (await get(`/v1/executions/e-1/artifacts${query}`)).body
  const paths = ({ items }: { items: { path: string }[] }) => items.map(({ path }) => path)
  expect(paths(await list())).toEqual(['1.txt', '2.txt', '3.txt', '4.txt'])
  expect(paths(await list('?taskName=b'))).toEqual(['4.txt'])
  expect(paths(await list('?attempt=2'))).toEqual([])
  const page = await list('?limit=3')
  expect(paths(page)).toEqual(['1.txt', '2.txt', '3.txt'])
  expect(await list(`?limit=3&cursor=${page.nextCursor}`)).toEqual({
    items: [expect.objectContaining({ path: '4.txt' })],
  })
  expectProblem(await get('/v1/executions/e-1/artifacts?cursor=x'), 400, 'invalid-request')
  expectProblem(await get('/v1/executions/nope/artifacts'), 404, 'not-found')
})

test('a session that is not the attempt’s is refused before it has sent anything, and that is kept', async () => {
  const driver = await openRunning()
  const { put, post } = driver
  expectProblem(await put(at('x.txt?epoch=2&workerId=w-1'), 'x', raw), 409, 'stale-epoch')
  expectProblem(await put(at('x.txt?epoch=1&workerId=w-2'), 'x', raw), 409, 'stale-epoch')
  expectProblem(await put(at(`x.txt${by}`, 'a', 2), 'x', raw), 409, 'stale-attempt')
  expectProblem(await put(at(`x.txt${by}`, 'nope'), 'x', raw), 409, 'stale-attempt')
  await post('/v1/workers/w-1/sessions', { benches: ['rig-1'], agentVersion: '2' })
  const superseded = await put(at(`x.txt${by}`), 'x', raw)
  expectProblem(superseded, 409, 'stale-epoch')
  expect(superseded.headers.get('connection')).toBe('close')
  const kept = await evidence(driver)
  expect(kept).toHaveLength(5)
  expect(kept[0].data).toMatchObject({
    taskName: 'a',
    attempt: 1,
    epoch: 2,
    report: 'artifact',
    rejection: 'StaleEpoch',
  })
  expectProblem(await put(at(`x.txt${by}`).replace('e-1', 'e-9'), 'x', raw), 404, 'not-found')
})

test('a path that leads elsewhere, or is none, is refused', async () => {
  const { put, get, commitCount } = await openRunning()
  const before = await commitCount()
  const hostile = [
    'a//b',
    '%2Fetc',
    'a%00b',
    'a%2F..%2Fb',
    '..%2Fb',
    'x'.repeat(600),
    '__proto__',
    'a%5Cb',
    '%C3%A4',
    'a%0Ab',
  ]
  for (const path of hostile) {
    expectProblem(await put(at(`${path}${by}`), 'x', raw), 400, 'invalid-request')
    expectProblem(await get(at(path)), 400, 'invalid-request')
  }
  // What every parser of addresses takes for a step up is no artifact's address any more.
  for (const path of ['%2e%2e', '../x', './', 'a/../../x'])
    expect((await put(at(`${path}${by}`), 'x', raw)).status).toBeGreaterThanOrEqual(400)
  expect(await commitCount()).toBe(before)
  expect((await put(at(`constructor${by}`), 'x', raw)).status).toBe(201)
})

test('a report names only what was uploaded, whatever it is called', async () => {
  const { post } = await openRunning()
  const body = { epoch: 1, workerId: 'w-1', artifacts: ['constructor', 'toString'] }
  const answer = await post('/v1/executions/e-1/tasks/a/attempts/1/complete', body)
  expectProblem(answer, 409, 'artifact-missing')
  expect(answer.body.paths).toEqual(['constructor', 'toString'])
})

test('a digest that is sent along is checked, and what differs is not kept', async () => {
  const { put, get, commitCount } = await openRunning()
  const digest = (text: string) => `sha-256=:${Buffer.from(sha256(text), 'hex').toString('base64')}:`
  const before = await commitCount()
  for (const name of ['repr-digest', 'content-digest'] as const) {
    const wrong = await put(at(`x.txt${by}`), 'x', { ...raw, [name]: digest('y') })
    expectProblem(wrong, 400, 'invalid-request')
    expect(wrong.body.errors[0].path.toLowerCase()).toBe(name)
    expectProblem(await put(at(`x.txt${by}`), 'x', { ...raw, [name]: 'sha-256=nonsense' }), 400, 'invalid-request')
  }
  expect(await commitCount()).toBe(before)
  const both = { 'repr-digest': `sha-512=:abc=:, ${digest('x')}`, 'content-digest': 'md5=:x:' }
  expect((await put(at(`x.txt${by}`), 'x', { ...raw, ...both })).status).toBe(201)
  expect((await get(at('x.txt'))).text).toBe('x')
})

test('too many bytes are refused: by what is announced, and as they come', async () => {
  const { put, commitCount } = await openRunning({ limits: { artifactBytesMax: 10 } })
  const before = await commitCount()
  const announced = await put(at(`x.txt${by}`), 'x', { ...raw, 'content-length': '11' })
  expectProblem(announced, 413, 'too-large')
  expect(announced.body.bytesMax).toBe(10)
  expectProblem(await put(at(`x.txt${by}`), 'x'.repeat(11), raw), 413, 'too-large')
  expectProblem(await put(at(`x.txt${by}`), 'x', { ...raw, 'content-encoding': 'gzip' }), 415, 'unsupported-media-type')
  expect(await commitCount()).toBe(before)
  expect((await put(at(`x.txt${by}`), 'x'.repeat(10), raw)).status).toBe(201)
})

test('a store that is full is an outage, and nothing is recorded', async () => {
  const { fault } = await import('../../../domain/faults.ts')
  const full = fault('storage-full', 'no space left')
  const { openArtifacts } = await import('../../../adapters/memory/artifacts.ts')
  const artifacts = { ...openArtifacts(), receive: () => Promise.reject(full) }
  const { put, commitCount } = await openRunning({ artifacts })
  const before = await commitCount()
  expectProblem(await put(at(`x.txt${by}`), 'x', raw), 503, 'storage-unavailable')
  expect(await commitCount()).toBe(before)
})

test('an upload that the attempt’s end overtakes is refused, and leaves no bytes', async () => {
  const driver = await openRunning()
  const { app, post, house } = driver
  let go: () => void = () => {}
  const gate = new Promise<void>((resolve) => {
    go = resolve
  })
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(Buffer.from('half')),
    pull: async (controller) => {
      await gate
      controller.enqueue(Buffer.from(' and half'))
      controller.close()
    },
  })
  const request = new Request(`http://localhost${at(`x.txt${by}`)}`, {
    method: 'PUT',
    body,
    duplex: 'half',
  })
  const uploading = Promise.resolve(app.request(request))
  await post('/v1/executions/e-1/tasks/a/attempts/1/fail', { epoch: 1, workerId: 'w-1', reason: 'exit 1' })
  go()
  const answer = await uploading
  expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([409, 'stale-attempt'])
  const key = { tenant: 'default', executionId: 'e-1', sha256: sha256('half and half') }
  expect(await house.artifacts.size(key)).toBeUndefined()
  expect(await evidence(driver)).toHaveLength(1)
})

test('of uploads of one path at once, one wins, and the others are told whether theirs is the same', async () => {
  const { put, get } = await openRunning()
  const answers = await Promise.all(['x', 'x', 'y', 'x', 'y'].map((text) => put(at(`x.txt${by}`), text, raw)))
  const statuses = answers.map(({ status }) => status)
  expect(statuses.filter((status) => status === 201)).toHaveLength(1)
  expect(statuses.every((status) => [200, 201, 409].includes(status))).toBe(true)
  const winner = answers.find(({ status }) => status === 201)?.body.sha256
  expect((await get(at('x.txt'))).headers.get('etag')).toBe(`"${winner}"`)
  for (const { status, body } of answers) if (status === 200) expect(body.sha256).toBe(winner)
})
