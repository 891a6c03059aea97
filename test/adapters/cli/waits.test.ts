import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test, vi } from 'vitest'
import { start, taken } from '../programs.ts'
import { shareHouse } from './sharedHouse.ts'

/** Nobody looks at a terminal that says nothing, and wonders: what an execution waits for, and why a log is empty. */
const { house, json } = shareHouse()

const planOf = (...tasks: object[]): string => {
  const path = join(house().directory, 'plan.json')
  writeFileSync(path, JSON.stringify({ tasks }))
  return path
}
const task = (name: string, command: string, more: object = {}) => ({ name, run: { command }, ...more })
const command = (line: string) => house().benchplane(...line.split(' '))
const waitsOf = async (line: string): Promise<readonly string[]> => {
  const { code, stderr } = await command(line)
  expect(code, stderr).toBe(0)
  return stderr.split('\n').filter((each) => each.startsWith('waits: '))
}

beforeAll(async () => {
  await json('bench register b1 --type hil')
  await json('reserve b1 --for 1h --id R --wait')
})

test('run tells that no worker serves the bench', async () => {
  const plan = planOf(task('a', 'true'), task('b', 'true', { needs: ['a'] }))
  const nobody = expect.stringMatching(/^waits: no worker serves bench b1: none ever did/)
  expect(await waitsOf(`run --reservation R --plan ${plan} --id E1`)).toEqual([nobody])
  const followed = await command(`run --reservation R --plan ${plan} --follow --wait-timeout 500ms`)
  expect([followed.code, followed.stderr]).toEqual([4, nobody])
})

test('run tells that the reservation is not active yet, and from when it is', async () => {
  const { start: from } = await json<{ start: string }>('reserve b1 --for 1h --at +5h --id later')
  const [line, ...more] = await waitsOf(`run --reservation later --plan ${planOf(task('a', 'true'))}`)
  expect(line).toMatch(/^waits: reservation later is confirmed, it becomes active at /)
  expect(line).toContain(from.slice(11, 19))
  expect(more).toEqual([])
})

test('run tells that the bench is out of service', async () => {
  await json('bench maintain b1 --reason cable')
  const lines = await waitsOf(`run --reservation R --plan ${planOf(task('a', 'true'))}`)
  expect(lines[0]).toBe('waits: bench b1 is not in service: maintenance')
  await json('bench return b1')
})

test('logs of a task that has not started say so, and what it waits for', async () => {
  const { code, stdout, stderr } = await command('execution logs E1 b')
  expect([code, stdout, stderr]).toEqual([0, '', 'b: has not started: waits for a\n'])
  expect(JSON.parse((await command('execution logs E1 b --json')).stdout)).toEqual({ text: '' })
  const both = await command('execution logs E1 a --task b')
  expect([both.code, both.stderr]).toEqual([2, 'error: name one task: a or b\n'])
})

test('logs tell why an attempt ended and why a task was skipped; run tells who occupies the bench', async () => {
  const { items } = taken(await house().client.listExecutions({ query: { reservationId: 'R' } }))
  for (const { executionId } of items) taken(await house().client.cancelExecution({ params: { executionId } }))
  house().agent('w1', ['b1'])
  const slow = task('slow', 'echo begun; exec sleep 600', { timeoutMs: 1_000 })
  const plan = planOf(slow, task('after', 'true', { needs: ['slow'] }))
  expect((await command(`run --reservation R --plan ${plan} --id E2 --follow`)).code).toBe(1)
  const timedOut = await command('execution logs E2 slow')
  expect([timedOut.stdout, timedOut.stderr]).toEqual(['begun\n', expect.stringMatching(/^slow: timed-out: .+\n$/)])
  const skipped = await command('execution logs E2 after')
  expect([skipped.stdout, skipped.stderr]).toEqual(['', 'after: was skipped: needs slow, which did not pass\n'])
  expect((await command('execution show E2')).stdout).toMatch(/after +test +skipped +0 +needs slow, which did not pass/)

  await json(`run --reservation R --plan ${planOf(task('long', 'exec sleep 600'))} --id E3`)
  const running = async () =>
    expect(taken(await house().client.getExecution({ params: { executionId: 'E3' } })).status).toBe('running')
  await vi.waitFor(running, { timeout: 10_000, interval: 20 })
  const waiting = start(['run', '--reservation', 'R', '--plan', planOf(task('a', 'true')), '--id', 'E4', '--follow'], {
    BENCHPLANE_URL: house().url,
  })
  await waiting.says(/^waits: bench b1 is occupied by execution E3$/m)
  await json('execution cancel E3')
  expect(await waiting.ended).toBe(0)
  expect(waiting.output.stderr.match(/^waits: /gm)).toHaveLength(1)
}, 40_000)
