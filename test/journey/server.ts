import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { onTestFinished } from 'vitest'

const entry = new URL('../../infra/benchplane.ts', import.meta.url).pathname

/** A directory of the test's own, gone with it. */
export const temporaryDirectory = (): string => {
  const directory = mkdtempSync(join(tmpdir(), 'benchplane-test-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

export interface Finished {
  code: number | null
  stdout: string
  stderr: string
}

/** Runs the command line to its end. */
export const benchplane = async (args: readonly string[], env: Record<string, string> = {}): Promise<Finished> => {
  const child = spawn(process.execPath, [entry, ...args], {
    env: { ...process.env, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk) => (output.stdout += String(chunk)))
  child.stderr.on('data', (chunk) => (output.stderr += String(chunk)))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, ...output }
}

export interface RunningServer {
  url: string
  child: ChildProcess
  /** SIGKILL, at once. */
  kill: () => Promise<void>
}

/** What a server keeps beyond its end, and how it is told of it. */
export interface Place {
  directory: string
  args: readonly string[]
  env: Readonly<Record<string, string>>
}

/** The real server process, on a port of its own, ready. In a directory it keeps what SQLite does. */
export const startServer = async (
  place: string | Place,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<RunningServer> => {
  const { directory, ...told } = typeof place === 'string' ? { directory: place, args: [], env: {} } : place
  const own = ['serve', '--port', '0', '--data', directory, ...told.args, ...args]
  const child = spawn(process.execPath, [entry, ...own], {
    env: { ...process.env, ...told.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  onTestFinished(kill)
  const url = await new Promise<string>((resolve, reject) => {
    const look = (chunk: unknown) => {
      output += String(chunk)
      const found = /http:\/\/127\.0\.0\.1:\d+/.exec(output)
      if (found !== null) resolve(found[0])
    }
    child.stdout.on('data', look)
    child.stderr.on('data', look)
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}:\n${output}`)))
  })
  await waitFor(async () => (await fetch(`${url}/readyz`)).ok)
  return { url, child, kill }
}

/** Asks until it is so; the test's own time-out ends it. */
export const waitFor = async (condition: () => Promise<boolean>): Promise<void> => {
  for (;;) {
    if (await condition().catch(() => false)) return
    await setTimeout(10)
  }
}

export interface Answer<Body = Record<string, unknown>> {
  status: number
  body: Body
  headers: Headers
}

export const call = async <Body = Record<string, unknown>>(
  url: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer<Body>> => {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as Body, headers: response.headers }
}

/** Every item of a list, page by page. */
export const everything = async <Item>(url: string, path: string): Promise<Item[]> => {
  const items: Item[] = []
  for (let cursor = ''; ; ) {
    const joint = path.includes('?') ? '&' : '?'
    const { body } = await call<{ items: Item[]; nextCursor?: string }>(url, 'GET', `${path}${joint}limit=500${cursor}`)
    items.push(...body.items)
    if (body.nextCursor === undefined || body.items.length === 0) return items
    cursor = path.startsWith('/v1/events')
      ? `&after=${body.nextCursor}`
      : `&cursor=${encodeURIComponent(body.nextCursor)}`
  }
}

export const inHours = (hours: number): string => new Date(Date.now() + hours * 3_600_000).toISOString()
