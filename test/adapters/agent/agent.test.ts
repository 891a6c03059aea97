import { expect, test, vi } from 'vitest'
import { isAlive, openHouse, run } from '../programs.ts'
import { finished, logged, logOf, openLab, outcomes, submit } from './lab.ts'

const command = (text: string | string[], more: object = {}) => ({ run: { command: text, ...more } })

test('real commands run, task after task, and their exit codes are told', async () => {
  const house = await openLab()
  house.agent('w1', ['b1'])
  const parameters = { speedKmh: 80 }
  await submit(
    house,
    'E1',
    [
      {
        name: 'provision',
        phase: 'provision',
        ...command('echo "$BENCHPLANE_BENCH_ID $BENCHPLANE_PARAMETERS $BENCHPLANE_COMMIT"; echo ✓ >&2'),
      },
      {
        name: 'passes',
        needs: ['provision'],
        ...command(['node', '-e', 'console.log(process.argv[1])', 'as it is: $HOME']),
      },
      { name: 'fails', needs: ['provision'], ...command('exit 7') },
      { name: 'skipped', needs: ['fails'], ...command('true') },
      { name: 'collect', needs: ['passes', 'fails'], runs: 'always', ...command('pwd') },
    ],
    { parameters, commitSha: 'abc' },
  )
  const execution = await finished(house, 'E1')
  expect(execution.verdict).toBe('failed')
  expect(outcomes(execution)).toEqual({
    provision: ['passed', { exitCode: 0, durationMs: expect.any(Number) }],
    passes: ['passed', { exitCode: 0, durationMs: expect.any(Number) }],
    fails: ['failed', expect.stringMatching(/^exited with 7 after \d+ ms$/)],
    skipped: ['skipped', undefined],
    collect: ['passed', { exitCode: 0, durationMs: expect.any(Number) }],
  })
  expect(await logOf(house, 'E1', 'provision')).toBe('b1 {"speedKmh":80} abc\n✓\n')
  expect(await logOf(house, 'E1', 'passes')).toBe('as it is: $HOME\n')
  expect(await logOf(house, 'E1', 'collect')).toMatch(/E1\/collect-1\/files\/work\n$/)
})

test('a command that can not be started is the fault of the infrastructure', async () => {
  const house = await openLab()
  house.agent('w1', ['b1'])
  await submit(house, 'E1', [
    { name: 'no-program', ...command(['no-such-program']) },
    { name: 'no-run', run: 'what?' },
  ])
  const execution = await finished(house, 'E1')
  expect(execution.verdict).toBe('errored')
  expect(outcomes(execution)).toMatchObject({
    'no-program': ['errored', expect.stringContaining('could not be started: spawn no-such-program ENOENT')],
    'no-run': ['errored', expect.stringContaining('run is not {command, env?, cwd?}')],
  })
})

test('a log with characters of several bytes, written in halves, arrives whole', async () => {
  const house = await openLab()
  house.agent('w1', ['b1'])
  const script = `
    const bytes = Buffer.from('Prüfstand ✓ 𝛺\\n'.repeat(20))
    const write = (at) => at < bytes.length && (require('node:fs').writeSync(1, bytes.subarray(at, at + 7)), setTimeout(write, 5, at + 7))
    write(0)`
  await submit(house, 'E1', [
    { name: 'halves', ...command(['node', '-e', script]) },
    { name: 'large', ...command('yes ✓äöü | head -c 2000001') },
  ])
  await finished(house, 'E1')
  expect(await logOf(house, 'E1', 'halves')).toBe('Prüfstand ✓ 𝛺\n'.repeat(20))
  const large = await logOf(house, 'E1', 'large')
  expect(Buffer.byteLength(large)).toBe(2_000_001)
  expect(large.startsWith('✓äöü\n'.repeat(1_000))).toBe(true)
})

