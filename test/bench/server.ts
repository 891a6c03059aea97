import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { setImmediate } from 'node:timers/promises'

const top = new URL('../../', import.meta.url)
const { scripts } = JSON.parse(readFileSync(new URL('package.json', top), 'utf8')) as { scripts: { start: string } }
/** What `npm start` gives to node: flags, then the program. */
const start = scripts.start.split(' ').slice(1)

export interface MeasuredServer {
  url: string
  pid: number
  /** From the start of the process until it is ready. */
  readyMs: number
  stop(): Promise<void>
}

export interface MeasuredOptions {
  /** Of `serve`, beside its port and data directory. Default: none, which is SQLite. */
  options?: readonly string[]
  environment?: Readonly<Record<string, string>>
}

/** The real server in a process of its own. */
export const startMeasured = async (
  directory: string,
  { options = [], environment = {} }: MeasuredOptions = {},
): Promise<MeasuredServer> => {
  const begun = performance.now()
  const child: ChildProcess = spawn(process.execPath, [...start, '--port', '0', '--data', directory, ...options], {
    cwd: top,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, BENCHPLANE_LOG_LEVEL: 'info', ...environment },
  })
  let output = ''
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout?.on('data', (chunk) => {
      output += String(chunk)
      const found = /http:\/\/127\.0\.0\.1:\d+/.exec(output)
      if (found !== null) resolve(found[0])
    })
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${output}`)))
  })
  for (;;) {
    const ready = await fetch(`${url}/readyz`).catch(() => undefined)
    if (ready?.ok === true) break
  }
  const readyMs = performance.now() - begun
  const stop = async () => {
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
  return { url, pid: child.pid ?? 0, readyMs, stop }
}

const agent = new Agent({ keepAlive: true, maxSockets: 128 })
/** For requests that wait for long: each has a connection of its own. */
export const waitingAgent = new Agent({ keepAlive: true, maxSockets: 2_000 })

export interface SendOptions {
  /** Its idempotency key. */
  key?: string
  agent?: Agent
  headers?: Readonly<Record<string, string>>
}

/** One JSON request over a kept connection; resolves with the status once the answer is read. */
export const send = (
  url: string,
  method: string,
  path: string,
  body: unknown,
  { key, agent: own = agent, headers: more }: SendOptions = {},
): Promise<{ status: number; text: string }> =>
  new Promise((resolve, reject) => {
    const text = body === undefined ? '' : JSON.stringify(body)
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      ...(key === undefined ? {} : { 'idempotency-key': key }),
      ...more,
    }
    const call = request(`${url}${path}`, { method, agent: own, headers }, (answer) => {
      let received = ''
      answer.setEncoding('utf8')
      answer.on('data', (chunk: string) => (received += chunk))
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text: received }))
    })
    call.on('error', reject)
    call.end(text)
  })

/** Fires calls by the clock, whether or not the ones before were answered; latencies count from when each was due, in ms. */
export const openLoop = async (
  count: number,
  perSecond: number,
  call: (n: number) => Promise<unknown>,
): Promise<readonly number[]> => {
  const latencies: number[] = []
  const start = performance.now() + 50
  const calls: Promise<void>[] = []
  for (let n = 0; n < count; ) {
    const due = start + (n * 1_000) / perSecond
    if (performance.now() < due) {
      await setImmediate()
      continue
    }
    n++
    calls.push(call(n).then(() => void latencies.push(performance.now() - due)))
  }
  await Promise.all(calls)
  return latencies
}
