import { describe, expect, test } from 'vitest'
import { bench, expectProblem, openDriver, openLab, plan } from './driver.ts'

const bytes = (...parts: readonly (string | number)[]): Uint8Array =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from([part]))))
const nested = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`
const attempt = '/v1/executions/e-1/tasks/a/attempts/1'
const asked = { holder: 'ann', benches: [{ benchId: 'rig-1' }], durationMs: 60_000 }
const tasks = (task: object) => ({ reservationId: 'r-1', tasks: [{ name: 'a', run: 1, ...task }] })

type Row = [method: string, path: string, body: unknown, status: number, ...named: string[]]

/** What comes in, the status it is refused with, and the members, parameters or headers that are named. */
const rows: readonly Row[] = [
  ['POST', '/v1/benches', undefined, 400, ''],
  ['POST', '/v1/benches', '{', 400, ''],
  ['POST', '/v1/benches', '{"benchId":"x","type":"t"} trailing', 400, ''],
  ['POST', '/v1/benches', bytes('{"benchId":"x","type":"', 0xff, '"}'), 400, ''],
  ['POST', '/v1/benches', bytes(0xef, 0xbb, 0xbf, JSON.stringify(bench)), 400, ''],
  ['POST', '/v1/benches', '[]', 400, ''],
  ['POST', '/v1/benches', 'null', 400, ''],
  ['POST', '/v1/benches', '"bench"', 400, ''],
  ['POST', '/v1/benches', nested(100_000), 400, ''],
  ['POST', '/v1/benches', { ...bench, benchId: 'Rig 1' }, 400, 'benchId'],
  ['POST', '/v1/benches', { ...bench, benchId: '../../etc' }, 400, 'benchId'],
  ['POST', '/v1/benches', { ...bench, benchId: 'x'.repeat(64) }, 400, 'benchId'],
  ['POST', '/v1/benches', { ...bench, benchId: 7 }, 400, 'benchId'],
  ['POST', '/v1/benches', { type: 'hil' }, 400, 'benchId'],
  ['POST', '/v1/benches', { ...bench, type: '' }, 400, 'type'],
  ['POST', '/v1/benches', { ...bench, type: 'a\u0000b' }, 400, 'type'],
  ['POST', '/v1/benches', { ...bench, name: 'n'.repeat(129) }, 400, 'name'],
  ['POST', '/v1/benches', '{"benchId":"x","type":"t","name":"\\ud800"}', 400, 'name'],
  ['POST', '/v1/benches', { ...bench, color: 'red', size: 3 }, 400, 'color', 'size'],
  ['POST', '/v1/benches', { ...bench, capabilities: 'can-fd' }, 400, 'capabilities'],
  ['POST', '/v1/benches', { ...bench, capabilities: ['ok', 'no good'] }, 400, 'capabilities.1'],
  ['POST', '/v1/benches', { ...bench, capabilities: Array(129).fill('a') }, 400, 'capabilities'],
  ['POST', '/v1/benches', { ...bench, setupMs: -1, teardownMs: 1.5 }, 400, 'setupMs', 'teardownMs'],
  ['POST', '/v1/benches', { ...bench, setupMs: 1e9 }, 400, 'setupMs'],
  ['POST', '/v1/benches', { ...bench, labels: { site: 5 } }, 400, 'labels.site'],
  ['POST', '/v1/benches', { ...bench, labels: { site: 'x'.repeat(65) } }, 400, 'labels.site'],
  [
    'POST',
    '/v1/benches',
    { ...bench, labels: Object.fromEntries(Array.from({ length: 33 }, (_, index) => [`l${index}`, ''])) },
    400,
    'labels',
  ],
  ['POST', '/v1/benches', '{"benchId":"x","type":"t","labels":{"__proto__":"x"}}', 400, 'labels.__proto__'],
  ['POST', '/v1/benches', '{"benchId":"x","type":"t","\\u005f_proto__":{"admin":true}}', 400, '__proto__'],
  ['POST', '/v1/benches', { ...bench, name: 'x'.repeat(1_000_001) }, 413],
  ['PATCH', '/v1/benches/rig-1', { benchId: 'rig-2' }, 400, 'benchId'],
  ['PATCH', '/v1/benches/rig-1', { type: null }, 400, 'type'],
  ['PATCH', '/v1/benches/RIG', { name: 'x' }, 400, 'benchId'],
  ['GET', '/v1/benches/%00', undefined, 400, 'benchId'],
  ['GET', '/v1/benches/rig-1%2fx', undefined, 400, 'benchId'],
  ['GET', '/v1/benches/%ff', undefined, 400, 'benchId'],
  ['GET', '/v1/benches/rig-1?consistent=yes', undefined, 400, 'consistent'],
  ['GET', '/v1/benches/rig-1?minVersion=0', undefined, 400, 'minVersion'],
  ['GET', '/v1/benches/rig-1?minVersion=1e3', undefined, 400, 'minVersion'],
  ['GET', '/v1/benches/rig-1?minVersion=99999999999999999999', undefined, 400, 'minVersion'],
  ['GET', '/v1/benches?limit=0', undefined, 400, 'limit'],
  ['GET', '/v1/benches?limit=501', undefined, 400, 'limit'],
  ['GET', '/v1/benches?limit=', undefined, 400, 'limit'],
  ['GET', '/v1/benches?limit=ten', undefined, 400, 'limit'],
  ['GET', '/v1/benches?limit=1&limit=2', undefined, 400, 'limit'],
  ['GET', '/v1/benches?cursor=', undefined, 400, 'cursor'],
  ['GET', '/v1/benches?cursor=abc', undefined, 400, 'cursor'],
  ['GET', '/v1/benches?cursor=%25%25', undefined, 400, 'cursor'],
  ['GET', `/v1/benches?cursor=${'x'.repeat(1_001)}`, undefined, 400, 'cursor'],
  ['GET', '/v1/benches?query=a%3D%3Db', undefined, 400, 'query.0'],
  ['GET', '/v1/benches?query=ok&query=psu%3Cmany', undefined, 400, 'query.1'],
  ['GET', '/v1/benches?type=%ff', undefined, 400, 'type'],
  ['GET', '/v1/benches?sort=name&__proto__=1', undefined, 400, 'sort', '__proto__'],
  ['GET', '/v1/benches?serviceability=good', undefined, 400, 'serviceability'],
  ['GET', `/v1/benches?${'a=1&'.repeat(200)}`, undefined, 400, ''],
  ['GET', '/v1/benches/rig-1/calendar?from=yesterday', undefined, 400, 'from'],
  ['GET', '/v1/benches/rig-1/calendar?from=2030-01-01', undefined, 400, 'from'],
  ['GET', '/v1/benches/rig-1/calendar?to=2030-02-30T00:00:00Z', undefined, 400, 'to'],
  ['GET', '/v1/availability?durationMs=1', undefined, 400, 'durationMs'],
  ['GET', '/v1/availability?from=2030-01-01T00:00:00', undefined, 400, 'from'],
  ['POST', '/v1/benches/rig-1/maintenance', {}, 400, 'reason'],
  ['POST', '/v1/benches/rig-1/maintenance', { reason: 'r'.repeat(1_001) }, 400, 'reason'],
  ['DELETE', '/v1/benches/rig-1/maintenance', { force: 1 }, 400, 'force'],
  ['POST', '/v1/benches/rig-1/quarantine', { reason: '', evidence: 'x' }, 400, 'reason', 'evidence'],
  ['POST', '/v1/benches/rig-1/retire', { force: 'yes' }, 400, 'force'],
  ['POST', '/v1/reservations', {}, 400, 'holder', 'benches'],
  ['POST', '/v1/reservations', { ...asked, benches: [] }, 400, 'benches'],
  ['POST', '/v1/reservations', { ...asked, benches: Array(17).fill({ benchId: 'rig-1' }) }, 400, 'benches'],
  [
    'POST',
    '/v1/reservations',
    { ...asked, benches: [{ benchId: 'rig-1' }, { benchId: 'rig-1' }] },
    400,
    'benches.1.benchId',
  ],
  ['POST', '/v1/reservations', { ...asked, benches: [{ benchId: 5 }] }, 400, 'benches.0.benchId'],
  ['POST', '/v1/reservations', { ...asked, benches: [{ query: ['a=='] }] }, 400, 'benches.0.query.0'],
  ['POST', '/v1/reservations', { ...asked, benches: [{ query: [] }] }, 400, 'benches.0.query'],
  ['POST', '/v1/reservations', { ...asked, benches: [{ benchId: 'rig-1', query: ['a'] }] }, 400, 'benches.0.query'],
  ['POST', '/v1/reservations', { ...asked, start: '2030-01-01T00:00:00' }, 400, 'start'],
  ['POST', '/v1/reservations', { ...asked, start: '+275760-09-13T00:00:00.001Z' }, 400, 'start'],
  ['POST', '/v1/reservations', { ...asked, start: '9999-12-31T23:59:59-23:59' }, 400, 'start'],
  ['POST', '/v1/reservations', { ...asked, start: '0000-01-01T00:00:00+23:59' }, 400, 'start'],
  ['POST', '/v1/reservations', { ...asked, start: 1_893_456_000_000 }, 400, 'start'],
  ['POST', '/v1/reservations', { ...asked, end: '2030-01-02T00:00:00Z' }, 400, ''],
  ['POST', '/v1/reservations', { holder: 'ann', benches: asked.benches }, 400, ''],
  ['POST', '/v1/reservations', { ...asked, durationMs: 1e20 }, 400, 'durationMs'],
  ['POST', '/v1/reservations', { ...asked, latestStart: '2030-01-02T00:00:00Z' }, 400, 'latestStart'],
  [
    'POST',
    '/v1/reservations',
    { ...asked, priority: 101, queue: 'yes', graceMs: null },
    400,
    'priority',
    'queue',
    'graceMs',
  ],
  ['POST', '/v1/reservations', { ...asked, reservationId: 'a/b' }, 400, 'reservationId'],
  ['PATCH', '/v1/reservations/r-1', {}, 400, ''],
  ['PATCH', '/v1/reservations/r-1', { end: 'soon' }, 400, 'end'],
  ['POST', '/v1/reservations/r-1/transfer', { holder: 'x\u001b[2J' }, 400, 'holder'],
  ['POST', '/v1/reservations/a%20b/cancel', undefined, 400, 'reservationId'],
  ['GET', '/v1/reservations?status=lost', undefined, 400, 'status'],
  ['POST', '/v1/executions', { reservationId: 'r-1', tasks: [] }, 400, 'tasks'],
  [
    'POST',
    '/v1/executions',
    { reservationId: 'r-1', tasks: Array.from({ length: 1_001 }, (_, index) => ({ name: `t${index}`, run: 1 })) },
    400,
    'tasks',
  ],
  ['POST', '/v1/executions', tasks({ name: '../x' }), 400, 'tasks.0.name'],
  ['POST', '/v1/executions', tasks({ needs: ['b'] }), 400, 'tasks.0.needs.0'],
  ['POST', '/v1/executions', tasks({ bench: 1 }), 400, 'tasks.0.bench'],
  ['POST', '/v1/executions', tasks({ run: 'x'.repeat(16_400) }), 400, 'tasks.0.run'],
  ['POST', '/v1/executions', `{"reservationId":"r-1","tasks":[{"name":"a","run":${nested(40)}}]}`, 400, 'tasks.0.run'],
  [
    'POST',
    '/v1/executions',
    tasks({ timeoutMs: 1, retry: { attemptCountMax: 0, factor: 99 } }),
    400,
    'tasks.0.timeoutMs',
    'tasks.0.retry.attemptCountMax',
    'tasks.0.retry.factor',
  ],
  ['POST', '/v1/executions', { ...tasks({}), parameters: [] }, 400, 'parameters'],
  ['POST', '/v1/executions', { ...tasks({}), parameters: { deep: JSON.parse(nested(60)) } }, 400, 'parameters'],
  [
    'POST',
    '/v1/executions',
    { ...tasks({}), tasks: Array.from({ length: 300 }, (_, index) => ({ name: `t${index}`, run: 'x'.repeat(1_000) })) },
    413,
  ],
  ['POST', '/v1/executions/e-1/cancel', { reason: 1 }, 400, 'reason'],
  ['GET', '/v1/executions/e-1/log?attempt=0', undefined, 400, 'attempt'],
  ['GET', '/v1/executions/e-1/log?offset=-1', undefined, 400, 'offset'],
  ['POST', `${attempt}/complete`, {}, 400, 'epoch', 'workerId'],
  [
    'POST',
    `${attempt}/complete`,
    { epoch: 0, workerId: 'W', result: JSON.parse(nested(50)) },
    400,
    'epoch',
    'workerId',
    'result',
  ],
  ['POST', `${attempt}/complete`, { epoch: 1, workerId: 'w-1', taskName: 'b' }, 400, 'taskName'],
  ['POST', `${attempt}/fail`, { epoch: 1, workerId: 'w-1' }, 400, 'reason'],
  ['POST', '/v1/executions/e-1/tasks/a/attempts/one/fail', { epoch: 1, workerId: 'w-1', reason: 'x' }, 400, 'attempt'],
  ['POST', '/v1/executions/e-1/tasks/%2e%2e%2f/attempts/1/cancelled', { epoch: 1, workerId: 'w-1' }, 400, 'taskName'],
  ['POST', `${attempt}/log`, { epoch: 1, workerId: 'w-1', offset: 1.5, text: 'x' }, 400, 'offset'],
  ['POST', `${attempt}/log`, { epoch: 1, workerId: 'w-1', offset: 0, text: 'x'.repeat(262_145) }, 400, 'text'],
  ['PUT', '/v1/workers/W_1', {}, 400, 'workerId'],
  ['PUT', '/v1/workers/w-1', { labels: { '': 'x' } }, 400, 'labels.'],
  ['POST', '/v1/workers/w-1/sessions', { benches: ['a', 'a'], agentVersion: '1' }, 400, 'benches'],
  ['POST', '/v1/workers/w-1/sessions', { benches: [] }, 400, 'benches', 'agentVersion'],
  ['DELETE', '/v1/workers/w-1/sessions/first', undefined, 400, 'epoch'],
  ['DELETE', '/v1/workers/w-1/sessions/1?force=1', undefined, 400, 'force'],
  [
    'POST',
    '/v1/workers/w-1/heartbeat',
    { epoch: 1, attempts: [{ executionId: 'e-1' }] },
    400,
    'attempts.0.taskName',
    'attempts.0.attempt',
  ],
  ['POST', '/v1/workers/w-1/heartbeat', { epoch: '1' }, 400, 'epoch'],
  ['POST', '/v1/workers/w-1/claim', { epoch: 1, waitMs: 25_001 }, 400, 'waitMs'],
  ['PUT', '/v1/messages/a%20b', {}, 400, 'messageId'],
  ['PUT', `/v1/messages/${'m'.repeat(129)}`, {}, 400, 'messageId'],
  ['PUT', '/v1/messages/m-1', undefined, 400, ''],
  ['PUT', '/v1/messages/m-1', '{"a":"\\uDC00"}', 400, 'a'],
  ['PUT', '/v1/messages/m-1', nested(65), 400, ''],
  ['GET', '/v1/history/tenant/default', undefined, 400, 'kind'],
  ['GET', '/v1/history/bench/rig-1?from=0&to=x', undefined, 400, 'from', 'to'],
  ['GET', '/v1/history/bench/rig-1/state?at=now', undefined, 400, 'at'],
  ['GET', '/v1/history/bench/rig-1/state?version=-1', undefined, 400, 'version'],
  ['GET', '/v1/events/bench/rig-1/0', undefined, 400, 'version'],
  ['GET', '/v1/events?type=drop%20table', undefined, 400, 'type'],
  ['GET', '/v1/events?limit=1000', undefined, 400, 'limit'],
  ['GET', '/v1/audit/export?from=2030-01-01T00:00:00Z&to=2029-01-01T00:00:00Z', undefined, 400, 'to'],
  ['GET', '/v1/audit/verify?stream=default/bench/rig-1', undefined, 400, 'stream'],
  ['GET', '/v1/views?verbose=true', undefined, 400, 'verbose'],
  ['POST', '/v1/views/rebuild', { now: true }, 400, 'now'],
]

describe('hostile input is refused by name, and leaves nothing behind', () => {
  test.each(
    rows.map(([method, path, body, status, ...named], index) => ({
      index,
      method,
      path: path.slice(0, 80),
      whole: path,
      body,
      status,
      named,
    })),
  )('$index: $method $path → $status $named', async ({ method, whole, body, status, named }) => {
    const driver = openDriver()
    await openLab(driver)
    await driver.post('/v1/executions', plan('e-1', 'a'))
    const before = await driver.commitCount()
    const answered = await driver.call(method, whole, body)
    expectProblem(answered, status, status === 413 ? 'too-large' : 'invalid-request')
    const paths = ((answered.body.errors ?? []) as { path: string; message: string }[]).map(({ path }) => path)
    expect(paths).toEqual(expect.arrayContaining(named))
    expect(await driver.commitCount()).toBe(before)
    expect(driver.lines.filter(({ level }) => level === 'error')).toEqual([])
  })
})

test('faults of headers, path, query and body are told all at once', async () => {
  const { post } = openDriver()
  const headers = { 'idempotency-key': 'a b', 'x-correlation-id': 'é', 'if-match': '3' }
  const answered = await post('/v1/benches/RIG/maintenance?x=1', { reason: '', extra: true }, headers)
  expect(answered.body.errors.map(({ path }: { path: string }) => path).toSorted()).toEqual(
    ['Idempotency-Key', 'If-Match', 'X-Correlation-Id', 'benchId', 'extra', 'reason', 'x'].toSorted(),
  )
})

test('more than a hundred faults are not told', async () => {
  const { post } = openDriver()
  const answered = await post('/v1/benches', { ...bench, capabilities: Array(128).fill('no good') })
  expect(answered.body.errors).toHaveLength(100)
  expect(answered.body.detail).toContain('(and 127 more)')
})
