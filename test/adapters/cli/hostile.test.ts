import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fakeServer, json } from '../client/fakeServer.ts'
import { type House, type OnEnd, openHouse, run, start, temporaryDirectory } from '../programs.ts'

let house: House
const ends: Parameters<OnEnd>[0][] = []
beforeAll(async () => {
  house = await openHouse({ onEnd: (end) => ends.push(end) })
})
afterAll(async () => {
  for (const end of ends.toReversed()) await end()
})

describe('arguments that nobody would type', () => {
  test.each([
    '../reservations',
    '..',
    '.',
    '%2e%2e',
    'b1?consistent=true',
    'b1#x',
    'b1/calendar',
    'b1\n',
    '💥',
    "'; DROP TABLE commits; --",
    'x'.repeat(5_000),
    '__proto__',
  ])('bench show %j is a fault or not there, and nothing else', async (benchId) => {
    const { code, stdout, stderr } = await house.benchplane('bench', 'show', benchId)
    expect([2, 3]).toContain(code)
    expect(stdout).toBe('')
    expect(stderr).toMatch(/^error: (?:invalid-request|not-found): /)
    expect(stderr.trimEnd().split('\n')).toHaveLength(1)
  })

  test.each(['', '!', 'ecu in (', 'x>=', 'a=b=c d', '\u0000'.replace('\0', '\u0001'), 'ecu=\u001b[31mred'])(
    'a query of %j is a fault, and shows where',
    async (term) => {
      const { code, stderr } = await house.benchplane('reserve', '--query', term, '--for', '1h')
      expect(code).toBe(2)
      expect(stderr).toContain('benches.0.query.0')
      expect(stderr.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)
    },
  )

  test('after -- everything is an operand', async () => {
    const { code, stderr } = await house.benchplane('bench', 'show', '--', '--json')
    expect([code, stderr]).toEqual([2, expect.stringContaining('invalid-request')])
  })

  test('an option that is given where a name belongs is missed', async () => {
    expect((await run(['agent', '--worker', '--bench', 'b1'])).code).toBe(2)
  })
})

describe('files that nobody would write', () => {
  test.each([
    [
      'a bomb of aliases',
      `a: &a [${'x,'.repeat(9)}x]\n${'bcdefgh'.replace(/./g, (c, i: number) => `${c}: &${c} [${`*${'abcdefg'[i]},`.repeat(9)}]\n`)}tasks: *h`,
    ],
    ['no YAML at all', '\u0000\u0001\u0002 : : : ['],
    ['a list', '- 1\n- 2'],
    ['an empty one', ''],
    ['tasks that are none', 'tasks: 7'],
    ['a task that is none', 'tasks: [7]'],
    ['a cycle', 'tasks: [{ name: a, needs: [b], run: 1 }, { name: b, needs: [a], run: 1 }]'],
    ['a plan that is too large', `tasks: [{ name: a, run: ${'x'.repeat(20_000)} }]`],
    ['a body that is too large', `tasks: [{ name: a, run: ${'x'.repeat(2_000_000)} }]`],
    ['a member of an unfriendly name', 'tasks: [{ name: a, run: { __proto__: { command: x } }, "__proto__": 1 }]'],
    ['a timeout that is none', 'timeout: [1]\ntasks: [{ name: a, run: 1 }]'],
  ])('a plan: %s', async (_, content) => {
    const plan = join(temporaryDirectory(), 'plan.yaml')
    writeFileSync(plan, content)
    const { code, stdout, stderr } = await house.benchplane('run', '--reservation', 'R', '--plan', plan)
    expect([2, 3]).toContain(code)
    expect(stdout).toBe('')
    expect(stderr).toMatch(/^error: /)
    expect(stderr).not.toMatch(/ {4}at |node:internal/)
  })

  test.each([
    ['a directory', '.'],
    ['nothing there', 'nowhere.yaml'],
  ])('a lab: %s', async (_, path) => {
    const { code, stderr } = await house.benchplane('apply', '-f', join(temporaryDirectory(), path))
    expect([code, stderr.trimEnd().split('\n').length]).toEqual([2, 1])
  })

  test('an export does not overwrite', async () => {
    const out = join(temporaryDirectory(), 'export.ndjson')
    writeFileSync(out, 'mine')
    const { code, stderr } = await house.benchplane('history', 'export', '--out', out)
    expect([code, stderr]).toEqual([2, expect.stringMatching(/^error: .*EEXIST.*\n$/)])
  })
})

test('what others wrote does not steer the terminal', async () => {
  const nasty = '\u001b]0;owned\u0007\u001b[2J\r\nline'
  const bench = {
    benchId: 'b1',
    type: nasty,
    name: nasty,
    capabilities: [nasty],
    labels: { [nasty]: nasty },
    serviceability: 'maintenance',
    reason: nasty,
  }
  const rest = {
    connectivity: 'online',
    occupancy: 'free',
    setupMs: 0,
    teardownMs: 0,
    descriptionVersion: 1,
    version: 1,
  }
  const { url } = await fakeServer(json({ ...bench, ...rest, items: [{ ...bench, ...rest }] }))
  for (const args of [
    ['bench', 'show', 'b1'],
    ['bench', 'list'],
  ]) {
    const { code, stdout } = await run([...args, '--url', url])
    expect(code).toBe(0)
    expect(stdout.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)
  }
  const { url: refusing } = await fakeServer(
    json({ code: nasty, title: nasty, detail: nasty, offers: [{ benchIds: [nasty] }] }, 409),
  )
  const { code, stderr } = await run(['bench', 'show', 'b1', '--url', refusing])
  expect(code).toBe(3)
  expect(stderr.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)
})

test('a reader that has gone ends it quietly', async () => {
  const child = start(['events', 'tail', '--all', '--json'], { BENCHPLANE_URL: house.url })
  child.child.stdout?.destroy()
  await house.benchplane('bench', 'register', 'b1', '--type', 'hil')
  await house.benchplane('bench', 'describe', 'b1', '--name', 'another')
  expect(await child.ended).toBe(0)
  expect(child.output.stderr).toBe('')
})
