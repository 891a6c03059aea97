import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { type CommandEnd, endLeftOverCommand, failureOf, startCommand } from './command.ts'
import { environmentOf } from './environment.ts'
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
 * Runs a command in a process group of its own, its stdout and stderr being the log. The agent's environment is passed on,
 * without its token, and with BENCHPLANE_BENCH_ID, _EXECUTION_ID, _TASK, _ATTEMPT, _PHASE, _COMMIT, _PARAMETERS (JSON) and
 * _ARTIFACTS_DIR. Exit code 0 has passed, any other failed; the result is {exitCode, durationMs, signal?}.
 */
export const shell: Runner = {
  start: (work) => {
    const run = shellRunOf(work.run)
    return typeof run === 'string' ? errored(run) : started(run, work)
  },
  endLeftOver: endLeftOverCommand,
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

const errored = (reason: string): Running => ({
  ended: Promise.resolve({ kind: 'errored', reason: `could not be started: ${reason}` }),
  stop: () => undefined,
})

const started = (run: ShellRun, work: Work): Running => {
  const [program = '', ...args] = typeof run.command === 'string' ? ['/bin/sh', '-c', run.command] : run.command
  const cwd = resolve(work.workDir, run.cwd)
  if (!existsSync(cwd)) return errored(`run.cwd ${run.cwd} is not there`)
  const env = { ...environmentOf(work), ...run.env }
  const { ended, stop, trace } = startCommand({ program, args, cwd, env, logPath: work.logPath })
  return { ended: ended.then(outcomeOf), stop, trace }
}

const outcomeOf = (end: CommandEnd): Outcome => {
  const reason = failureOf(end)
  if (end.kind === 'not-started') return { kind: 'errored', reason: reason ?? '' }
  const { exitCode, signal, durationMs } = end
  const result = { exitCode, durationMs, ...(signal === null ? {} : { signal }) }
  return reason === undefined ? { kind: 'passed', result } : { kind: 'failed', reason, result }
}
