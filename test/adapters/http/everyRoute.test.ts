import { describe, expect, test } from 'vitest'
import { operations } from '../../../adapters/routes.ts'
import { type Answered, expectProblem, openDriver, openLab, plan } from './driver.ts'

const known: Readonly<Record<string, string>> = {
  benchId: 'rig-1',
  reservationId: 'r-1',
  executionId: 'e-1',
  taskName: 'a',
  attempt: '1',
  workerId: 'w-1',
  epoch: '1',
  messageId: 'm-1',
  kind: 'bench',
  id: 'rig-1',
  version: '1',
  path: 'a.txt',
}
const filled = (path: string, other: Readonly<Record<string, string>> = {}): string =>
  path.replaceAll(/\{(\w+)\}/g, (_, name: string) => other[name] ?? known[name] ?? '')

const routes = operations.map(({ operation, method, path, route }) => ({ operation, method, path, route }))
const withPath = routes.filter(({ route }) => route.params !== undefined)
const withBody = routes.filter(({ route }) => route.body !== undefined || route.bodyless === true)

/** Refused, with nothing appended and nothing logged. */
const refused = async (
  send: (call: ReturnType<typeof openDriver>['call']) => Promise<Answered>,
  status: number,
  code: string,
): Promise<readonly string[]> => {
  const driver = openDriver()
  await openLab(driver)
  await driver.post('/v1/executions', plan('e-1', 'a'))
  const before = await driver.commitCount()
  const answered = await send(driver.call)
  expectProblem(answered, status, code)
  expect(await driver.commitCount()).toBe(before)
  expect(driver.lines).toEqual([])
  return ((answered.body.errors ?? []) as { path: string }[]).map(({ path }) => path)
}

describe('on every route', () => {
  test.each(routes)('$operation: an unknown parameter is named', async ({ method, path }) => {
    expect(await refused((call) => call(method, `${filled(path)}?nonsense=1`), 400, 'invalid-request')).toContain(
      'nonsense',
    )
  })

  test.each(withPath)('$operation: a malformed path parameter is named', async ({ method, path }) => {
    const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
    for (const name of names) {
      const wrong = filled(path, { [name]: '%20%F0%9F%92%A5' })
      expect(await refused((call) => call(method, wrong), 400, 'invalid-request')).toContain(name)
    }
  })

  test.each(withBody)('$operation: a body in another type is refused', async ({ method, path }) => {
    await refused(
      (call) => call(method, filled(path), '{}', { 'content-type': 'text/plain' }),
      415,
      'unsupported-media-type',
    )
  })

  test.each(withBody)('$operation: a body that is no JSON, or no UTF-8, is refused', async ({ method, path }) => {
    for (const body of ['{"a":', Uint8Array.of(0x22, 0xc3, 0x28, 0x22)])
      expect(await refused((call) => call(method, filled(path), body), 400, 'invalid-request')).toContain('')
  })

  test.each(withBody)('$operation: a body too large, or nested too deep, is refused', async ({ method, path }) => {
    await refused((call) => call(method, filled(path), ' '.repeat(1_000_001)), 413, 'too-large')
    expect(
      await refused((call) => call(method, filled(path), '[{"a":'.repeat(200_00)), 400, 'invalid-request'),
    ).toContain('')
    expect(
      await refused((call) => call(method, filled(path), `${'['.repeat(65)}${']'.repeat(65)}`), 400, 'invalid-request'),
    ).toContain('')
  })

  test.each(withBody.filter(({ operation }) => operation !== 'acceptMessage'))(
    '$operation: an unknown member is named',
    async ({ method, path }) => {
      expect(await refused((call) => call(method, filled(path), { nonsense: 1 }), 400, 'invalid-request')).toContain(
        'nonsense',
      )
    },
  )

  test.each(routes.filter(({ method }) => method !== 'GET'))(
    '$operation: a page of another origin is turned away',
    async ({ method, path }) => {
      const headers = { origin: 'https://evil.example', 'content-type': 'application/json' }
      await refused((call) => call(method, filled(path), '{}', headers), 403, 'origin-not-allowed')
    },
  )
})
