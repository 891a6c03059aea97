import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type House, type OnEnd, openHouse, repository } from '../programs.ts'

/** Every verb, one after the other on one server, for programs (--json) and for people. */

let house: House
const ends: Parameters<OnEnd>[0][] = []
beforeAll(async () => {
  house = await openHouse({ onEnd: (end) => ends.push(end) })
})
afterAll(async () => {
  for (const end of ends.toReversed()) await end()
})

/** What people are shown: a command that does what it says, without a trace of what it is made of. */
const shown = async (...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await house.benchplane(...args)
  expect([code, stderr], args.join(' ')).toEqual([0, expect.not.stringMatching(/error/)])
  expect(stdout).not.toMatch(/undefined|\[object|NaN|null/)
  return stdout
}
const json = <Value = Record<string, unknown>>(...args: string[]) => house.json<Value>(...args)

test('bench', async () => {
  const described = [
    '--capability',
    'can-fd',
    '--capability',
    'psu.channels=4',
    '--setup',
    '0s',
    '--label',
    'owner=ada',
  ]
  expect(await json('bench', 'register', 'b1', '--type', 'hil', ...described)).toMatchObject({
    benchId: 'b1',
    capabilities: ['can-fd', 'psu.channels=4'],
    labels: { owner: 'ada' },
    version: 1,
  })
  await shown('bench', 'register', 'b2', '--type', 'sil', '--name', 'Node 2')
  expect(await json('bench', 'describe', 'b2', '--location', 'B2', '--teardown', '1m30s')).toMatchObject({
    location: 'B2',
    teardownMs: 90_000,
  })
  expect(await json<object[]>('bench', 'list', 'can-fd', 'psu.channels>=2')).toMatchObject([{ benchId: 'b1' }])
  expect(await json<object[]>('bench', 'list', '--type', 'sil', '--serviceability', 'in-service')).toMatchObject([
    { benchId: 'b2' },
  ])
  expect(await shown('bench', 'list')).toMatch(/^BENCH +TYPE +SERVICEABILITY.*\nb1 +hil +in-service/)
  expect(await shown('bench', 'show', 'b2')).toMatch(/^bench +b2\nname +Node 2\n/)
  expect(await json('bench', 'maintain', 'b2', '--reason', 'new cable')).toMatchObject({
    serviceability: 'maintenance',
  })
  expect(await json('bench', 'return', 'b2')).toMatchObject({ serviceability: 'in-service' })
  expect(await json('bench', 'quarantine', 'b2', '--reason', 'strange results')).toMatchObject({
    serviceability: 'quarantined',
  })
  expect(await shown('bench', 'return', 'b2')).toContain('in-service')
  expect(await json('bench', 'return', 'b2')).toMatchObject({ serviceability: 'in-service' })
  expect(await json<object[]>('bench', 'free', 'can-fd', '--for', '2h')).toMatchObject([{ benchId: 'b1' }])
  expect(await shown('bench', 'free', '--for', '2h', '--type', 'hil')).toMatch(/b1 +\d/)
  expect(await shown('bench', 'calendar', 'b1')).toBe('free\n')
  await json('bench', 'register', 'gone', '--type', 'hil')
  expect(await json('bench', 'retire', 'gone', '--force')).toMatchObject({ serviceability: 'retired' })
})

test('apply', async () => {
  const lab = join(house.directory, 'lab.yaml')
  writeFileSync(
    lab,
    'benches:\n  - { benchId: b3, type: hil, setup: 5s, labels: { slot: 3 } }\n  - { benchId: b4, type: hil }\n',
  )
  expect(await json('apply', '-f', lab, '--dry-run')).toMatchObject({
    applied: false,
    registered: 2,
    missing: ['b1', 'b2'],
  })
  expect(await shown('apply', '-f', lab)).toMatch(
    /\+ bench b3\n\+ bench b4\n\? bench b1: not in the file\n(.*\n)*2 registered, .*2 not in the file\n$/,
  )
  expect(await json('apply', '-f', lab)).toMatchObject({
    applied: true,
    registered: 0,
    changed: 0,
    unchanged: 2,
    changes: [],
  })
  writeFileSync(
    lab,
    'benches:\n  - { benchId: b3, type: hil, setup: 6s, labels: { slot: 3 }, serviceability: maintenance, reason: new }\n',
  )
  expect(await shown('apply', '-f', lab)).toMatch(
    /~ bench b3\n +setupMs: 5000 → 6000\n~ bench b3\n +serviceability: in-service → maintenance\n/,
  )
  const only = join(house.directory, 'only.yaml')
  writeFileSync(
    only,
    'benches:\n  - { benchId: b1, type: hil, capabilities: [can-fd, psu.channels=4], labels: { owner: ada } }\n  - { benchId: b2, type: sil, name: Node 2, location: B2, teardown: 90s }\n',
  )
  expect(await json('apply', '-f', only, '--retire-missing')).toMatchObject({ retired: 2, unchanged: 2 })
  expect(await json('bench', 'show', 'b4')).toMatchObject({ serviceability: 'retired' })
  expect(await json('apply', '-f', join(repository, 'examples/lab.yaml'))).toMatchObject({
    registered: 10,
    enrolled: 3,
  })
})

test('reserve and reservation', async () => {
  const booked = await json(
    'reserve',
    'b1',
    '--for',
    '1h',
    '--holder',
    'ada',
    '--id',
    'R1',
    '--purpose',
    'a try',
    '--wait',
  )
  expect(booked).toMatchObject({
    reservationId: 'R1',
    status: 'active',
    holder: 'ada',
    benchIds: ['b1'],
    purpose: 'a try',
  })
  expect(await json('reserve', 'b1', '--for', '30m', '--queue', '--id', 'R2', '--priority', '70')).toMatchObject({
    status: 'queued',
    priority: 70,
  })
  expect(
    await json('reserve', 'can-fd', 'psu.channels>=4', '--at', '+3h', '--until', '+4h', '--id', 'R3'),
  ).toMatchObject({ status: 'confirmed' })
  const gang = await json(
    'reserve',
    '--query',
    'soc=imx8mp, jtag',
    '--bench',
    'sil-01',
    '--for',
    '1h',
    '--at',
    '+1d',
    '--id',
    'R4',
  )
  expect(gang).toMatchObject({ benchIds: ['farm-imx8-03', 'sil-01'] })
  expect(await json<object[]>('reservation', 'list', '--holder', 'ada')).toMatchObject([{ reservationId: 'R1' }])
  expect(await shown('reservation', 'list', '--bench', 'b1')).toMatch(/R1 +active +b1 /)
  expect(await shown('reservation', 'show', 'R1')).toMatch(/window .* \(1h\)\n/)
  expect(await json('reservation', 'why', 'R2')).toMatchObject({ position: 1, blockedBy: [{ reservationId: 'R1' }] })
  expect(await shown('reservation', 'why', 'R3')).toMatch(/^rule +by-query\n/)
  expect(await shown('bench', 'calendar', 'b1')).toMatch(/ada +R1\n/)
  expect(await json('reservation', 'cancel', 'R2')).toMatchObject({ status: 'cancelled' })
  const { end } = await json<{ end: string }>('reservation', 'shorten', 'R1', '--by', '10m')
  expect(Date.parse(String(booked['end'])) - Date.parse(end)).toBe(600_000)
  expect(await json('reservation', 'extend', 'R1', '--until', String(booked['end']))).toMatchObject({
    end: booked['end'],
  })
  expect(await json('reservation', 'check-in', 'R1')).toMatchObject({ checkedInAt: expect.any(String) })
  expect(await json('reservation', 'transfer', 'R1', 'ben')).toMatchObject({ holder: 'ben' })
  const moved = await json<{ start: string; end: string }>('reservation', 'move', 'R3', '--to', '+5h')
  expect(Date.parse(moved.end) - Date.parse(moved.start)).toBe(3_600_000)
  expect(await json('reservation', 'release', 'R1')).toMatchObject({ status: 'released' })
  expect(await json('reservation', 'cancel', 'R3')).toMatchObject({ status: 'cancelled' })
})

test('worker, agent, run and execution', async () => {
  expect(await json('worker', 'enrol', 'w1', '--label', 'site=garching')).toMatchObject({
    workerId: 'w1',
    labels: { site: 'garching' },
  })
  const agent = house.agent('w1', ['b2'])
  await agent.says(/serving/)
  expect(await json('worker', 'show', 'w1')).toMatchObject({
    labels: { site: 'garching' },
    session: { epoch: 1, benchIds: ['b2'] },
  })
  expect(await shown('worker', 'list')).toMatch(/w1 +1 +b2 /)
  await json('reserve', 'b2', '--for', '1h', '--id', 'RUN', '--wait')
  const plan = join(house.directory, 'plan.yaml')
  writeFileSync(
    plan,
    'suite: smoke\ntimeout: 5m\ntasks:\n  - { name: one, timeout: 1m, run: { command: "echo $BENCHPLANE_PARAMETERS" } }\n  - { name: two, needs: [one], run: { command: "echo two" } }\n',
  )
  const run = ['run', '--reservation', 'RUN', '--plan', plan, '--parameter', 'speed=fast', '--commit', 'abc']
  expect(await json(...run, '--id', 'E1', '--follow')).toMatchObject({
    verdict: 'passed',
    suite: 'smoke',
    commitSha: 'abc',
  })
  const followed = await house.benchplane(...run, '--id', 'E2', '--follow')
  expect(followed.stdout).toMatch(
    /^one │ \{"speed":"fast"\}\ntwo │ two\nexecution +E2\nstatus +finished\nverdict +passed\n/,
  )
  expect(followed.stderr).toContain('one: passed\n')
  expect(await json<object[]>('execution', 'list', '--bench', 'b2')).toMatchObject([
    { executionId: 'E2' },
    { executionId: 'E1' },
  ])
  expect(await shown('execution', 'list', '--status', 'finished')).toMatch(/E1 +passed +smoke +b2 .* 2\/2/)
  expect(await shown('execution', 'show', 'E1')).toMatch(/one +test +passed +1 +b2 /)
  expect(await shown('execution', 'logs', 'E1', '--task', 'two')).toBe('two\n')
  expect(await json('execution', 'logs', 'E1', '--task', 'two', '--attempt', '1')).toEqual({ text: 'two\n' })
  expect(await shown('execution', 'logs', 'E1', '-f')).toBe(
    '==> one, attempt 1\n{"speed":"fast"}\n==> two, attempt 1\ntwo\n',
  )
  expect(await json('execution', 'follow', 'E1')).toMatchObject({ verdict: 'passed' })
  writeFileSync(plan, 'tasks:\n  - { name: endless, run: { command: "sleep 600" } }\n')
  await json('run', '--reservation', 'RUN', '--plan', plan, '--id', 'E3')
  expect(await json('execution', 'cancel', 'E3', '--reason', 'enough')).toMatchObject({ executionId: 'E3' })
  expect(await json('execution', 'follow', 'E3')).toMatchObject({ verdict: 'cancelled' })
  expect(await json('worker', 'drain', 'w1', '--force')).toMatchObject({ workerId: 'w1' })
  await agent.ended
}, 40_000)

test('history, views and events', async () => {
  expect(await json<object[]>('history', 'show', 'bench/b2', '--from', '2', '--to', '3')).toMatchObject([
    { version: 2 },
    { version: 3 },
  ])
  expect(await shown('history', 'show', 'reservation/R1')).toMatch(/1 +\S+ +ReservationConfirmed +user local/)
  expect(await json('history', 'state', 'bench/b2', '--version', '1')).toMatchObject({
    version: 1,
    state: { description: { name: 'Node 2' } },
  })
  expect(await json('history', 'state', 'bench/b2', '--at', 'now')).toMatchObject({ stream: 'bench/b2' })
  expect(await json('history', 'diff', 'reservation/R1', '--from', '1')).toMatchObject({
    from: 1,
    differences: expect.arrayContaining([{ path: 'status', before: 'confirmed', after: 'released' }]),
  })
  expect(await shown('history', 'diff', 'reservation/R1', '--from', '1')).toContain('status: confirmed → released')
  expect(await shown('history', 'diff', 'reservation/R1', '--from', '1', '--to', '1')).toBe('no difference\n')
  expect(await json('history', 'verify')).toMatchObject({ ok: true, failures: [] })
  expect(await shown('history', 'verify', 'bench/b2')).toMatch(/^ok: \d+ commits of 1 streams/)
  const out = join(house.directory, 'export.ndjson')
  expect((await house.benchplane('history', 'export', '--out', out)).stderr).toMatch(/^\d+ commits in /)
  const lines = readFileSync(out, 'utf8').trimEnd().split('\n')
  expect(lines.every((line) => typeof JSON.parse(line).hash === 'string')).toBe(true)
  const { stdout } = await house.benchplane('history', 'export', '--to', '+1m')
  expect(stdout.trimEnd().split('\n').length).toBeGreaterThanOrEqual(lines.length)
  expect(await json('views', 'status')).toMatchObject({ rebuilding: false, items: expect.any(Array) })
  expect(await shown('views', 'rebuild')).toMatch(/^VIEW +ROWS/)
  expect(await json('views', 'rebuild')).toMatchObject({ rebuilding: false })
  const tail = await shown('events', 'tail', '--all', '--kind', 'bench', '--type', 'BenchRegistered', '--count', '3')
  expect(tail.split('\n')).toHaveLength(4)
  expect(tail).toMatch(/^\S+ +BenchRegistered +bench\/b1\/1 /)
  const asJson = await shown('events', 'tail', '--all', '--count', '2', '--json')
  expect(
    asJson
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).type),
  ).toEqual(['BenchRegistered', 'BenchRegistered'])
}, 40_000)
