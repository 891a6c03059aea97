import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { fakeServer, json, text } from '../client/fakeServer.ts'
import { openHouse, run, start, taken, temporaryDirectory } from '../programs.ts'

/** Each exit code means one thing, and each error is one clear line (with offers or faults below it). */

test('0 and 1: an execution that passed, and one that did not', async () => {
  const house = await openHouse()
  await house.json('bench', 'register', 'b1', '--type', 'hil')
  await house.json('reserve', 'b1', '--for', '1h', '--id', 'R1')
  house.agent('w1', ['b1'])
  const plan = join(house.directory, 'plan.yaml')
  const runs = async (command: string): Promise<number | null> => {
    writeFileSync(plan, JSON.stringify({ tasks: [{ name: 't', run: { command } }] }))
    return (await house.benchplane('run', '--reservation', 'R1', '--plan', plan, '--follow')).code
  }
  expect(await runs('true')).toBe(0)
  expect(await runs('false')).toBe(1)
  writeFileSync(plan, JSON.stringify({ tasks: [{ name: 't', run: { command: 'sleep 600' } }] }))
  const late = await house.benchplane('run', '--reservation', 'R1', '--plan', plan, '-f', '--wait-timeout', '300ms')
  expect([late.code, late.stderr]).toEqual([
    4,
    expect.stringMatching(/error: execution .* is still not finished; it goes on\n$/),
  ])
})

test.each([
  [['bench', 'lst'], "error: unknown command 'lst' (Did you mean list?)"],
  [['bench', 'list', '--jsn'], "error: unknown option '--jsn' (Did you mean --json?)"],
  [['bench', 'show'], "error: missing required argument 'benchId'"],
  [['bench', 'show', 'a', 'b'], 'error: too many arguments'],
  [['bench', 'register', 'b1'], "error: required option '--type <type>' not specified"],
  [['bench', 'list', '--limit', '0'], 'It is a whole number from 1 to 100000.'],
  [['bench', 'register', 'b1', '--type', 'x', '--label', 'novalue'], 'It is name=value.'],
  [['reserve', 'b1'], 'error: give either --for or --until'],
  [['reserve', 'b1', '--for', '1h', '--until', '+2h'], 'error: give either --for or --until'],
  [['reserve', '--for', '1h'], 'error: name a bench, or terms that it must satisfy'],
  [['reserve', 'b1', '--for', 'soon'], 'It is a duration such as 2h, 90m, 1h30m or 45s.'],
  [['reserve', 'b1', '--for', '1h', '--at', 'noon'], "error: --at: 'noon' is not an instant such as"],
  [['reserve', 'b1', '--for', '1h', '--at', '2026-03-01T09:00:00'], 'is not an instant such as'],
  [['reserve', 'b1', '--for', '1h', '--priority', '101'], 'It is a whole number from 0 to 100.'],
  [['reserve', 'b1', '--for', '1h', '--wait-timeout', '1s'], 'error: --wait-timeout needs --wait'],
  [['history', 'show', 'bench'], 'It is {kind}/{id}'],
  [['history', 'show', 'castle/b1'], 'It is {kind}/{id}'],
  [['history', 'state', 'bench/b1', '--version', '1', '--at', 'now'], 'error: give either --version or --at'],
  [['run', '--reservation', 'R', '--plan', 'no-such-file.yaml'], 'error: there is no file no-such-file.yaml'],
  [['run', '--plan', 'no-such-file.yaml'], "error: required option '--reservation <reservationId>' not specified"],
  [['apply', '-f', 'no-such-file.yaml'], 'error: there is no file no-such-file.yaml'],
  [['bench', 'list', '--url', 'localhost:4180'], "error: 'localhost:4180' is not the URL of a server"],
  [['bench', 'list', '--url', 'ftp://localhost'], "error: 'ftp://localhost' is not the URL of a server"],
  [['serve', '--port', '70000'], 'It is a whole number from 0 to 65535.'],
  [['serve', '--store', 'paper'], 'error: --store: '],
  [['serve', '--host', '0.0.0.0'], 'no identity is configured: only loopback'],
  [['serve', '--config', 'no-such-file.yaml'], 'error: no-such-file.yaml: ENOENT'],
  [['nonsense'], "error: unknown command 'nonsense'"],
])('2: %j', async (args, message) => {
  const { code, stdout, stderr } = await run(args)
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toContain(message)
  expect(stderr.trimEnd().split('\n')).toHaveLength(1)
})

test('2: every fault of a request that the server found', async () => {
  const house = await openHouse()
  const { code, stderr } = await house.benchplane(
    'reserve',
    'b1',
    '--bench',
    'Bad Id',
    '--query',
    'x>>1',
    '--for',
    '200d',
  )
  expect(code).toBe(2)
  expect(stderr.split('\n').slice(1)).toEqual([
    expect.stringMatching(/^ {2}benches\.1\.benchId: /),
    expect.stringMatching(/^ {2}benches\.2\.query\.0: /),
    '  --for: at most 90 days',
    '',
  ])
})

test('3: a booking that is refused comes with what is in the way and what is free', async () => {
  const house = await openHouse()
  await house.json('bench', 'register', 'b1', '--type', 'hil')
  await house.json('reserve', 'b1', '--for', '1h', '--holder', 'ada', '--id', 'R1')
  const { code, stderr } = await house.benchplane('reserve', 'b1', '--for', '1h')
  expect(code).toBe(3)
  expect(stderr).toMatch(/^error: interval-conflict: .*\n {2}taken: b1 .* by ada \(R1\)\n {2}free: {2}b1 /)
  const refused = await house.benchplane('reserve', 'b1', '--for', '1h', '--json')
  expect(refused.code).toBe(3)
  expect(JSON.parse(refused.stdout)).toMatchObject({
    code: 'interval-conflict',
    conflicts: [{ reservationId: 'R1' }],
    offers: expect.any(Array),
  })
  expect((await house.benchplane('bench', 'show', 'nowhere')).code).toBe(3)
  expect((await house.benchplane('reservation', 'release', 'nowhere')).code).toBe(3)
  expect((await house.benchplane('worker', 'drain', 'nowhere')).code).toBe(3)
})

