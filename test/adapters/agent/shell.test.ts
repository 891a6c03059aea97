import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Work } from '../../../adapters/agent/runner.ts'
import { shell } from '../../../adapters/agent/shell.ts'

let workDir = ''
beforeEach(() => {
  workDir = mkdtempSync(join(tmpdir(), 'benchplane-shell-'))
})
afterEach(() => rmSync(workDir, { recursive: true, force: true }))

const work = (run: unknown, more: Partial<Work> = {}): Work => ({
  executionId: 'E1',
  taskName: 'smoke',
  attempt: 2,
  benchId: 'hil-01',
  phase: 'test',
  run,
  parameters: { speedKmh: 80 },
  workDir,
  artifactsDir: join(workDir, 'artifacts'),
  logPath: join(workDir, 'log'),
  ...more,
})
const log = (): string => readFileSync(join(workDir, 'log'), 'utf8')
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    // A process that ended and that nobody has fetched is as good as gone.
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
  } catch {
    return false
  }
}
const untilLogged = (text: string) => vi.waitFor(() => expect(log()).toContain(text), { timeout: 5_000, interval: 10 })

describe('what a command can see', () => {
  test('it runs in its own directory and knows its task', async () => {
    const script = 'pwd; env | grep ^BENCHPLANE_ | sort'
    process.env['BENCHPLANE_TOKEN'] = 'secret'
    const outcome = await shell.start(work({ command: script }, { commitSha: 'abc123' })).ended
    delete process.env['BENCHPLANE_TOKEN']
    expect(outcome).toEqual({ kind: 'passed', result: { exitCode: 0, durationMs: expect.any(Number) } })
    expect(log().split('\n')).toEqual([
      workDir,
      `BENCHPLANE_ARTIFACTS_DIR=${workDir}/artifacts`,
      'BENCHPLANE_ATTEMPT=2',
      'BENCHPLANE_BENCH_ID=hil-01',
      'BENCHPLANE_COMMIT=abc123',
      'BENCHPLANE_EXECUTION_ID=E1',
      'BENCHPLANE_PARAMETERS={"speedKmh":80}',
      'BENCHPLANE_PHASE=test',
      'BENCHPLANE_TASK=smoke',
      '',
    ])
  })

  test('its two outputs are one log, in the order of writing', async () => {
    const script = 'for i in 1 2 3 4 5; do echo out $i; echo err $i >&2; done'
    await shell.start(work({ command: script })).ended
    expect(log()).toBe([1, 2, 3, 4, 5].map((i) => `out ${i}\nerr ${i}\n`).join(''))
  })

  test('a list is a program and its arguments: no shell reads them', async () => {
    await shell.start(work({ command: ['echo', '$HOME; rm -rf *', '`id`'], env: { A: 'b' } })).ended
    expect(log()).toBe('$HOME; rm -rf * `id`\n')
  })

  test('its own environment and directory count', async () => {
    await shell.start(work({ command: 'echo $COLOUR; pwd', env: { COLOUR: 'red' }, cwd: '/' })).ended
    expect(log()).toBe('red\n/\n')
  })

  test('its stdin is empty, so nothing waits for a person', async () => {
    expect(await shell.start(work({ command: 'cat' })).ended).toMatchObject({ kind: 'passed' })
  })
})

describe('how it ends', () => {
  test('the exit code is told', async () => {
    expect(await shell.start(work({ command: 'exit 37' })).ended).toEqual({
      kind: 'failed',
      reason: expect.stringMatching(/^exited with 37 after \d+ ms$/),
      result: { exitCode: 37, durationMs: expect.any(Number) },
    })
    const killed = await shell.start(work({ command: 'kill -SEGV $$' })).ended
    expect(killed).toMatchObject({ kind: 'failed', result: { exitCode: null, signal: 'SIGSEGV' } })
  })

  test.each([
    ['a program that is not there', { command: ['no-such-program-anywhere'] }, /ENOENT/],
    ['a directory that is not there', { command: 'true', cwd: 'nowhere' }, /run\.cwd nowhere is not there/],
    ['a program that may not be run', { command: ['/etc/passwd'] }, /EACCES/],
    ['an argument that no process can have', { command: ['echo', 'a\0b'] }, /null bytes/],
    ['no command', {}, /neither a text nor a list/],
    ['an empty list', { command: [] }, /neither a text nor a list/],
    ['a number', { command: 7 }, /neither a text nor a list/],
    ['nothing', null, /run is not/],
    ['an environment of numbers', { command: 'true', env: { A: 1 } }, /run\.env/],
    ['a misspelt member', { command: 'true', enviroment: {} }, /run has no enviroment/],
  ])('%s can not be started', async (_, run, reason) => {
    const outcome = await shell.start(work(run)).ended
    expect(outcome).toMatchObject({ kind: 'errored', reason: expect.stringMatching(reason) })
  })

  test('stopping asks the whole group, and lets it end in its own way', async () => {
    const script = `trap 'echo putting the bench to rest; exit 3' TERM; echo ready; while :; do sleep 0.05; done`
    const running = shell.start(work({ command: script }))
    await untilLogged('ready')
    running.stop(10_000)
    expect(await running.ended).toMatchObject({ kind: 'failed', result: { exitCode: 3 } })
    expect(log()).toContain('putting the bench to rest')
  })

  test('what does not listen is ended by force, children and grandchildren too', async () => {
    const script = `trap '' TERM; sh -c "trap '' TERM; sleep 60 & echo child \\$! ; wait" & echo ready; wait; wait`
    const running = shell.start(work({ command: script }))
    await untilLogged('child')
    const child = Number(/child (\d+)/.exec(log())?.[1])
    expect(isAlive(child)).toBe(true)
    running.stop(100)
    expect(await running.ended).toMatchObject({ result: { exitCode: null, signal: 'SIGKILL' } })
    expect(isAlive(child)).toBe(false)
  })

  test('a second stop with a shorter grace is sooner', async () => {
    const running = shell.start(work({ command: `trap '' TERM; echo ready; while :; do sleep 0.05; done` }))
    await untilLogged('ready')
    running.stop(60_000)
    running.stop(0)
    expect(await running.ended).toMatchObject({ result: { signal: 'SIGKILL' } })
  })

  test('what a command leaves running in the background ends with it', async () => {
    const outcome = await shell.start(work({ command: 'sleep 60 & echo left $!' })).ended
    expect(outcome).toMatchObject({ kind: 'passed' })
    expect(isAlive(Number(/left (\d+)/.exec(log())?.[1]))).toBe(false)
  })

  test('stopping what is over does nothing', async () => {
    const running = shell.start(work({ command: 'true' }))
    await running.ended
    running.stop(0)
    expect(existsSync(workDir)).toBe(true)
  })
})

describe('what a killed agent left running', () => {
  test('is ended by its trace', async () => {
    const running = shell.start(work({ command: 'echo ready; sleep 60; echo never' }))
    await untilLogged('ready')
    await shell.endLeftOver?.(running.trace ?? '')
    expect(await running.ended).toMatchObject({ result: { exitCode: null } })
  })

  test('is left alone when the number belongs to another process by now, or means nothing', async () => {
    const running = shell.start(work({ command: 'echo ready; sleep 60' }))
    await untilLogged('ready')
    const [pid] = (running.trace ?? '').split(' ')
    for (const trace of [`${pid} 1`, `${pid}`, '', '0 0', '1 0', 'nonsense']) await shell.endLeftOver?.(trace)
    expect(isAlive(Number(pid))).toBe(true)
    running.stop(0)
    await running.ended
  })
})
