import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { powerOff } from '../../../adapters/agent/hooks.ts'
import { startInstrument } from '../../../examples/runners/instrument.ts'
import { type House, isAlive, repository, temporaryDirectory } from '../programs.ts'
import { brief, executionOf, finished, logged, logOf, openLab, outcomes, submit } from './lab.ts'

const command = (text: string) => ({ run: { command: text } })
const hooks = (given: Readonly<Record<string, string>>): string[] =>
  Object.entries(given).flatMap(([name, text]) => [`--${name}-hook`, text])
/** What hooks have written into a file beside the lab. */
const written = ({ directory }: House, name: string): string =>
  existsSync(join(directory, name)) ? readFileSync(join(directory, name), 'utf8') : ''

test('hooks run around each attempt, know it, and speak in its log under their names', async () => {
  const house = await openLab()
  const args = hooks({
    provision: 'echo power on $BENCHPLANE_BENCH_ID for $BENCHPLANE_PHASE',
    teardown: 'echo power down after $BENCHPLANE_TASK-$BENCHPLANE_ATTEMPT',
  })
  house.agent('w1', ['b1'], ...args)
  const retry = { attemptCountMax: 2, backoffMs: 0 }
  await submit(house, 'E1', [{ name: 'smoke', retry, ...command('printf "at work"; exit 4') }])
  expect((await finished(house, 'E1')).verdict).toBe('failed')
  for (const attempt of [1, 2])
    expect(await logOf(house, 'E1', 'smoke', attempt)).toBe(
      [
        '[benchplane] provision hook: echo power on $BENCHPLANE_BENCH_ID for $BENCHPLANE_PHASE',
        'power on b1 for test',
        'at work',
        '[benchplane] teardown hook: echo power down after $BENCHPLANE_TASK-$BENCHPLANE_ATTEMPT',
        `power down after smoke-${attempt}`,
        '',
      ].join('\n'),
    )
})

test('a provision hook that fails is the infrastructure’s failure: nothing is run, and the bench is put to rest', async () => {
  const house = await openLab()
  house.agent('w1', ['b1'], ...hooks({ provision: 'echo no power; exit 3', teardown: 'echo to rest' }))
  await submit(house, 'E1', [{ name: 'smoke', ...command('echo never') }])
  expect(outcomes(await finished(house, 'E1'))).toEqual({
    smoke: ['errored', expect.stringMatching(/^the provision hook exited with 3 after \d+ ms$/)],
  })
  const log = await logOf(house, 'E1', 'smoke')
  expect(log).toMatch(/no power\n\[benchplane] provision hook: exited with 3 after \d+ ms\n.*\nto rest\n$/)
  expect(log).not.toContain('never')
})

test('a hook that does not end is ended, with what it started', async () => {
  const house = await openLab()
  const args = ['--hook-timeout', '400ms', ...hooks({ provision: 'echo child $$; sleep 600 | sleep 600' })]
  house.agent('w1', ['b1'], ...args)
  await submit(house, 'E1', [{ name: 'smoke', ...command('true') }])
  expect(outcomes(await finished(house, 'E1'))).toEqual({
    smoke: ['errored', 'the provision hook was stopped after 400 ms'],
  })
  const child = Number(/^child (\d+)/m.exec(await logOf(house, 'E1', 'smoke'))?.[1])
  expect(isAlive(child)).toBe(false)
})

test('teardown follows a cancel, and its failure is told loudly without changing the outcome', async () => {
  const house = await openLab()
  const agent = house.agent('w1', ['b1'], ...hooks({ teardown: 'echo to rest; exit 9' }))
  await submit(house, 'E1', [{ name: 'endless', ...command('echo begun; sleep 600') }])
  await logged(house, 'E1', 'endless', 'begun')
  expect((await house.benchplane('execution', 'cancel', 'E1')).code).toBe(0)
  const execution = await finished(house, 'E1')
  expect(outcomes(execution)).toEqual({ endless: ['cancelled', undefined] })
  expect(await logOf(house, 'E1', 'endless')).toMatch(
    /to rest\n\[benchplane] teardown hook: exited with 9 after \d+ ms\n$/,
  )
  expect(agent.output.stderr).toContain('alarm: a bench was not put to rest benchId=b1')
})

test('a cancel during provisioning ends it, and the command is not started', async () => {
  const house = await openLab()
  house.agent('w1', ['b1'], ...hooks({ provision: 'echo begun; sleep 600', teardown: 'echo to rest' }))
  await submit(house, 'E1', [{ name: 'smoke', ...command('echo never') }])
  await logged(house, 'E1', 'smoke', 'begun\n')
  await house.benchplane('execution', 'cancel', 'E1')
  expect(outcomes(await finished(house, 'E1'))).toEqual({ smoke: ['cancelled', undefined] })
  const log = await logOf(house, 'E1', 'smoke')
  expect([log.includes('never'), log.includes('to rest\n')]).toEqual([false, true])
})

