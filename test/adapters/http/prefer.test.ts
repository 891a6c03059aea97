import { expect, test } from 'vitest'
import { prefersMinimal } from '../../../adapters/http/prefer.ts'
import { expectProblem, openDriver, openLab, plan } from './driver.ts'

const minimal = { prefer: 'return=minimal' }
const ours = { epoch: 1, workerId: 'w-1' }

test('who prefers it is answered id, status and version, with the headers of the whole', async () => {
  const driver = openDriver()
  await openLab(driver)
  const made = await driver.post('/v1/executions', plan('e-1', 'flash', 'drive'), minimal)
  expect(made).toMatchObject({ status: 201, body: { executionId: 'e-1', status: 'queued', version: 1 } })
  expect(Object.keys(made.body)).toHaveLength(3)
  const { headers } = made
  expect([headers.get('etag'), headers.get('location'), headers.get('preference-applied')]).toEqual([
    '"1"',
    '/v1/executions/e-1',
    'return=minimal',
  ])
})

test('a report is answered so too, and its retry the same again', async () => {
  const driver = openDriver()
  await openLab(driver)
  await driver.post('/v1/executions', plan('e-1', 'flash'))
  await driver.post('/v1/workers/w-1/claim', { epoch: 1 })
  const path = '/v1/executions/e-1/tasks/flash/attempts/1/complete'
  const passed = await driver.post(path, ours, { ...minimal, 'idempotency-key': 'c-1' })
  expect(passed).toMatchObject({ status: 200, body: { executionId: 'e-1', status: 'finished' } })
  const again = await driver.post(path, ours, { ...minimal, 'idempotency-key': 'c-1' })
  expect(again.text).toBe(passed.text)
  expect(again.headers.get('idempotent-replayed')).toBe('true')
  const whole = await driver.post(path, ours, { 'idempotency-key': 'c-1' })
  expect(whole.body).toMatchObject({ tasks: [{ status: 'passed' }], version: passed.body.version })
  expect(whole.headers.get('preference-applied')).toBeNull()
})

test('after brief answers a whole one still tells everything', async () => {
  const driver = openDriver()
  await openLab(driver)
  await driver.post('/v1/executions', plan('e-1', 'flash', 'drive'), minimal)
  for (const task of ['flash', 'drive']) {
    await driver.post('/v1/workers/w-1/claim', { epoch: 1 })
    const report = { ...ours, result: { task } }
    await driver.post(`/v1/executions/e-1/tasks/${task}/attempts/1/complete`, report, task === 'flash' ? minimal : {})
  }
  const { text } = await driver.get('/v1/executions/e-1?consistent=true')
  expect((await driver.get('/v1/executions/e-1')).text).toBe(text)
  expect(text).toContain('"result":{"task":"flash"}')
})

test('benches and workers have no status of their own to tell; sessions are answered whole, and so are problems', async () => {
  const driver = openDriver()
  await openLab(driver)
  const bench = await driver.post('/v1/benches/rig-1/maintenance', { reason: 'fan' }, minimal)
  expect(Object.keys(bench.body)).toEqual(['benchId', 'version'])
  expect((await driver.put('/v1/workers/w-1', {}, minimal)).body).toEqual({ workerId: 'w-1', version: 2 })
  const session = await driver.post('/v1/workers/w-1/sessions', { benches: ['rig-1'], agentVersion: '1' }, minimal)
  expect(session.body).toMatchObject({ epoch: 2, leaseMs: 40_000 })
  expectProblem(await driver.post('/v1/executions/nope/cancel', undefined, minimal), 404, 'not-found')
})

test.each([
  ['return=minimal', true],
  ['respond-async, Return = "minimal"; x=1', true],
  ['return=representation, return=minimal', false],
  ['return=minimalist', false],
  ['x-return=minimal', false],
  ['', false],
  [undefined, false],
])('the preference %o asks for a brief answer: %o', (prefer, isMinimal) => {
  expect(prefersMinimal(prefer)).toBe(isMinimal)
})

test('OpenAPI says which commands take the preference', async () => {
  const { paths } = (await openDriver().get('/openapi.json')).body
  const headersOf = (path: string, method: string) =>
    (paths[path][method].parameters as { name: string; in: string }[]).map(({ name }) => name)
  expect(headersOf('/v1/executions', 'post')).toContain('Prefer')
  expect(headersOf('/v1/executions', 'get')).not.toContain('Prefer')
  expect(headersOf('/v1/workers/{workerId}/sessions', 'post')).not.toContain('Prefer')
})
