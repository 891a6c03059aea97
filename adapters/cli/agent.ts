import { join } from 'node:path'
import type { Command } from 'commander'
import type { AgentEnd, AgentSettings, Hooks, Note } from '../agent/settings.ts'
import { createClient } from '../client/client.ts'
import type { Context, Verb } from './context.ts'
import { type ExitCode, exit, exits } from './exits.ts'
import { duration, given, pair, several } from './options.ts'
import { exitOf } from './problems.ts'
import type { Terminal } from './terminal.ts'

interface AgentOptions {
  worker: string
  bench: readonly string[]
  runner: string
  runnerOption?: Record<string, string>
  label?: Record<string, string>
  workDir?: string
  killGrace: number
  connectFor: number
  provisionHook?: string
  teardownHook?: string
  powerOffHook?: string
  hookTimeout: number
}

const help = `
The shell runner takes a task's run as {command, env?, cwd?}: a text goes to /bin/sh -c, a list is a program and its
arguments. Each attempt has a directory of its own and knows BENCHPLANE_BENCH_ID, BENCHPLANE_EXECUTION_ID,
BENCHPLANE_TASK, BENCHPLANE_ATTEMPT, BENCHPLANE_PHASE, BENCHPLANE_COMMIT, BENCHPLANE_PARAMETERS (JSON) and
BENCHPLANE_ARTIFACTS_DIR, whose files are uploaded when it has ended, however it ended; JUnit XML among them is counted
into the result. Whether it passed is the exit code's to say.

Another runner is a module of your own: --runner ./my-runner.ts; examples/runners/scpi.ts is one to copy.

Hooks are given to /bin/sh -c and know the same, the power-off hook only its bench. A provision hook that fails is the
infrastructure's failure. The power-off hook runs for a bench whose work the agent had to stop because it can not reach
the server, or has lost its session.

Beside an agent that runs something runs its guard: should the agent be killed, or be stopped or hang until its lease
runs out, the guard ends what runs and runs the power-off hook.

SIGTERM and Ctrl-C: claims nothing more, lets what runs come to its end, closes the session; twice: ends what runs too.
A session that ran out is followed by a new one.
Exit codes: 0 asked to end, 3 refused, 5 the session was lost to another agent of that name or closed
by force, 6 no server in the beginning.`

export const declare = (agent: Command, verb: Verb): void => {
  agent
    .requiredOption('--worker <workerId>', 'who it is')
    .requiredOption('--bench <benchId>', 'what it serves; repeat it', several)
    .option('--runner <name>', 'what runs the tasks: shell, or the path of a module', 'shell')
    .option('--runner-option <name=value>', 'what that module is told; repeat it', pair)
    .option('--label <name=value>', 'for people and scripts; repeat it; default: as they are', pair)
    .option('--work-dir <directory>', 'where attempts run; default: .benchplane/work/{workerId}')
    .option('--kill-grace <duration>', 'between asking a command to end and forcing it', duration, 10_000)
    .option('--connect-for <duration>', 'how long to try for a first connection', duration, 30_000)
    .option('--provision-hook <command>', 'before each attempt, on its bench')
    .option('--teardown-hook <command>', 'after each attempt, however it ended')
    .option('--power-off-hook <command>', 'for a bench whose work had to be stopped without the server')
    .option('--hook-timeout <duration>', 'how long each hook may take', duration, 60_000)
    .addHelpText('after', help)
  verb(agent, async (context, options: AgentOptions) => ended(context, await lived(context, options)))
}

const lived = async (context: Context, options: AgentOptions): Promise<AgentEnd> => {
  const [{ startAgent }, { loadRunner }] = await Promise.all([
    import('../agent/agent.ts'),
    import('../agent/loadRunner.ts'),
  ])
  const { worker: workerId, bench: benchIds, runnerOption = {} } = options
  const runner = await loadRunner(options.runner, { workerId, benchIds, options: runnerOption })
  if (typeof runner === 'string') throw exit(exits.usage, runner)
  return untilEnded(startAgent({ ...settingsOf(context, options), runner }))
}

const settingsOf = (context: Context, options: AgentOptions): Omit<AgentSettings, 'runner'> => {
  const { url, token, terminal, isJson } = context
  return {
    // Each of its loops knows best what to do about a lost connection.
    client: createClient({ url, ...(token === undefined ? {} : { token }), timeoutMs: 10_000, retryForMs: 30_000 }),
    workerId: options.worker,
    benchIds: options.bench,
    labels: options.label,
    hooks: hooksOf(options),
    workDir: options.workDir ?? join('.benchplane', 'work', options.worker),
    killGraceMs: options.killGrace,
    connectForMs: options.connectFor,
    ...(isJson ? jsonNotes(terminal) : lineNotes(terminal)),
  }
}

const hooksOf = ({ provisionHook, teardownHook, powerOffHook, hookTimeout }: AgentOptions): Hooks => ({
  ...given({ provision: provisionHook, teardown: teardownHook, powerOff: powerOffHook }),
  timeoutMs: hookTimeout,
})

/** The first signal drains, the second stops. */
const untilEnded = async (agent: { ended: Promise<AgentEnd>; drain(): void; stop(): void }): Promise<AgentEnd> => {
  let isDraining = false
  const onSignal = (): void => {
    if (isDraining) agent.stop()
    else agent.drain()
    isDraining = true
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  try {
    return await agent.ended
  } finally {
    process.off('SIGTERM', onSignal)
    process.off('SIGINT', onSignal)
  }
}

const ended = ({ terminal }: Context, end: AgentEnd): ExitCode => {
  if (end.kind === 'drained') return exits.done
  if (end.kind === 'refused') throw exitOf(end.problem, terminal.now())
  throw exit(exits.lost, `the session was lost: ${end.detail}`)
}

interface Notes {
  note: Note
  alarm: Note
}

const lineNotes = ({ out, err, colours, errColours, now }: Terminal): Notes => {
  const told = (facts: Readonly<Record<string, unknown>> = {}): string =>
    Object.entries(facts)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
      .join(' ')
  const line = (at: string, text: string, facts: string): string => `${at} ${text} ${facts}`.trimEnd()
  return {
    note: (text, facts) => out(line(colours.dim(now().toISOString()), text, colours.dim(told(facts)))),
    alarm: (text, facts) => err(line(now().toISOString(), errColours.red(`alarm: ${text}`), told(facts))),
  }
}

const jsonNotes = ({ out, now }: Terminal): Notes => {
  const told =
    (level: string): Note =>
    (text, facts = {}) =>
      out(JSON.stringify({ time: now().toISOString(), level, msg: text, ...facts }))
  return { note: told('info'), alarm: told('error') }
}
