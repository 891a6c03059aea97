import { readFileSync } from 'node:fs'
import { Command, CommanderError, Help, Option } from 'commander'
import { createClient } from '../client/client.ts'
import type { Context, Verb } from './context.ts'
import { type ExitCode, exit, exits, isExit } from './exits.ts'
import type { House } from './house.ts'
import { json, plain } from './plain.ts'
import type { Terminal } from './terminal.ts'

type Topic = { summary: string; load: () => Promise<{ declare(command: Command, verb: Verb, house: House): void }> }

/** In the order of `--help`. Each is loaded only when it is used, so that help is there at once. */
const topics: Readonly<Record<string, Topic>> = {
  serve: { summary: 'run the server', load: () => import('./serve.ts') },
  demo: { summary: 'see all of it at work on this machine', load: () => import('./demo.ts') },
  agent: { summary: 'serve benches: run the tasks that the server gives', load: () => import('./agent.ts') },
  bench: { summary: 'register, list and maintain benches', load: () => import('./bench.ts') },
  apply: { summary: 'make the lab what a file says', load: () => import('./apply.ts') },
  reserve: { summary: 'book benches, by id or by what they can do', load: () => import('./reserve.ts') },
  reservation: { summary: 'list, change and end reservations', load: () => import('./reservation.ts') },
  run: { summary: 'run a plan of tasks under a reservation', load: () => import('./run.ts') },
  execution: { summary: 'list, watch and cancel executions', load: () => import('./execution.ts') },
  worker: { summary: 'list and drain workers', load: () => import('./worker.ts') },
  history: { summary: 'show, replay, export and verify what happened', load: () => import('./history.ts') },
  views: { summary: 'see and rebuild the read models', load: () => import('./views.ts') },
  events: { summary: 'watch events as they happen', load: () => import('./events.ts') },
  redrive: { summary: 'do again what consumers of the history have put aside', load: () => import('./redrive.ts') },
}

const defaultUrl = 'http://127.0.0.1:4180'

const epilogue = `
Environment:
  BENCHPLANE_URL      where the server is (${defaultUrl})
  BENCHPLANE_TOKEN    who asks, sent as a bearer token
  NO_COLOR            no colours, even on a terminal

Durations are 2h, 90m, 1h30m, 45s. Instants are 2026-03-01T09:00:00Z, +2h from now, or 18:30 on this machine's clock.
Exit codes: 0 done, 1 failed (an execution that did not pass), 2 usage, 3 refused, 4 timed out waiting, 5 lost,
6 server unreachable, 7 integrity broken. With --json the answer, or the problem, is on stdout.`

/**
 * Reads the arguments (without the program's name), does what they say and answers the exit code. Nothing is thrown: an
 * error is one line on stderr.
 */
export const main = async (args: readonly string[], terminal: Terminal, house: House): Promise<ExitCode> => {
  const program = new Command('benchplane')
  let exitCode: ExitCode = exits.done
  const verb = <Args extends readonly unknown[]>(
    command: Command,
    act: (context: Context, ...args: Args) => Promise<ExitCode | void>,
  ): void => {
    addCommon(command).action(async (...given: unknown[]) => {
      const context = contextOf(given.at(-2) as CommonOptions, terminal, optionsOf(given.at(-1) as Command))
      // Operands and options as the verb has declared them; commander adds itself.
      exitCode = await acting(context, () => act(context, ...(given.slice(0, -1) as unknown as Args)))
    })
  }
  try {
    frame(program, terminal)
    await declare(program, args, verb, house)
    await program.parseAsync(args, { from: 'user' })
    return exitCode
  } catch (error) {
    return told(error, terminal)
  }
}

interface CommonOptions {
  json?: boolean
  url?: string
}

const addCommon = (command: Command): Command =>
  command
    .option('--json', 'answer with JSON')
    .addOption(new Option('--url <url>', 'where the server is').env('BENCHPLANE_URL').default(defaultUrl))

const frame = (program: Command, terminal: Terminal): void => {
  program
    .description(
      'A control plane for test benches: reservations, executions, workers, and a history that can be replayed.',
    )
    .version(versionOf(), '-V, --version')
    .addHelpText('after', epilogue)
    .exitOverride()
    // `history state --version 3` asks for no version of ours.
    .enablePositionalOptions()
    .configureHelp({ optionDescription: descriptionOf })
    .configureOutput({
      writeOut: (text) => terminal.write(text),
      writeErr: (text) => terminal.err(text.trimEnd()),
      outputError: (text, write) => write(text.trim().replaceAll(/\s*\n\s*/g, ' ')),
    })
}

/** That a switch is off unless it is given goes without saying. */
const descriptionOf = (option: Option): string =>
  option.defaultValue === false ? option.description : new Help().optionDescription(option)

const versionOf = (): string =>
  (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }).version

/** Every topic by name, and the one that is meant in full. */
const declare = async (program: Command, args: readonly string[], verb: Verb, house: House): Promise<void> => {
  const meant = args.find((arg) => arg !== 'help' && !arg.startsWith('-'))
  for (const [name, { summary, load }] of Object.entries(topics)) {
    const command = program.command(name).description(summary)
    if (name === meant) (await load()).declare(command, verb, house)
  }
}

const optionsOf = (command: Command): readonly string[] =>
  command.options
    .filter((option) => command.getOptionValueSource(option.attributeName()) === 'cli')
    .map(({ long }) => long ?? '')

const contextOf = (
  { json: isJson = false, url = defaultUrl }: CommonOptions,
  terminal: Terminal,
  options: readonly string[],
): Context => {
  if (!/^https?:\/\/./.test(url) || !URL.canParse(url)) throw exit(exits.usage, `'${url}' is not the URL of a server`)
  const token = terminal.environment['BENCHPLANE_TOKEN']
  const settings = { url, timeoutMs: 30_000, retryForMs: 3_000 }
  const client = createClient(token === undefined || token === '' ? settings : { ...settings, token })
  return { terminal, client, url, token, isJson, options }
}

/** With --json a refusal is an answer too. */
const acting = async (context: Context, act: () => Promise<ExitCode | void>): Promise<ExitCode> => {
  try {
    return (await act()) ?? exits.done
  } catch (error) {
    if (context.isJson) context.terminal.out(json(problemOf(error)))
    throw error
  }
}

/** The server's own, or what kept the command from having one. */
const problemOf = (error: unknown): unknown => {
  if (isExit(error) && 'problem' in error) return error.problem
  const [detail, exitCode] = judged(error)
  const code = Object.entries(exits).find(([, value]) => value === exitCode)?.[0]
  return { code, detail, ...(isExit(error) && error.details.length > 0 ? { details: error.details } : {}) }
}

const told = (error: unknown, terminal: Terminal): ExitCode => {
  // Told by commander already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exits.done : exits.usage
  const { red } = terminal.errColours
  const [message, exitCode] = judged(error)
  terminal.err(`${red('error:')} ${plain(message)}`)
  if (isExit(error)) for (const line of error.details) terminal.err(line)
  return exitCode
}

const judged = (error: unknown): [message: string, exitCode: ExitCode] => {
  if (isExit(error)) return [error.message, error.exitCode]
  const { message, code } = error as { message?: string; code?: string }
  if (code === 'unreachable') return [`${message}. Is it running? See BENCHPLANE_URL.`, exits.unreachable]
  return [message ?? String(error), exits.failed]
}