test('a cancel ends the whole process group, by force what does not listen, and what runs always still runs', async () => {
  const house = await openLab()
  house.agent('w1', ['b1'])
  const stubborn = `trap '' TERM; echo child $$; while :; do sleep 0.1; done`
  const script = `trap 'echo asked to end; exit 0' TERM; sh -c "${stubborn.replace('$$', '\\$\\$')}" & wait; wait`
  await submit(house, 'E1', [
    { name: 'endless', ...command(script) },
    { name: 'collect', needs: ['endless'], runs: 'always', ...command('echo collected') },
  ])
  const child = Number(/child (\d+)/.exec(await logged(house, 'E1', 'endless', 'child'))?.[1])
  expect(isAlive(child)).toBe(true)
  const { code } = await house.benchplane('execution', 'cancel', 'E1', '--reason', 'enough')
  expect(code).toBe(0)
  const execution = await finished(house, 'E1')
  expect(execution.verdict).toBe('cancelled')
  expect(outcomes(execution)).toMatchObject({ endless: ['cancelled', undefined], collect: ['passed', { exitCode: 0 }] })
  expect(await logOf(house, 'E1', 'endless')).toContain('asked to end')
  expect(isAlive(child)).toBe(false)
})

test('a timeout ends the command and its children', async () => {
  const house = await openLab()
  house.agent('w1', ['b1'], '--kill-grace', '200ms')
  const script = `trap '' TERM; echo at work; sh -c 'trap "" TERM; echo child $$; sleep 600; sleep 600'`
  await submit(house, 'E1', [{ name: 'slow', timeoutMs: 1_000, ...command(script) }])
  const child = Number(/child (\d+)/.exec(await logged(house, 'E1', 'slow', 'child'))?.[1])
  const execution = await finished(house, 'E1')
  expect(execution.verdict).toBe('timed-out')
  await vi.waitFor(() => expect(isAlive(child)).toBe(false), { timeout: 5_000, interval: 20 })
})

test('one attempt at a time on a bench, both benches at once', async () => {
  const house = await openLab(['b1', 'b2'])
  house.agent('w1', ['b1', 'b2'])
  // Alone on its bench, and never without somebody on the other.
  const guarded = (own: string, other: string) => ({
    run: {
      command: `cd ../../../.. && mkdir ${own}.lock || exit 9; while [ ! -e ${other}.lock ]; do sleep 0.01; done; sleep 0.2; rmdir ${own}.lock`,
    },
  })
  const plan = (own: string, other: string) => [
    { name: 't1', ...guarded(own, other) },
    { name: 't2', ...guarded(own, other) },
    { name: 'over', needs: ['t1', 't2'], ...command(`mkdir ../../../../${own}.lock`) },
  ]
  await submit(house, 'E1', plan('b1', 'b2'))
  await submit(house, 'E2', plan('b2', 'b1'), { reservationId: 'r-b2' })
  expect((await finished(house, 'E1')).verdict).toBe('passed')
  expect((await finished(house, 'E2')).verdict).toBe('passed')
})

test.each([
  ['a bench that is not there', ['agent', '--worker', 'w1', '--bench', 'nowhere'], 3, /bench-unknown/],
  ['a name that can not be one', ['agent', '--worker', 'No Good', '--bench', 'b1'], 2, /workerId/],
  ['another runner', ['agent', '--worker', 'w1', '--bench', 'b1', '--runner', 'magic'], 2, /no runner 'magic'/],
  ['no bench', ['agent', '--worker', 'w1'], 2, /--bench/],
  ['a duration that is none', ['agent', '--worker', 'w1', '--bench', 'b1', '--kill-grace', 'soon'], 2, /--kill-grace/],
])('%s is refused', async (_, args, expected, message) => {
  const house = await openHouse()
  const { code, stderr } = await house.benchplane(...args)
  expect([code, stderr]).toEqual([expected, expect.stringMatching(message)])
})

test('without a server it gives up, after the time it was given', async () => {
  const args = ['agent', '--worker', 'w1', '--bench', 'b1', '--connect-for', '300ms', '--url', 'http://127.0.0.1:9']
  const { code, stderr } = await run(args)
  expect([code, stderr]).toEqual([6, expect.stringContaining('does not answer')])
})
