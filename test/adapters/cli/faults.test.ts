import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { repository, run } from '../programs.ts'
import { shareHouse } from './sharedHouse.ts'

/** Faults are told in terms of what was typed: the option or the name in the file, and the limit in its units. */
const { house, shown, json } = shareHouse()

const fileOf = (content: string): string => {
  const path = join(house().directory, 'plan.yaml')
  writeFileSync(path, content)
  return path
}

beforeAll(async () => {
  await json('bench register b1 --type hil')
  await json('reserve b1 --for 1h --id R')
})

test.each([
  ['reserve b1 --for 9999999h', '--for: at most 90 days'],
  ['reserve b1 --for 100ms', '--for: at least 1s'],
  ['reserve b1 --for 1h --check-in-within 2d', '--check-in-within: at most 1 day'],
  [`reserve b1 --for 1h --holder ${'x'.repeat(200)}`, '--holder: at most 128 characters'],
  ['reserve b1 --for 1h --id a/b', '--id: an id: '],
  ['bench register b9 --type hil --teardown 99d', '--teardown: at most 1 day'],
  ['bench free --for 9999999h', '--for: at most '],
  ['reservation extend R --by 2450000000h', '--by: at most 90 days'],
])('%s: %s', async (line, message) => {
  const { code, stderr } = await house().benchplane(...line.split(' '))
  expect([code, stderr]).toEqual([2, expect.stringContaining(message)])
  expect(stderr.trimEnd().split('\n')).toHaveLength(1)
})

test.each([
  ['notaurl', 'an http or https address'],
  ['ftp://ci.example.com', 'an http or https address'],
  ['https://me:secret@ci.example.com', 'no name and no password in an address'],
])('run --callback %s: one fault, a true one', async (url, message) => {
  const plan = join(repository, 'examples/plan.yaml')
  const { code, stderr } = await house().benchplane('run', '--reservation', 'R', '--plan', plan, '--callback', url)
  expect([code, stderr]).toEqual([2, `error: invalid-request: --callback: ${message}\n`])
})

test.each([
  ['tasks: []', 'tasks: a plan has 1 to 1 000 tasks'],
  ['tasks: [{ name: a, run: 1, bench: nope }]', "tasks.0.bench: an index into the reservation's benches: 0 for the"],
  ['tasks: [{ name: a, run: 1, bench: 16 }]', "tasks.0.bench: an index into the reservation's benches: 0 for the"],
  ['tasks: [{ name: a, run: 1, bench: 1 }]', 'tasks.0.bench: the reservation has 1 bench(es), counted from 0'],
  ['tasks: [{ name: a, run: 1, timeout: 99d }]', 'tasks.0.timeout: at most 30 days'],
  ['tasks: [{ name: a, run: 1, timeoutMs: 1 }]', 'tasks.0.timeoutMs: at least 1s'],
  ['tasks: [{ name: a, run: 1, timeout: 5 }]', "tasks.0.timeout: '5' is not a duration such as 2h"],
  ['tasks: [{ name: a, run: 1, needs: b }]', 'tasks.0.needs: a list, not a text'],
  ['tasks: [{ name: a, run: 1, runs: maybe }]', 'tasks.0.runs: one of on-success, always'],
  ['tasks: [{ name: a }]', 'tasks.0.run: is missing'],
  ['{ tasks: [{ name: a, run: 1 }], constructor: 1 }', 'constructor: there is no such member'],
])('a plan of %s', async (content, message) => {
  const { code, stdout, stderr } = await house().benchplane('run', '--reservation', 'R', '--plan', fileOf(content))
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toContain(message)
  expect(stderr.trimEnd().split('\n')).toHaveLength(1)
})

const faulty = `tasks:
  - { name: a, run: 1, bench: nope, colour: red, needs: [zz] }
  - { name: a, run: 1, timeout: 99d, retry: { backoff: 9d } }`