test('teardown follows a timeout', async () => {
  const house = await openLab()
  const path = join(house.directory, 'rested')
  house.agent('w1', ['b1'], '--kill-grace', '100ms', ...hooks({ teardown: `echo $BENCHPLANE_TASK >> ${path}` }))
  await submit(house, 'E1', [{ name: 'slow', timeoutMs: 1_000, ...command(`trap '' TERM; sleep 600; sleep 600`) }])
  expect((await finished(house, 'E1')).verdict).toBe('timed-out')
  await vi.waitFor(() => expect(written(house, 'rested')).toBe('slow\n'), { timeout: 5_000, interval: 20 })
})

test('without a server, what ran is stopped, put to rest and its bench powered off: only that one', async () => {
  const house = await openLab(['b1', 'b2'], brief)
  const [off, rested] = [join(house.directory, 'off'), join(house.directory, 'rested')]
  const args = hooks({
    teardown: `echo $BENCHPLANE_TASK >> ${rested}`,
    'power-off': `echo $BENCHPLANE_BENCH_ID >> ${off}`,
  })
  house.agent('w1', ['b1', 'b2'], ...args)
  await submit(house, 'E1', [{ name: 'endless', ...command('echo pid $$; sleep 600') }])
  const pid = Number(/^pid (\d+)/m.exec(await logged(house, 'E1', 'endless', 'pid'))?.[1])
  house.server.signal('SIGKILL')
  await vi.waitFor(() => expect(written(house, 'off')).toBe('b1\n'), { timeout: 5_000, interval: 10 })
  expect(isAlive(pid)).toBe(false)
  expect(written(house, 'rested')).toBe('endless\n')
})

test('a power-off hook that fails is told loudly, with what it said', async () => {
  const house = await openLab(['b1'], brief)
  const agent = house.agent('w1', ['b1'], ...hooks({ 'power-off': 'echo relay stuck; exit 2' }))
  await submit(house, 'E1', [{ name: 'endless', ...command('echo begun; sleep 600') }])
  await logged(house, 'E1', 'endless', 'begun')
  house.server.signal('SIGKILL')
  await agent.says(/alarm: the bench may still be powered benchId=b1 .*exited with 2.*relay stuck/s)
})

test('hooks, cancels and results are the same for a runner of one’s own', async () => {
  const house = await openLab()
  const instrument = await startInstrument()
  const runner = join(repository, 'examples/runners/scpi.ts')
  const agent = house.agent('w1', ['b1'], '--runner', runner, ...hooks({ teardown: 'echo to rest' }))
  const run = (...steps: object[]) => ({ run: { host: '127.0.0.1', port: instrument.port, steps } })
  await submit(house, 'E1', [
    { name: 'volts', ...run({ send: 'VOLT 3.3' }, { send: 'VOLT?', expect: '3.300' }) },
    { name: 'silent', needs: ['volts'], ...run({ send: 'SIM:SILENT?', timeoutMs: 600_000 }) },
  ])
  await vi.waitFor(() => expect(instrument.heard).toContain('SIM:SILENT?'), { timeout: 10_000 })
  expect(outcomes(await executionOf(house, 'E1'))).toMatchObject({
    volts: ['passed', { answers: [{ send: 'VOLT?', answer: '3.300' }] }],
  })
  await house.benchplane('execution', 'cancel', 'E1')
  expect(outcomes(await finished(house, 'E1'))).toMatchObject({ silent: ['cancelled', undefined] })
  expect(await logOf(house, 'E1', 'silent')).toMatch(/→ SIM:SILENT\?\n(.*\n)*.*teardown hook.*\nto rest\n$/)
  agent.signal('SIGTERM')
  expect(await agent.ended).toBe(0)
  await instrument.close()
})

test('a runner that throws does not take its agent with it', async () => {
  const house = await openLab()
  const runner = join(house.directory, 'runner.ts')
  writeFileSync(runner, 'export default { start: ({ run }: any) => { throw new Error("no " + run) } }')
  house.agent('w1', ['b1'], '--runner', runner)
  await submit(house, 'E1', [{ name: 'one', run: 'luck' }])
  expect(outcomes(await finished(house, 'E1'))).toEqual({
    one: ['errored', 'its runner broke: Error: no luck'],
  })
  await submit(house, 'E2', [{ name: 'two', run: 'joy' }])
  expect(outcomes(await finished(house, 'E2'))).toMatchObject({ two: ['errored', expect.stringContaining('no joy')] })
})

test('a bench is powered off also by an agent that can not write, as when its disk is full', async () => {
  const directory = temporaryDirectory()
  writeFileSync(join(directory, 'file'), '')
  const told: string[] = []
  const note = (text: string, facts: object = {}): void => void told.push(`${text} ${JSON.stringify(facts)}`)
  const settingsOf = (powerOff: string) =>
    ({ hooks: { powerOff, timeoutMs: 5_000 }, workDir: join(directory, 'file', 'work'), note, alarm: note }) as const
  await powerOff(settingsOf(`touch ${directory}/off.$BENCHPLANE_BENCH_ID`), 'b1')
  expect(existsSync(join(directory, 'off.b1'))).toBe(true)
  await powerOff(settingsOf('exit 3'), 'b1')
  expect(told).toEqual([
    expect.stringMatching(/^the output of the power-off hook is not kept .*ENOTDIR/),
    'the power-off hook has run {"benchId":"b1"}',
    expect.stringMatching(/is not kept/),
    expect.stringMatching(/^the bench may still be powered .*exited with 3/),
  ])
})
