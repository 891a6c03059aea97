import { expect, test } from 'vitest'
import { outcomeOf, type Task } from '../../../adapters/cli/outcome.ts'

/** What came of a task, in half a line. */

type Attempt = Task['attempts'][number]

const task = (fields: Partial<Task> = {}): Task => ({
  name: 'a',
  phase: 'test',
  bench: 0,
  status: 'passed',
  needs: [],
  runs: 'on-success',
  attempts: [],
  ...fields,
})
const attempt = (fields: Partial<Attempt> = {}): Attempt => ({
  attempt: 1,
  status: 'passed',
  workerId: 'w',
  epoch: 1,
  benchId: 'b',
  startedAt: '2026-03-01T09:00:00.000Z',
  artifacts: [],
  ...fields,
})
const tests = { errored: 0, failed: 1, passed: 11, skipped: 0, total: 12 }
const outcome = (fields: Partial<Attempt>): string => outcomeOf(task({ attempts: [attempt(fields)] }), { tasks: [] })

test.each([
  [{ durationMs: 913, exitCode: 0 }, 'exit 0, 913ms'],
  [{ durationMs: 913, exitCode: 0, tests }, 'exit 0, 913ms, 12 tests: 11 passed, 1 failed'],
  [{ tests: { ...tests, failed: 0, passed: 12 } }, '12 tests: 12 passed'],
  [{ answers: [1, 2], volts: 5, note: 'ok' }, 'answers: 2 items, volts: 5, note: ok'],
  [{ exitCode: 'none', tests: 3, constructor: 1 }, 'exitCode: none, tests: 3, constructor: 1'],
  ['done', '"done"'],
  [undefined, ''],
])('a result of %j reads %s', (result, told) => {
  expect(outcome(result === undefined ? {} : { result })).toBe(told)
})

test('a reason goes before the result', () => {
  expect(outcome({ status: 'failed', reason: 'exited with 1', result: { exitCode: 1 } })).toBe('exited with 1')
})

test('what passed only when tried again says so', () => {
  const attempts = [
    attempt({ status: 'failed', reason: 'no answer' }),
    attempt({ attempt: 2, result: { exitCode: 0 } }),
  ]
  expect(outcomeOf(task({ attempts }), { tasks: [] })).toBe('passed at attempt 2, exit 0')
})

test('what is too long ends with an ellipsis, and what steers a terminal does not', () => {
  const told = outcome({ reason: `\u001b[2J${'x'.repeat(200)}` })
  expect(told).toMatch(/^\\x1b\[2Jx+…$/)
  expect(told).toHaveLength(80)
})

test('a task without an attempt tells what it waits for, or why it was skipped', () => {
  const need = (name: string, status: Task['status']): Task => task({ name, status })
  const of = (fields: Partial<Task>, ...needs: Task[]): string =>
    outcomeOf(task({ needs: needs.map(({ name }) => name), ...fields }), { tasks: needs })
  expect(of({ status: 'pending' }, need('x', 'running'), need('y', 'passed'))).toBe('waits for x')
  expect(of({ status: 'skipped' }, need('x', 'failed'), need('y', 'passed'))).toBe('needs x, which did not pass')
  expect(of({ status: 'skipped' })).toBe('the execution ended before')
  expect(of({ status: 'ready' })).toBe('')
  const many = Array.from({ length: 7 }, (_, n) => need(`t${n}`, 'pending'))
  expect(of({ status: 'pending' }, ...many)).toBe('waits for t0, t1, t2, t3, t4 and 2 more')
})
