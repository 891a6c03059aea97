import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** The processes of a demonstration: each ended by its own pid, whatever happens. */

const program = new URL('../benchplane.ts', import.meta.url).pathname

export interface Running {
  name: string
  pid: number
  /** Resolves with what is found in its output; rejects when it ends without. */
  says(pattern: RegExp): Promise<string>
  /** Asks it to end, forces it after `forceAfterMs`; its exit code, null when forced. */
  end(): Promise<number | null>
  /** As a power cut would: without a word. */
  kill(): Promise<void>
}

const forceAfterMs = 10_000
const saysWithinMs = 20_000

/** Nobody is left behind, not even when the demonstration itself is ended in the middle. */
const alive = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL')
})

/** Starts `benchplane …` in the background, its output in a file. Ctrl-C is for the demonstration alone. */
export const start = (name: string, args: readonly string[], environment: Environment, logFile: string): Running => {
  const child = spawn(process.execPath, [program, ...args], {
    env: environment,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  alive.add(child)
  child.once('exit', () => alive.delete(child))
  const log = createWriteStream(logFile)
  let output = ''
  let heard = Promise.withResolvers<void>()
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      log.write(chunk)
      output += chunk.toString()
      heard.resolve()
      heard = Promise.withResolvers()
    })
  child.once('exit', () => heard.resolve())
  const says = async (pattern: RegExp): Promise<string> => {
    const isLate = sleep(saysWithinMs, 'late', { ref: false })
    for (;;) {
      const found = pattern.exec(output)
      if (found !== null) return found[0]
      const isOver = child.exitCode !== null || (await Promise.race([heard.promise, isLate])) === 'late'
      if (isOver) throw new Error(`${name} has not said what was expected, but: ${output.trim()}`)
    }
  }
  const kill = async (): Promise<void> => {
    const over = once(child, 'exit')
    child.kill('SIGKILL')
    await over
  }
  return { name, pid: child.pid ?? 0, says, end: () => ended(child), kill }
}

type Environment = NodeJS.ProcessEnv

const ended = async (child: ChildProcess): Promise<number | null> => {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
  const force = setTimeout(() => child.kill('SIGKILL'), forceAfterMs)
  const over = once(child, 'exit')
  child.kill('SIGTERM')
  await over
  clearTimeout(force)
  return child.exitCode
}

export interface Finished {
  exitCode: number | null
  stdout: string
  stderr: string
  tookMs: number
}

/** Runs `benchplane …` to its end; `onText` is given stdout and stderr as they come. */
export const run = async (
  args: readonly string[],
  environment: Environment,
  onText: (text: string) => void,
): Promise<Finished> => {
  const startedAt = performance.now()
  const child = spawn(process.execPath, [program, ...args], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
  alive.add(child)
  const texts = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name].on('data', (chunk: Buffer) => {
      texts[name] += chunk.toString()
      onText(chunk.toString())
    })
  const [exitCode] = (await once(child, 'close')) as [number | null]
  alive.delete(child)
  return { exitCode, ...texts, tookMs: Math.round(performance.now() - startedAt) }
}
