import { mkdirSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { devNull, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Command, failureOf, startCommand } from './command.ts'
import { logLine, tailOf } from './logFile.ts'
import type { Outcome, Running } from './runner.ts'
import type { AgentSettings } from './settings.ts'

/** Of a hook's time, kept for its own way to end: a quarter of it at most. */
const graceMsMax = 2_000

interface HookWork {
  name: string
  command: string
  timeoutMs: number
  cwd: string
  env: NodeJS.ProcessEnv
  logPath: string
}

/** Its output goes to the attempt's log, under a line that names it. Passed: it exited with 0 in time. */
export const startHook = ({ name, command, timeoutMs, cwd, env, logPath }: HookWork): Running => {
  logLine(logPath, `${name} hook: ${command}`)
  // What ran before may have removed it.
  mkdirSync(cwd, { recursive: true })
  const running = startCommand({ program: '/bin/sh', args: ['-c', command], cwd, env, logPath })
  const { stop, trace } = running
  return { ended: hookEnd(running, name, timeoutMs, logPath), stop, trace }
}

const hookEnd = async (
  { ended, stop }: Command,
  name: string,
  timeoutMs: number,
  logPath: string,
): Promise<Outcome> => {
  let isLate = false
  const graceMs = Math.min(graceMsMax, timeoutMs / 4)
  const timer = setTimeout(() => {
    isLate = true
    stop(graceMs)
  }, timeoutMs - graceMs)
  const end = await ended
  clearTimeout(timer)
  const failure = isLate ? `was stopped after ${timeoutMs} ms` : failureOf(end)
  if (failure === undefined) return { kind: 'passed' }
  logLine(logPath, `${name} hook: ${failure}`)
  return { kind: 'errored', reason: `the ${name} hook ${failure}` }
}

/** Told loudly when it fails: then nobody can say what state the bench is in. */
export const powerOff = async (
  settings: Pick<AgentSettings, 'hooks' | 'workDir' | 'note' | 'alarm'>,
  benchId: string,
  onStarted = (): void => undefined,
): Promise<void> => {
  const { hooks, note, alarm } = settings
  const { powerOff: command, timeoutMs } = hooks
  if (command === undefined) return
  const { BENCHPLANE_TOKEN: _, ...inherited } = process.env
  const env = { ...inherited, BENCHPLANE_BENCH_ID: benchId }
  const { cwd, logPath } = await powerOffPlace(settings, benchId)
  const { ended } = startHook({ name: 'power-off', command, timeoutMs, cwd, env, logPath })
  onStarted()
  const outcome = await ended
  if (outcome.kind === 'passed') note('the power-off hook has run', { benchId })
  else alarm('the bench may still be powered', { benchId, ...outcome, output: tailOf(logPath) })
}

/** A full disk is no reason to leave a bench powered: then its output goes nowhere. */
const powerOffPlace = async ({ workDir, alarm }: Pick<AgentSettings, 'workDir' | 'alarm'>, benchId: string) => {
  const logPath = join(workDir, `power-off.${benchId}.log`)
  try {
    await mkdir(workDir, { recursive: true })
    await rm(logPath, { force: true })
    logLine(logPath, `bench ${benchId}`)
    return { cwd: workDir, logPath }
  } catch (error) {
    alarm('the output of the power-off hook is not kept', { benchId, reason: String(error) })
    return { cwd: tmpdir(), logPath: devNull }
  }
}
