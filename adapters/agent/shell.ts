import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, openSync } from 'node:fs'
import { resolve } from 'node:path'
import { endGroup, statusOf } from './processGroup.ts'
import type { Outcome, Runner, Running, Work } from './runner.ts'

/** What `run` says to the shell runner. */
interface ShellRun {
  /** A string goes to `/bin/sh -c`; an array is a program and its arguments, and no shell sees it. */
  command: string | readonly string[]
  env: Readonly<Record<string, string>>
  /** Relative to the attempt's own directory, which is the default. */
  cwd: string
}

/**
 * Runs a command in a process group of its own. Its stdout and stderr are the one log file, so their order is the one
 * they were written in, the disk is the buffer, and the command never waits for the server. The agent's environment is
 * passed on, without its token, and with BENCHPLANE_BENCH_ID, _EXECUTION_ID, _TASK, _ATTEMPT, _PHASE, _COMMIT and
 * _PARAMETERS (JSON). stdin is empty.
 */
export const shell: Runner = {
  start: (work) => {
    const run = shellRunOf(work.run)
    return typeof run === 'string' ? notStarted(run) : started(run, work)
  },
  endLeftOver: async (trace) => {
    const [pid = '', startedAt] = trace.split(' ')
    // The same number may be another process by now.
    if (startedAt !== undefined && startedAt === startTimeOf(Number(pid))) await endGroup(Number(pid), () => 0)
  },
}

const isTextRecord = (value: unknown): value is Record<string, string> =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value).every((each) => typeof each === 'string')

const isCommand = (value: unknown): value is string | readonly string[] =>
  Array.isArray(value)
    ? value.length > 0 && value[0] !== '' && value.every((part) => typeof part === 'string')
    : typeof value === 'string' && value !== ''

/** The run, or what is wrong with it. */
const shellRunOf = (run: unknown): ShellRun | string => {
  if (typeof run !== 'object' || run === null) return 'run is not {command, env?, cwd?}'
  const { command, env = {}, cwd = '.', ...rest } = run as Record<string, unknown>
  const unknown = Object.keys(rest)[0]
  if (unknown !== undefined) return `run has no ${unknown}: it is {command, env?, cwd?}`
  if (!isCommand(command)) return 'run.command is neither a text nor a list of texts'
  if (!isTextRecord(env)) return 'run.env does not map names to texts'
  return typeof cwd === 'string' ? { command, env, cwd } : 'run.cwd is not a text'
}

const notStarted = (reason: string): Running => ({
  ended: Promise.resolve({ kind: 'not-started', reason }),
  stop: () => undefined,
  trace: undefined,
})

const environmentOf = (work: Work, own: Readonly<Record<string, string>>): NodeJS.ProcessEnv => {
  const { BENCHPLANE_TOKEN: _, ...inherited } = process.env
  return {
    ...inherited,
    BENCHPLANE_BENCH_ID: work.benchId,
    BENCHPLANE_EXECUTION_ID: work.executionId,
    BENCHPLANE_TASK: work.taskName,
    BENCHPLANE_ATTEMPT: String(work.attempt),
    BENCHPLANE_PHASE: work.phase,
    BENCHPLANE_PARAMETERS: JSON.stringify(work.parameters),
    ...(work.commitSha === undefined ? {} : { BENCHPLANE_COMMIT: work.commitSha }),
    ...own,
  }
}

const started = (run: ShellRun, work: Work): Running => {
  const [program = '', ...args] = typeof run.command === 'string' ? ['/bin/sh', '-c', run.command] : run.command
  const cwd = resolve(work.workDir, run.cwd)
  if (!existsSync(cwd)) return notStarted(`run.cwd ${run.cwd} is not there`)
  const log = openSync(work.logPath, 'a')
  try {
    const env = environmentOf(work, run.env)
    return runningOf(spawn(program, args, { cwd, env, stdio: ['ignore', log, log], detached: true }))
  } catch (error) {
    // What no process can be given, such as a NUL in an argument.
    return notStarted((error as Error).message)
  } finally {
    closeSync(log)
  }
}

/** What a command that has ended left behind in its group is given so long to go. */
const leftBehindGraceMs = 1_000

const runningOf = (child: ChildProcess): Running => {
  const startedAt = performance.now()
  const { promise, resolve: resolveOutcome } = Promise.withResolvers<Outcome>()
  let killAt = Number.POSITIVE_INFINITY
  let isEnding = false
  /** By force at that time, or sooner if `killAt` moves nearer. */
  const end = async (graceMs: number): Promise<void> => {
    isEnding = true
    killAt = Math.min(killAt, performance.now() + graceMs)
    if (child.pid !== undefined) await endGroup(child.pid, () => killAt)
  }
  child.once('error', (error) => resolveOutcome({ kind: 'not-started', reason: error.message }))
  child.once('exit', (exitCode, signal) => {
    const durationMs = Math.round(performance.now() - startedAt)
    // What it left behind must not go on using the bench; once asked to end, it has the time it was given.
    const gone = end(isEnding ? Number.POSITIVE_INFINITY : leftBehindGraceMs)
    void gone.then(() => resolveOutcome({ kind: 'exited', exitCode, signal, durationMs }))
  })
  const stop = (graceMs: number): void => {
    if (isEnding) killAt = Math.min(killAt, performance.now() + graceMs)
    else void end(graceMs)
  }
  return { ended: promise, stop, trace: traceOf(child.pid) }
}

const traceOf = (pid: number | undefined): string | undefined => {
  const startedAt = pid === undefined ? undefined : startTimeOf(pid)
  return startedAt === undefined ? undefined : `${pid} ${startedAt}`
}

/** When a process was started, in the kernel's ticks since boot; undefined for none, and where there is no /proc. */
const startTimeOf = (pid: number): string | undefined => statusOf(pid)?.[19]
