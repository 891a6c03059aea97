import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { byLine } from '../../adapters/cli/followLog.ts'
import type { Terminal } from '../../adapters/cli/terminal.ts'
import { createClient } from '../../adapters/client/client.ts'
import type { Answer } from '../../adapters/client/transport.ts'
import { type Finished, type Running, run, start } from './processes.ts'

/** Something did not do what the demonstration says it does. */
export const failure = (what: string): Error => new Error(what)

export const demand = (isSo: boolean, what: string): void => {
  if (!isSo) throw failure(what)
}

/** What the scenes of a demonstration play on: a server of their own in a directory of its own. */
export interface Stage {
  directory: string
  url: string
  client: ReturnType<typeof createClient>
  title(text: string): void
  say(text: string): void
  /** Shows a command with what it prints; fails unless it ends with that exit code. */
  command(args: readonly string[], expected?: { exitCode: number }): Promise<Finished>
  /** The same in the background, shown when it has ended. */
  commandBehind(args: readonly string[]): Promise<Finished>
  /** A process that stays until the end. */
  keep(name: string, args: readonly string[]): Running
  /** Ends one that is kept without a word to it. */
  kill(name: string): Promise<void>
  /** Ends what is kept, the newest first, and fails when one did not end as it should; the logs of a failure stay. */
  close(after: 'played' | 'interrupted' | 'failed'): Promise<void>
}

export const repository = join(import.meta.dirname, '..', '..')

/** A tenth of the defaults: who watches does not wait 40 s for a worker to be given up. */
const quick = { BENCHPLANE_LEASE_MS: '4000', BENCHPLANE_HEARTBEAT_EVERY_MS: '1000' }

export const openStage = async (terminal: Terminal): Promise<Stage> => {
  const directory = mkdtempSync(join(tmpdir(), 'benchplane-demo-'))
  const { bold, cyan } = terminal.colours
  let environment: NodeJS.ProcessEnv = { ...process.env, ...quick }
  delete environment['BENCHPLANE_TOKEN']
  const { keep, kill, endAll } = keeping(directory, () => environment)
  const server = keep('server', ['serve', '--port', '0', '--data', join(directory, 'data')])
  const url = await server.says(/http:\/\/127\.0\.0\.1:\d+/)
  environment = {
    ...environment,
    BENCHPLANE_URL: url,
    ...(terminal.colours.isColorSupported ? { FORCE_COLOR: '1' } : {}),
  }
  return {
    directory,
    url,
    client: createClient({ url }),
    title: (text) => terminal.out(`\n${cyan(bold(text))}\n`),
    say: (text) => terminal.out(text),
    keep,
    kill,
    ...commanding(terminal, environment),
    close: async (after) => {
      await endAll(after === 'played')
      if (after !== 'failed') rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** The processes that stay. */
const keeping = (directory: string, environment: () => NodeJS.ProcessEnv) => {
  let kept: readonly Running[] = []
  return {
    keep: (name: string, args: readonly string[]): Running => {
      const running = start(name, args, environment(), join(directory, `${name}.log`))
      kept = [...kept, running]
      return running
    },
    kill: async (name: string): Promise<void> => {
      const victims = kept.filter((one) => one.name === name)
      kept = kept.filter((one) => one.name !== name)
      for (const victim of victims) await victim.kill()
    },
    endAll: async (demandsSuccess: boolean): Promise<void> => {
      for (const running of kept.toReversed()) {
        const exitCode = await running.end()
        if (demandsSuccess) demand(exitCode === 0, `${running.name} ended with ${exitCode}`)
      }
    },
  }
}

/** Commands as a user types them, with what they print. */
const commanding = (
  { out, colours: { bold, dim } }: Terminal,
  environment: NodeJS.ProcessEnv,
): Pick<Stage, 'command' | 'commandBehind'> => {
  const printed = (args: readonly string[]): string => {
    const words = args.map((arg) => quoted(arg.replace(`${repository}/`, '')))
    return `${dim('$')} ${bold(`benchplane ${words.join(' ')}`)}`
  }
  const indented = byLine((line) => out(`  ${line}`))
  return {
    command: async (args, { exitCode } = { exitCode: 0 }) => {
      out(printed(args))
      const finished = await run(args, environment, indented.add)
      indented.end()
      const what = `benchplane ${args.join(' ')} ended with ${finished.exitCode}, not with ${exitCode}`
      demand(finished.exitCode === exitCode, what)
      return finished
    },
    commandBehind: async (args) => {
      out(`${printed(args)} ${dim('&')}`)
      return run(args, environment, () => undefined)
    },
  }
}

const quoted = (arg: string): string => (/^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg}'`)

/** The value of an answer that is no refusal. */
export const taken = <Value>(answer: Answer<Value>): Value => {
  if (answer.ok) return answer.value
  throw failure(`${answer.problem.code}: ${answer.problem.detail}`)
}

const untilMsMax = 15_000

/** Asks again until it is so; how long that took, in ms. */
export const until = async (what: string, isSo: () => Promise<boolean>): Promise<number> => {
  const startedAt = performance.now()
  while (!(await isSo())) {
    if (performance.now() - startedAt > untilMsMax) throw failure(`${what}: not within ${untilMsMax} ms`)
    await sleep(20)
  }
  return Math.round(performance.now() - startedAt)
}
