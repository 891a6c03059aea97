import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { endLeftOvers, markHome } from '../../../adapters/agent/leftOvers.ts'
import type { AgentSettings } from '../../../adapters/agent/settings.ts'
import { isAlive, temporaryDirectory } from '../programs.ts'
import { finished, openLab, outcomes, submit } from './lab.ts'

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

test('an attempt that removes its own directory comes to an end, and its log is let go of', async () => {
  const house = await openLab()
  const agent = house.agent('w1', ['b1'])
  await submit(house, 'E1', [{ name: 'task', run: { command: 'rm -rf "$(dirname "$BENCHPLANE_ARTIFACTS_DIR")"' } }])
  await finished(house, 'E1')
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
