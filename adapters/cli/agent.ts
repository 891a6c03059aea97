import { join } from 'node:path'
import type { Command } from 'commander'
import type { AgentEnd, AgentSettings, Note } from '../agent/session.ts'
import { createClient } from '../client/client.ts'
import type { Context, Verb } from './context.ts'
import { type ExitCode, exit, exits } from './exits.ts'
import { duration, pair, several } from './options.ts'
import { exitOf } from './problems.ts'
import type { Terminal } from './terminal.ts'

interface AgentOptions {
  worker: string
  bench: readonly string[]
  runner: string
  label?: Record<string, string>
  workDir?: string
  killGrace: number
  connectFor: number
}

const help = `
The shell runner takes a task's run as {command, env?, cwd?}: a text goes to /bin/sh -c, a list is a program and its
arguments. Each attempt has a directory of its own and knows BENCHPLANE_BENCH_ID, BENCHPLANE_EXECUTION_ID,
BENCHPLANE_TASK, BENCHPLANE_ATTEMPT, BENCHPLANE_PHASE, BENCHPLANE_COMMIT and BENCHPLANE_PARAMETERS (JSON).

SIGTERM and Ctrl-C: claims nothing more, lets what runs come to its end, closes the session; twice: ends what runs too.
Exit codes: 0 asked to end, 3 refused, 5 the session was lost to another one, 6 no server in the beginning.`

export const declare = (agent: Command, verb: Verb): void => {
  agent
    .requiredOption('--worker <workerId>', 'who it is')
    .requiredOption('--bench <benchId>', 'what it serves; repeat it', several)
    .option('--runner <name>', 'what runs the tasks: shell', 'shell')
    .option('--label <name=value>', 'for people and scripts; repeat it; default: as they are', pair)
    .option('--work-dir <directory>', 'where attempts run; default: .benchplane/work/{workerId}')
    .option('--kill-grace <duration>', 'between asking a command to end and forcing it', duration, 10_000)
    .option('--connect-for <duration>', 'how long to try for a first connection', duration, 30_000)
    .addHelpText('after', help)
  verb(agent, async (context, options: AgentOptions) => ended(context, await lived(context, options)))
}

const lived = async (context: Context, options: AgentOptions): Promise<AgentEnd> => {
  if (options.runner !== 'shell') throw exit(exits.usage, `there is no runner '${options.runner}': it is shell`)
  const [{ startAgent }, { shell }] = await Promise.all([import('../agent/agent.ts'), import('../agent/shell.ts')])
  const { url, token, terminal, isJson } = context
  const settings: AgentSettings = {
    // Each of its loops knows best what to do about a lost connection.
    client: createClient({ url, ...(token === undefined ? {} : { token }), timeoutMs: 10_000, retryForMs: 30_000 }),
    workerId: options.worker,
    benchIds: options.bench,
    labels: options.label,
    runner: shell,
    workDir: options.workDir ?? join('.benchplane', 'work', options.worker),
    killGraceMs: options.killGrace,
    connectForMs: options.connectFor,
    note: isJson ? jsonNote(terminal) : lineNote(terminal),
  }
  const agent = startAgent(settings)
  return untilEnded(agent)
}

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

const lineNote =
  ({ out, colours, now }: Terminal): Note =>
  (text, facts = {}) => {
    const told = Object.entries(facts).map(
      ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
    )
    out(`${colours.dim(now().toISOString())} ${text} ${colours.dim(told.join(' '))}`.trimEnd())
  }

const jsonNote =
  ({ out, now }: Terminal): Note =>
  (text, facts = {}) =>
    out(JSON.stringify({ time: now().toISOString(), msg: text, ...facts }))
