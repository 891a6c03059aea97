import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { loadRunner } from '../../../adapters/agent/loadRunner.ts'
import type { Outcome, Work } from '../../../adapters/agent/runner.ts'
import { type Simulator, startInstrument } from '../../../examples/runners/instrument.ts'
import scpi from '../../../examples/runners/scpi.ts'
import { freePort, repository, temporaryDirectory } from '../programs.ts'

const options = { workerId: 'w1', benchIds: ['b1'], options: {} }

describe('a runner is loaded by its path', () => {
  const moduleWith = (text: string): string => {
    const file = join(temporaryDirectory(), 'runner.ts')
    writeFileSync(file, text)
    return file
  }

  test('one that is exported, or made by a function that is told of its agent', async () => {
    const plain = await loadRunner(moduleWith('export default { start: () => 7 }'), options)
    expect(plain).toMatchObject({ start: expect.any(Function) })
    const text = 'export default async ({ workerId, options }: any) => ({ start: () => workerId + options.a })'
    const made = await loadRunner(moduleWith(text), { ...options, options: { a: '!' } })
    expect(typeof made === 'object' && made.start({} as Work)).toBe('w1!')
    expect(await loadRunner('shell', options)).toMatchObject({ start: expect.any(Function) })
    expect(await loadRunner(join(repository, 'examples/runners/scpi.ts'), options)).toMatchObject({
      start: expect.any(Function),
    })
  })

  test.each([
    ['a name that is none', () => 'magic', /there is no runner 'magic': it is shell, or a path/],
    ['a file that is not there', () => './nowhere.ts', /nowhere\.ts can not be loaded: Cannot find module/],
    ['one without a default export', () => moduleWith('export const start = 1'), /has no default export/],
    ['a default export that is no runner', () => moduleWith('export default 7'), /no function start\(work\)/],
    [
      'a maker of something else',
      () => moduleWith('export default () => ({ begin() {} })'),
      /no function start\(work\)/,
    ],
    ['a maker that fails', () => moduleWith('export default () => { throw new Error("no licence") }'), /no licence/],
    ['a file that is no program', () => moduleWith('this is {'), /can not be loaded/],
  ])('%s is refused with the reason', async (_, path, reason) => {
    expect(await loadRunner(path(), options)).toMatch(reason)
  })
})

describe('the example that drives an instrument', () => {
  let directory = ''
  let instrument: Simulator
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'benchplane-scpi-'))
    instrument = await startInstrument()
  })
  afterEach(async () => {
    await instrument.close()
    rmSync(directory, { recursive: true, force: true })
  })

  const started = (steps: unknown, more: object = {}) => {
    const run = { host: '127.0.0.1', port: instrument.port, steps, ...more }
    const work = { run, logPath: join(directory, 'log') } as Work
    return scpi({ options: {} }).start(work)
  }
  const outcomeOf = (steps: unknown, more?: object): Promise<Outcome> => started(steps, more).ended
  const log = (): string => readFileSync(join(directory, 'log'), 'utf8')

  test('every step is sent in turn, what ends in ? is answered, and the answers are the result', async () => {
    const outcome = await outcomeOf([
      { send: '*RST' },
      { send: 'VOLT 5.0' },
      { send: 'VOLT?', expect: '5.000' },
      { send: 'OUTP ON' },
      { send: 'MEAS:VOLT?', expect: { min: 4.9, max: 5.1 } },
    ])
    expect(outcome).toEqual({
      kind: 'passed',
      result: {
        answers: [
          { send: 'VOLT?', answer: '5.000' },
          { send: 'MEAS:VOLT?', answer: '5.0050' },
        ],
      },
    })
    expect(instrument.heard).toEqual(['*RST', 'VOLT 5.0', 'VOLT?', 'OUTP ON', 'MEAS:VOLT?'])
    expect(log()).toContain('→ VOLT?\n← 5.000\n')
    await vi.waitFor(() => expect(instrument.connectionCount()).toBe(0))
  })

  test('an answer that is another fails the task, and nothing more is sent', async () => {
    const steps = [{ send: 'VOLT 12' }, { send: 'VOLT?', expect: '5.000' }, { send: 'OUTP ON' }]
    expect(await outcomeOf(steps)).toEqual({
      kind: 'failed',
      reason: 'step 2: VOLT? was answered "12.000", not "5.000"',
      result: { answers: [{ send: 'VOLT?', answer: '12.000' }] },
    })
    expect(instrument.heard).toEqual(['VOLT 12', 'VOLT?'])
    expect(await outcomeOf([{ send: '*IDN?', expect: { min: 0 } }])).toMatchObject({ kind: 'failed' })
  })

  test('no answer in time, or an end in the middle, is the fault of the bench', async () => {
    expect(await outcomeOf([{ send: 'SIM:SILENT?', timeoutMs: 50 }])).toMatchObject({
      kind: 'errored',
      reason: expect.stringContaining('SIM:SILENT?: no answer within 50 ms'),
    })
    expect(await outcomeOf([{ send: 'SIM:HANGUP' }, { send: 'SIM:SILENT?' }])).toMatchObject({
      kind: 'errored',
      reason: expect.stringMatching(/closed the connection|ECONNRESET|EPIPE/),
    })
    expect(await outcomeOf([{ send: '*IDN?' }], { port: await freePort() })).toMatchObject({
      kind: 'errored',
      reason: expect.stringContaining('ECONNREFUSED'),
    })
  })

  test('one that never stops talking is not listened to', async () => {
    const server = createServer((socket) => {
      const talk = (): void => void socket.write('x'.repeat(8_192), () => setImmediate(talk))
      socket.on('error', () => undefined)
      talk()
    }).listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await vi.waitFor(() => expect(server.listening).toBe(true))
    const { port } = server.address() as { port: number }
    expect(await outcomeOf([{ send: 'A?' }], { port })).toMatchObject({
      kind: 'errored',
      reason: expect.stringContaining('longer than 65536 bytes'),
    })
  })

  test('stopping lets go of the instrument at once', async () => {
    const running = started([{ send: 'SIM:SILENT?', timeoutMs: 60_000 }])
    await vi.waitFor(() => expect(instrument.heard).toEqual(['SIM:SILENT?']))
    running.stop(10_000)
    expect(await running.ended).toMatchObject({ kind: 'errored', reason: expect.stringContaining('it was stopped') })
    await vi.waitFor(() => expect(instrument.connectionCount()).toBe(0))
  })

  test.each([
    ['nothing', null, /run\.host/],
    ['no port', { port: 70_000 }, /run\.port/],
    ['no steps', { steps: [] }, /run\.steps is no list/],
    ['a step of two lines', { steps: [{ send: 'A\nB' }] }, /run\.steps\[0\]\.send/],
    ['a misspelt member', { steps: [{ send: 'A?', exspect: '1' }] }, /steps\[0\] has no exspect/],
    ['an expectation of nothing', { steps: [{ send: 'A?', expect: {} }] }, /steps\[0\]\.expect/],
    ['a timeout that is none', { steps: [{ send: 'A?', timeoutMs: -1 }] }, /steps\[0\]\.timeoutMs/],
  ])('%s is not run', async (_, more, reason) => {
    const run = more === null ? null : { host: '127.0.0.1', port: 5025, steps: [{ send: 'A?' }], ...more }
    const outcome = await scpi({ options: {} }).start({ run, logPath: join(directory, 'log') } as Work).ended
    expect(outcome).toEqual({ kind: 'errored', reason: expect.stringMatching(reason) })
    expect(existsSync(join(directory, 'log'))).toBe(false)
  })
})
