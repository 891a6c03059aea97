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
  /** Ends what is kept, the newest first, and fails when one did not end as it should; the logs of a failure stay. */
  close(after: 'played' | 'interrupted' | 'failed'): Promise<void>
}

export const openStage = async (terminal: Terminal, root: string): Promise<Stage> => {
  const directory = mkdtempSync(join(tmpdir(), 'benchplane-demo-'))
  const kept: Running[] = []
  const { bold, cyan, dim } = terminal.colours
  let environment: NodeJS.ProcessEnv = { ...process.env }
  delete environment['BENCHPLANE_TOKEN']
  const keep = (name: string, args: readonly string[]): Running => {
    const running = start(name, args, environment, join(directory, `${name}.log`))
    kept.push(running)
    return running
  }
  const server = keep('server', ['serve', '--port', '0', '--data', join(directory, 'data')])
  const url = await server.says(/http:\/\/127\.0\.0\.1:\d+/)
  environment = {
    ...environment,
    BENCHPLANE_URL: url,
    ...(terminal.colours.isColorSupported ? { FORCE_COLOR: '1' } : {}),
  }
  const printed = (args: readonly string[]): string => `${dim('$')} ${bold(`benchplane ${args.map(quoted).join(' ')}`)}`
  const indented = byLine((line) => terminal.out(`  ${line}`))
  return {
    directory,
    url,
    client: createClient({ url }),
    title: (text) => terminal.out(`\n${cyan(bold(text))}\n`),
    say: (text) => terminal.out(text),
    keep,
    command: async (args, { exitCode } = { exitCode: 0 }) => {
      terminal.out(printed(args.map((arg) => arg.replace(`${root}/`, ''))))
      const finished = await run(args, environment, indented.add)
      indented.end()
      demand(
        finished.exitCode === exitCode,
        `benchplane ${args.join(' ')} ended with ${finished.exitCode}, not with ${exitCode}`,
      )
      return finished
    },
    commandBehind: async (args) => {
      terminal.out(`${printed(args)} ${dim('&')}`)
      return run(args, environment, () => undefined)
    },
    close: async (after) => {
      for (const running of kept.toReversed()) {
        const exitCode = await running.end()
        if (after === 'played') demand(exitCode === 0, `${running.name} ended with ${exitCode}`)
      }
      if (after !== 'failed') rmSync(directory, { recursive: true, force: true })
    },
  }
}

const quoted = (arg: string): string => (/^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg}'`)

/** The value of an answer that is no refusal. */
export const taken = <Value>(answer: Answer<Value>): Value => {
  if (answer.ok) return answer.value
  throw failure(`${answer.problem.code}: ${answer.problem.detail}`)
}

/** Asks again until it is so, 10 s at most. */
export const until = async (what: string, isSo: () => Promise<boolean>): Promise<number> => {
  const startedAt = performance.now()
  while (!(await isSo())) {
    if (performance.now() - startedAt > 10_000) throw failure(`${what}: not within 10 s`)
    await sleep(20)
  }
  return Math.round(performance.now() - startedAt)
}
