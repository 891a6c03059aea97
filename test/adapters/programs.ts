import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type Client, createClient } from '../../adapters/client/client.ts'
import type { Answer } from '../../adapters/client/transport.ts'

/** The program as its users have it: processes of their own, ended with the test. */

const program = new URL('../../infra/benchplane.ts', import.meta.url).pathname
export const repository = new URL('../../', import.meta.url).pathname

/** Calls back at the end: of the test, or of a file whose tests share what they start. */
export type OnEnd = (end: () => void | Promise<void>) => void

export const temporaryDirectory = (onEnd: OnEnd = onTestFinished): string => {
  const directory = mkdtempSync(join(tmpdir(), 'benchplane-test-'))
  onEnd(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

export interface Program {
  child: ChildProcess
  output: { stdout: string; stderr: string }
  /** Resolves once its output has it; rejects when it ends before. */
  says(pattern: RegExp): Promise<RegExpExecArray>
  signal(name: NodeJS.Signals): void
  /** Its exit code, or null after a signal. */
  ended: Promise<number | null>
}

type Environment = Readonly<Record<string, string>>

export const start = (
  args: readonly string[],
  environment: Environment = {},
  onEnd: OnEnd = onTestFinished,
): Program => {
  const { BENCHPLANE_URL: _, BENCHPLANE_TOKEN: __, FORCE_COLOR: ___, ...inherited } = process.env
  const child = spawn(process.execPath, [program, ...args], {
    env: { ...inherited, TZ: 'UTC', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text) => (output.stdout += String(text)))
  child.stderr.setEncoding('utf8').on('data', (text) => (output.stderr += String(text)))
  const ended = once(child, 'close').then(([code]) => code as number | null)
  onEnd(async () => {
    child.kill('SIGKILL')
    await ended
  })
  let heard = Promise.withResolvers<void>()
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', () => {
      heard.resolve()
      heard = Promise.withResolvers()
    })
  const says = async (pattern: RegExp): Promise<RegExpExecArray> => {
    let isOver = false
    void ended.then(() => (isOver = true))
    for (;;) {
      const found = pattern.exec(output.stdout) ?? pattern.exec(output.stderr)
      if (found !== null) return found
      if (isOver) throw new Error(`it ended without ${pattern}:\n${output.stdout}${output.stderr}`)
      await Promise.race([heard.promise, ended])
    }
  }
  return { child, output, says, signal: (name) => void child.kill(name), ended }
}

export interface Finished {
  code: number | null
  stdout: string
  stderr: string
}

export const run = async (args: readonly string[], environment: Environment = {}, onEnd?: OnEnd): Promise<Finished> => {
  const { output, ended } = start(args, environment, onEnd)
  return { code: await ended, ...output }
}

export interface House {
  url: string
  client: Client
  server: Program
  directory: string
  /** A command of this server's. */
  benchplane(...args: string[]): Promise<Finished>
  /** Its JSON; throws with what was said when it is none. */
  json<Value = Record<string, unknown>>(...args: string[]): Promise<Value>
  agent(worker: string, benches: readonly string[], ...args: string[]): Program
}

/** A server with quick heartbeats: a cancel reaches a worker within 200 ms, a lease lives 2 s. */
const quick = { BENCHPLANE_HEARTBEAT_EVERY_MS: '200', BENCHPLANE_LEASE_MS: '2000' }

interface HouseOptions {
  port?: number
  directory?: string
  environment?: Environment
  /** What serve is told beside its port and directory. */
  args?: readonly string[]
  onEnd?: OnEnd
}

export const openHouse = async ({
  port = 0,
  onEnd = onTestFinished,
  directory = temporaryDirectory(onEnd),
  environment = quick,
  args = [],
}: HouseOptions = {}): Promise<House> => {
  const serve = ['serve', '--port', String(port), '--data', join(directory, 'data'), ...args]
  const server = start(serve, environment, onEnd)
  const [url] = await server.says(/http:\/\/127\.0\.0\.1:\d+/)
  const benchplane = (...args: string[]): Promise<Finished> => run(args, { BENCHPLANE_URL: url }, onEnd)
  return {
    url,
    server,
    directory,
    benchplane,
    client: createClient({ url }),
    json: async (...args) => {
      const { stdout, stderr } = await benchplane(...args, '--json')
      try {
        return JSON.parse(stdout)
      } catch {
        throw new Error(`no JSON: ${stdout}${stderr}`)
      }
    },
    agent: (worker, benches, ...args) => {
      const own = ['--worker', worker, '--work-dir', join(directory, 'work', worker)]
      // Of an option that is told twice, the last counts.
      const all = ['agent', ...own, ...benches.flatMap((bench) => ['--bench', bench]), ...args]
      return start(all, { BENCHPLANE_URL: url }, onEnd)
    },
  }
}

export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

export const taken = <Value>(answer: Answer<Value>): Value => {
  if (answer.ok) return answer.value
  throw new Error(`${answer.problem.code}: ${answer.problem.detail}`)
}

/** Alive, and not only unfetched by its parent. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}