test('4 and 5: a wait that is too long, and one for what is taken away', async () => {
  const house = await openHouse()
  await house.json('bench', 'register', 'b1', '--type', 'hil')
  await house.json('reserve', 'b1', '--for', '1h', '--id', 'R1')
  const queue = ['reserve', 'b1', '--for', '1h', '--queue', '--wait']
  const tooLong = await house.benchplane(...queue, '--id', 'R2', '--wait-timeout', '300ms')
  expect([tooLong.code, tooLong.stderr]).toEqual([
    4,
    expect.stringMatching(/^error: reservation R2 is still queued, its start is /),
  ])
  const waiting = start([...queue, '--id', 'R3'], { BENCHPLANE_URL: house.url })
  const isThere = async () =>
    taken(await house.client.getReservation({ params: { reservationId: 'R3' }, query: { consistent: true } }))
  await vi.waitFor(isThere, { timeout: 5_000, interval: 20 })
  await house.json('reservation', 'cancel', 'R3')
  expect(await waiting.ended).toBe(5)
  expect(waiting.output.stderr).toBe('error: reservation R3 was cancelled before it became active\n')
})

test('a wait ends when it is so, and outlives a restart of the server', async () => {
  const house = await openHouse()
  await house.json('bench', 'register', 'b1', '--type', 'hil')
  await house.json('reserve', 'b1', '--for', '1h', '--id', 'R1', '--wait')
  const waiting = start(['reserve', 'b1', '--for', '1h', '--queue', '--wait', '--id', 'R2', '--json'], {
    BENCHPLANE_URL: house.url,
  })
  const isThere = async () =>
    taken(await house.client.getReservation({ params: { reservationId: 'R2' }, query: { consistent: true } }))
  await vi.waitFor(isThere, { timeout: 5_000, interval: 20 })
  house.server.signal('SIGKILL')
  await house.server.ended
  const again = await openHouse({ port: Number(new URL(house.url).port), directory: house.directory })
  await again.json('reservation', 'release', 'R1')
  expect(await waiting.ended).toBe(0)
  expect(JSON.parse(waiting.output.stdout)).toMatchObject({ reservationId: 'R2', status: 'active' })
})

test('6: nobody answers, or something that is not the server', async () => {
  const { code, stderr } = await run(['bench', 'list', '--url', 'http://127.0.0.1:9'])
  expect([code, stderr]).toEqual([6, expect.stringMatching(/^error: http:\/\/127\.0\.0\.1:9 does not answer: .*\n$/)])
  const { url } = await fakeServer(text('<h1>Bad gateway</h1>', 502, 'text/html'))
  expect((await run(['bench', 'list', '--url', url])).code).toBe(6)
  const busy = await fakeServer(json({ code: 'storage-unavailable', title: '', detail: 'the disk is full' }, 503))
  const refused = await run(['bench', 'list', '--url', busy.url])
  expect([refused.code, refused.stderr]).toEqual([6, 'error: storage-unavailable: the disk is full\n'])
})

test('7: history does not verify', async () => {
  const failures = [{ stream: 'bench/b1', version: 3, problem: 'the hash is another' }]
  const { url } = await fakeServer(json({ ok: false, streamCount: 1, commitCount: 3, failures }))
  const { code, stdout } = await run(['history', 'verify', '--url', url])
  expect(code).toBe(7)
  expect(stdout).toMatch(
    /^broken: 3 commits of 1 streams\nSTREAM +VERSION +PROBLEM\nbench\/b1 +3 +the hash is another\n$/,
  )
  const damaged = await fakeServer(json({ code: 'history-damaged', title: '', detail: 'version 2 is missing' }, 500))
  expect((await run(['bench', 'list', '--url', damaged.url])).code).toBe(7)
})

test('1: a mistake of the server', async () => {
  const { url } = await fakeServer(json({ code: 'internal-error', title: '', detail: 'its log has it' }, 500))
  expect((await run(['bench', 'list', '--url', url])).code).toBe(1)
})

test('the token is sent, and never shown', async () => {
  const { url, seen } = await fakeServer(json({ code: 'forbidden', title: '', detail: 'not yours' }, 403))
  const { code, stdout, stderr } = await run(['bench', 'list'], { BENCHPLANE_URL: url, BENCHPLANE_TOKEN: 'a-secret' })
  expect(code).toBe(3)
  expect(seen[0]?.headers.authorization).toBe('Bearer a-secret')
  expect(stdout + stderr).not.toContain('a-secret')
})

test('a lab with faults is refused as a whole, before anything is asked', async () => {
  const lab = join(temporaryDirectory(), 'lab.yaml')
  writeFileSync(
    lab,
    'benches:\n  - { benchId: b1, type: 3, setup: soon }\n  - { benchId: b1, type: x, colour: red, serviceability: maintenance }\nworker: []\n',
  )
  const { code, stderr } = await run(['apply', '-f', lab, '--url', 'http://127.0.0.1:9'])
  expect(code).toBe(2)
  expect(stderr).toMatch(/benches\.0\.type: /)
  expect(stderr).toMatch(/benches\.0\.setup: not a duration/)
  expect(stderr).toMatch(/colour/)
  expect(stderr).toMatch(/worker/)
})
