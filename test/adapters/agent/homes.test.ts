import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { endLeftOvers, markHome } from '../../../adapters/agent/leftOvers.ts'
import type { AgentSettings } from '../../../adapters/agent/settings.ts'
import { isAlive, repository, taken, temporaryDirectory } from '../programs.ts'
import { finished, logOf, openLab, outcomes, submit } from './lab.ts'

/** Keeps the agent from noting what it starts, as a full disk would. */
const untraceable = `
import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
export default {
  start({ logPath, run }: { logPath: string; run: { pidFile: string } }) {
    const child = spawn('sleep', ['600'])
    writeFileSync(run.pidFile, String(child.pid))
    mkdirSync(join(dirname(logPath), 'benchplane-run'))
    const ended = new Promise((resolve) => child.once('exit', () => resolve({ kind: 'passed' })))
    return { ended, stop: () => child.kill('SIGKILL'), trace: 'anything' }
  },
}`

test('what can not be noted for the next life is not left running', async () => {
  const house = await openLab()
  const [runner, pidFile] = [join(house.directory, 'runner.ts'), join(house.directory, 'pid')]
  writeFileSync(runner, untraceable)
  house.agent('w1', ['b1'], '--runner', runner)
  await submit(house, 'E1', [{ name: 'task', run: { pidFile } }])
  expect(outcomes(await finished(house, 'E1'))).toEqual({
    task: ['errored', expect.stringMatching(/^what was started can not be noted: .*EISDIR/)],
  })
  expect(isAlive(Number(readFileSync(pidFile, 'utf8')))).toBe(false)
})

test('an attempt that removes its own directory ends as its exit code says, and its log is let go of', async () => {
  const house = await openLab()
  const agent = house.agent('w1', ['b1'], '--teardown-hook', 'echo to rest')
  const task = (name: string, text: string) => ({ name, run: { command: text } })
  const own = '"$(dirname "$BENCHPLANE_ARTIFACTS_DIR")"'
  await submit(house, 'E1', [
    task('task', `echo x > $BENCHPLANE_ARTIFACTS_DIR/x; echo begun; rm -rf ${own}`),
    task('fails', `rm -rf ${own}; exit 4`),
    // Once its agent has noted what runs, without which nothing may run; rm fails on what appears under its hands.
    task(
      'more',
      `cd ${own}/../../../E1; while [ ! -e more-1/benchplane-run ]; do sleep 0.01; done; until rm -rf "$PWD"; do :; done`,
    ),
  ])
  // Whatever it has done to its directories, its exit code decides; and its bench is put to rest.
  expect(outcomes(await finished(house, 'E1'))).toEqual({
    task: ['passed', { exitCode: 0, durationMs: expect.any(Number) }],
    fails: ['failed', expect.stringMatching(/^exited with 4 after/)],
    more: ['passed', { exitCode: 0, durationMs: expect.any(Number) }],
  })
  expect(await logOf(house, 'E1', 'task')).toMatch(
    /^begun\n.*teardown hook: echo to rest\nto rest\n.*not uploaded: what could not be read: ENOENT/,
  )
  expect(agent.output.stderr).toBe('')
  const openFiles = (): string[] => {
    const directory = `/proc/${agent.child.pid}/fd`
    return readdirSync(directory).flatMap((name) => {
      try {
        return [readlinkSync(join(directory, name))]
      } catch {
        return []
      }
    })
  }
  await vi.waitFor(() => expect(openFiles().filter((file) => file.includes('task-1'))).toEqual([]), { timeout: 3_000 })
})

test('without being told where, an agent works below its own directory, and what its commands leave there arrives', async () => {
  const house = await openLab()
  const cwd = temporaryDirectory()
  const args = ['agent', '--worker', 'w1', '--bench', 'b1', '--power-off-hook', 'true']
  const env = { ...process.env, BENCHPLANE_URL: house.url }
  const agent = spawn(process.execPath, [join(repository, 'infra/benchplane.ts'), ...args], {
    cwd,
    env,
    stdio: 'ignore',
  })
  onTestFinished(() => void agent.kill('SIGKILL'))
  const ended = once(agent, 'exit')
  const places = 'echo "$BENCHPLANE_ARTIFACTS_DIR"; cd /; echo report > "$BENCHPLANE_ARTIFACTS_DIR/report.txt"'
  await submit(house, 'E1', [{ name: 'task', run: { command: places } }])
  expect(outcomes(await finished(house, 'E1'))).toMatchObject({ task: ['passed', { exitCode: 0 }] })
  const workDir = join(realpathSync(cwd), '.benchplane', 'work', 'w1')
  expect(await logOf(house, 'E1', 'task')).toContain(`${workDir}/E1/task-1/files/artifacts\n`)
  const { items } = taken(await house.client.listArtifacts({ params: { executionId: 'E1' } }))
  expect(items).toMatchObject([{ path: 'report.txt', bytes: 7 }])
  agent.kill('SIGTERM')
  expect(await ended).toEqual([0, null])
})

test('what an earlier life left and can not be removed is told, and does not keep the agent from serving', async () => {
  const workDir = temporaryDirectory()
  const stubborn = join(workDir, 'E1', 'task-1', 'work')
  mkdirSync(stubborn, { recursive: true })
  markHome(join(workDir, 'E1', 'task-1'))
  writeFileSync(join(stubborn, 'file'), '')
  chmodSync(stubborn, 0o500)
  const told: string[] = []
  const note = (text: string): void => void told.push(text)
  await asNobody(() => endLeftOvers({ workDir, note, alarm: note, runner: {} } as unknown as AgentSettings), workDir)
  expect(told).toEqual(['a directory of an earlier life stays'])
  chmodSync(stubborn, 0o700)
})

/** Root may remove anything. */
const asNobody = async (work: () => Promise<void>, directory: string): Promise<void> => {
  if (process.geteuid?.() !== 0) return work()
  const nobody = 65_534
  for (const name of ['', ...readdirSync(directory, { recursive: true, encoding: 'utf8' })])
    chownSync(join(directory, name), nobody, nobody)
  process.seteuid?.(nobody)
  try {
    await work()
  } finally {
    process.seteuid?.(0)
  }
}
