import { createWriteStream, type WriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import type { Command } from 'commander'
import type { ValueOf } from '../client/operations.ts'
import { type Context, listOf, print, type Verb, valueOf } from './context.ts'
import { differencesOf, shownDifference } from './differences.ts'
import { type ExitCode, exit, exits } from './exits.ts'
import { given, limit, type StreamAddress, stream, version } from './options.ts'
import { json, plain } from './plain.ts'
import { exitOf } from './problems.ts'
import { startProgress } from './progress.ts'
import { table } from './show.ts'
import { parseInstant, shownInstant } from './times.ts'

export const declare = (history: Command, verb: Verb): void => {
  looking(history, verb)
  replaying(history, verb)
  auditing(history, verb)
}

interface ShowOptions {
  from?: number
  to?: number
  limit: number
}
interface StateOptions {
  version?: number
  at?: string
}
interface ExportOptions {
  from?: string
  to?: string
  out?: string
}

const streamArgument = '{kind}/{id}, such as bench/hil-brake-01'

const looking = (history: Command, verb: Verb): void => {
  verb(
    history
      .command('show')
      .argument('<stream>', streamArgument, stream)
      .description('the events of one stream')
      .option('--from <version>', 'from this version on', version)
      .option('--to <version>', 'to this version, inclusive', version)
      .option('--limit <count>', 'at most so many', limit, 200),
    async (context, params: StreamAddress, { from, to, limit: count }: ShowOptions) => {
      const ask = (page: object) => context.client.listHistory({ params, query: { ...given({ from, to }), ...page } })
      const events = await listOf(context, count, ask)
      print(context, events, () => eventTable(context, events))
    },
  )
}

const replaying = (history: Command, verb: Verb): void => {
  verb(
    history
      .command('state')
      .argument('<stream>', streamArgument, stream)
      .description('what was, as of a version or an instant; without either, what is')
      .option('--version <version>', 'as of this version', version)
      .option('--at <instant>', 'as of this instant'),
    async (context, params: StreamAddress, options: StateOptions) => {
      const state = await stateOf(context, params, options)
      print(context, state, () => `${state.stream}, version ${state.version}, ${state.at}\n${json(state.state)}`)
    },
  )
  verb(
    history
      .command('diff')
      .argument('<stream>', streamArgument, stream)
      .description('how its state differs between two versions')
      .requiredOption('--from <version>', 'as of this version', version)
      .option('--to <version>', 'as of this one; default: the newest', version),
    async (context, params: StreamAddress, { from, to }: { from: number; to?: number }) => {
      const before = await stateOf(context, params, { version: from })
      const after = await stateOf(context, params, given({ version: to }))
      const differences = differencesOf(before.state, after.state)
      const lines = () =>
        differences.map((each) => shownDifference(context.terminal, each)).join('\n') || 'no difference'
      print(context, { from: before.version, to: after.version, differences }, lines)
    },
  )
}

const stateOf = async (
  context: Context,
  params: StreamAddress,
  { version: of, at }: StateOptions,
): Promise<ValueOf<'getStateAsOf'>> => {
  if (of !== undefined && at !== undefined) throw exit(exits.usage, 'give either --version or --at')
  const instant = at === undefined ? undefined : parseInstant(at, '--at', context.terminal.now())
  return valueOf(context, await context.client.getStateAsOf({ params, query: given({ version: of, at: instant }) }))
}

/** Hashing a long history takes minutes. */
const verifyTimeoutMs = 3_600_000

const auditing = (history: Command, verb: Verb): void => {
  verb(
    history
      .command('verify')
      .argument('[stream]', `${streamArgument}; default: all`, stream)
      .description('prove that nothing was changed; 7 if something was'),
    async (context, address: StreamAddress | undefined) => {
      const query = address === undefined ? {} : { stream: `${address.kind}/${address.id}` }
      const options = { timeoutMs: verifyTimeoutMs }
      return judged(context, valueOf(context, await context.client.verifyHistory({ query }, options)))
    },
  )
  verb(
    history
      .command('export')
      .description('all commits, one JSON a line, as their hashes were taken')
      .option('--from <instant>', 'from then on')
      .option('--to <instant>', 'until before then')
      .option('--out <file>', 'into this file; default: stdout'),
    async (context, options: ExportOptions) => exported(context, options),
  )
}

const judged = (context: Context, verification: ValueOf<'verifyHistory'>): ExitCode => {
  const { ok, streamCount, commitCount, failures } = verification
  const { red, green } = context.terminal.colours
  print(context, verification, () => {
    const size = `${commitCount} commits of ${streamCount} streams`
    if (ok) return `${green('ok')}: ${size}, every hash follows from the one before`
    const rows = failures.map(({ stream: of, version: at, problem }) => [of, at, plain(problem)])
    return `${red('broken')}: ${size}\n${table(context.terminal, ['stream', 'version', 'problem'], rows)}`
  })
  return ok ? exits.done : exits.broken
}

const exported = async (context: Context, { from, to, out }: ExportOptions): Promise<void> => {
  const { terminal } = context
  const now = terminal.now()
  const instantOf = (text: string | undefined, option: string): string | undefined =>
    text === undefined ? undefined : parseInstant(text, option, now)
  const query = given({ from: instantOf(from, '--from'), to: instantOf(to, '--to') })
  const target = out === undefined ? undefined : createWriteStream(out, { flags: 'wx' })
  const failure = target === undefined ? undefined : finished(target).catch((error: unknown) => error as Error)
  const progress = startProgress(terminal, out !== undefined)
  let commitCount = 0
  for await (const line of context.client.exportHistory({ query })) {
    if (typeof line !== 'string') throw exitOf(line, terminal.now())
    commitCount += 1
    progress.at(commitCount, commitCount, 'commits')
    if (target === undefined) terminal.out(line)
    else if (!target.write(`${line}\n`)) await Promise.race([drained(target), failure])
    if (target !== undefined && target.errored !== null) break
  }
  progress.end()
  target?.end()
  const error = await failure
  if (error !== undefined) throw exit(exits.usage, `${out}: ${error.message}`)
  if (out !== undefined) terminal.err(`${commitCount} commits in ${out}`)
}

const drained = (target: WriteStream): Promise<void> =>
  new Promise((resolve) => {
    target.once('drain', () => resolve())
  })

const eventTable = ({ terminal }: Context, events: readonly ValueOf<'getEvent'>[]): string => {
  const rows = events.map(({ version: at, at: when, type, actor, data }) => [
    at,
    shownInstant(when, terminal.now()),
    type,
    `${actor.kind} ${plain(actor.id)}`,
    cut(plain(JSON.stringify(data) ?? '')),
  ])
  return table(terminal, ['version', 'at', 'event', 'by', 'data'], rows)
}

const dataLengthMax = 100
const cut = (text: string): string => (text.length > dataLengthMax ? `${text.slice(0, dataLengthMax)}…` : text)