const faults = [
  '  tasks.0.bench: an index',
  '  tasks.0.colour: there is no such member',
  '  tasks.0.needs.0: there is no task zz',
  '  tasks.1.name: task a is named twice',
  '  tasks.1.retry.backoff: at most 1 day',
  '  tasks.1.timeout: at most 30 days',
]

test('all faults of a plan are told at once: of its lengths of time, of its form and of its graph', async () => {
  const linesOf = async (content: string, ...more: string[]): Promise<readonly string[]> => {
    const args = ['run', '--reservation', 'R', '--plan', fileOf(content), ...more]
    const { code, stderr } = await house().benchplane(...args)
    expect(code).toBe(2)
    return stderr.trimEnd().split('\n').slice(1).toSorted()
  }
  const expected = (more: readonly string[] = []) =>
    [...faults, ...more].toSorted().map((fault) => expect.stringContaining(fault))
  expect(await linesOf(faulty)).toEqual(expected())
  expect(await linesOf(faulty, '--dry-run')).toEqual(expected())
  expect(await linesOf(`timeout: soon\n${faulty}`)).toEqual(expected(["  timeout: 'soon' is not a duration"]))
  expect(await json('execution list')).toEqual([])
})

test('run --dry-run shows the order of the tasks, and submits nothing', async () => {
  const plan = join(repository, 'examples/plan.yaml')
  expect(await shown(`run --dry-run --reservation R --plan ${plan}`)).toMatch(
    /1 +flash [^]*2 +self-test [^]*3 +braking-distance [^]*3 +bus-load [^]*4 +collect [^]*nothing was submitted\n$/,
  )
  expect(await json('execution list')).toEqual([])
  const nowhere = await run(['run', '--dry-run', '--plan', plan, '--json', '--url', 'http://127.0.0.1:9'])
  expect(JSON.parse(nowhere.stdout)).toMatchObject({
    ok: true,
    steps: [['flash'], ['self-test'], ['braking-distance', 'bus-load'], ['collect']],
    plan: { tasks: [{ name: 'flash', retry: { attemptCountMax: 1 } }, {}, {}, {}, {}] },
  })
})

test('run --dry-run looks at the reservation, where one is named', async () => {
  const dry = (plan: string, reservation: string) =>
    house().benchplane('run', '--dry-run', '--plan', plan, '--reservation', reservation)
  const second = fileOf('tasks: [{ name: a, run: 1, bench: 1 }]')
  expect(await dry(second, 'R')).toMatchObject({ code: 2, stderr: expect.stringContaining('the reservation has 1') })
  expect((await dry(second, 'nope')).code).toBe(3)
  await json('reserve b1 --for 1h --at +3h --id over')
  await json('reservation cancel over')
  const over = await dry(second, 'over')
  expect([over.code, over.stderr]).toEqual([3, 'error: reservation over is over: it was cancelled\n'])
  const circle = 'tasks: [{ name: a, needs: [b], run: 1 }, { name: b, needs: [a], run: 1 }]'
  expect((await dry(fileOf(circle), 'R')).stderr).toContain('the needs go in a circle: a → b → a')
})

test('a refused booking tells how long the buffers of the one in the way hold the bench', async () => {
  await json('bench register b2 --type hil --setup 1m --teardown 2m')
  await json('reserve b2 --at +9h --for 1h --id early')
  const { start, end } = await json<{ start: string; end: string }>('reservation show early')
  const refused = await house().benchplane('reserve', 'b2', '--at', end, '--for', '1h')
  const timeOf = (instant: string, moreMs: number): string =>
    new Date(Date.parse(instant) + moreMs).toISOString().slice(11, 19)
  expect(refused.code).toBe(3)
  expect(refused.stderr).toMatch(
    new RegExp(
      `taken: b2 .*\\(early\\), from .*${timeOf(start, -60_000)} for its setup, until .*${timeOf(end, 120_000)} for its teardown`,
    ),
  )
})
