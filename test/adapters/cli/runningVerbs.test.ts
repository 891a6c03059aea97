import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { shareHouse } from './sharedHouse.ts'

/** The verbs for workers, executions and history, one after the other on one server, for programs and for people. */
const { house, shown, json } = shareHouse()
const fileOf = (name: string, content: object): string => {
  const path = join(house().directory, name)
  writeFileSync(path, JSON.stringify(content))
  return path
}

test('worker enrol, list and show; an agent keeps the labels it finds', async () => {
  await json('bench register b2 --type sil --name Node')
  expect(await json('worker enrol w1 --label site=garching')).toMatchObject({ labels: { site: 'garching' } })
  await house()
    .agent('w1', ['b2'])
    .says(/serving/)
  const session = { epoch: 1, benchIds: ['b2'] }
  expect(await json('worker show w1')).toMatchObject({ labels: { site: 'garching' }, session })
  expect(await shown('worker list')).toMatch(/w1 +1 +b2 /)
})

test('run, and execution list, show, logs and follow', async () => {
  await json('reserve b2 --for 1h --id RUN --wait')
  const one = { name: 'one', timeout: '1m', run: { command: 'echo $BENCHPLANE_PARAMETERS' } }
  const two = { name: 'two', needs: ['one'], run: { command: 'echo two' } }
  const plan = fileOf('plan.json', { suite: 'smoke', timeout: '5m', tasks: [one, two] })
  const run = `run --reservation RUN --plan ${plan} --parameter speed=fast --commit abc`
  const passed = { verdict: 'passed', suite: 'smoke', commitSha: 'abc' }
  expect(await json(`${run} --id E1 --follow`)).toMatchObject(passed)
  const followed = await house().benchplane(...run.split(' '), '--id', 'E2', '--follow')
  expect(followed.stdout).toMatch(
    /^one │ \{"speed":"fast"\}\ntwo │ two\nexecution +E2\nstatus +finished\nverdict +passed\n/,
  )
  expect(followed.stderr).toContain('one: passed\n')
  expect(await json('execution list --bench b2')).toMatchObject([{ executionId: 'E2' }, { executionId: 'E1' }])
  expect(await shown('execution list --status finished')).toMatch(/E1 +passed +smoke +b2 .* 2\/2/)
  expect(await shown('execution show E1')).toMatch(/one +test +passed +1 +b2 /)
  expect(await shown('execution logs E1 --task two')).toBe('two\n')
  expect(await json('execution logs E1 --task two --attempt 1')).toEqual({ text: 'two\n' })
  expect(await shown('execution logs E1 -f')).toBe('==> one, attempt 1\n{"speed":"fast"}\n==> two, attempt 1\ntwo\n')
  expect(await json('execution follow E1')).toMatchObject(passed)
})

test('execution cancel, and worker drain', async () => {
  const plan = fileOf('endless.json', { tasks: [{ name: 'endless', run: { command: 'sleep 600' } }] })
  expect(await json(`run --reservation RUN --plan ${plan} --id E3`)).toMatchObject({ executionId: 'E3' })
  expect(await json('execution cancel E3 --reason enough')).toMatchObject({ executionId: 'E3' })
  expect(await json('execution follow E3')).toMatchObject({ verdict: 'cancelled' })
  const drained = await json('worker drain w1 --force')
  expect([drained['workerId'], drained['session']]).toEqual(['w1', undefined])
})

test('history show, state and diff', async () => {
  expect(await json('history show bench/b2 --from 2 --to 3')).toMatchObject([{ version: 2 }, { version: 3 }])
  expect(await shown('history show reservation/RUN')).toMatch(/1 +\S+ +ReservationConfirmed +user local/)
  const first = { version: 1, state: { description: { name: 'Node' } } }
  expect(await json('history state bench/b2 --version 1')).toMatchObject(first)
  expect(await json('history state bench/b2 --at now')).toMatchObject({ stream: 'bench/b2' })
  const became = [{ path: 'status', before: 'confirmed', after: 'active' }]
  const differences = expect.arrayContaining(became)
  expect(await json('history diff reservation/RUN --from 1')).toMatchObject({ from: 1, differences })
  expect(await shown('history diff reservation/RUN --from 1')).toContain('status: confirmed → active')
  expect(await shown('history diff reservation/RUN --from 1 --to 1')).toBe('no difference\n')
})

test('history verify and export', async () => {
  expect(await json('history verify')).toMatchObject({ ok: true, failures: [] })
  expect(await shown('history verify bench/b2')).toMatch(/^ok: \d+ commits of 1 streams/)
  const out = join(house().directory, 'export.ndjson')
  const exported = await house().benchplane('history', 'export', '--out', out)
  expect([exported.code, exported.stderr]).toEqual([0, expect.stringMatching(/^\d+ commits in /)])
  const lines = readFileSync(out, 'utf8').trimEnd().split('\n')
  expect(lines.every((line) => typeof JSON.parse(line).hash === 'string')).toBe(true)
  const { stdout } = await house().benchplane('history', 'export', '--to', '+1m')
  expect(stdout.trimEnd().split('\n')).toEqual(lines)
})

test('views status and rebuild', async () => {
  expect(await json('views status')).toMatchObject({ rebuilding: false, items: expect.any(Array) })
  expect(await shown('views rebuild')).toMatch(/^VIEW +ROWS/)
  expect(await json('views rebuild')).toMatchObject({ rebuilding: false })
})

test('events tail: from the beginning, filtered, so many; and as they happen', async () => {
  const tail = await shown('events tail --all --kind reservation --type ReservationConfirmed --count 1')
  expect(tail).toMatch(/^\S+ +ReservationConfirmed +reservation\/RUN\/1 +local .*\n$/)
  const lines = (await shown('events tail --all --count 2 --json')).trimEnd().split('\n')
  expect(lines.map((line) => JSON.parse(line).type)).toEqual(['BenchRegistered', 'WorkerEnrolled'])
  const all = await json<{ nextCursor?: string }[]>('history show bench/b2')
  expect(all.length).toBeGreaterThan(3)
  const following = shown('events tail --type BenchDescribed --count 1 --json')
  const isTold = following.then(() => true)
  // Until the one that listens has begun to: each description is another event.
  for (let n = 0; !(await Promise.race([isTold, json(`bench describe b2 --location L${n}`).then(() => false)])); n++);
  expect(JSON.parse(await following)).toMatchObject({ type: 'benchplane.BenchDescribed', subject: 'bench/b2' })
}, 30_000)
