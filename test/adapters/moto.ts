import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { afterAll, afterEach, beforeAll } from 'vitest'
import { openProxy, type Proxy } from './motoProxy.ts'

/** Moto knows no one by name: any credentials will do. */
export const anybody = { region: 'eu-central-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } }

/** Made by .ci/run; who has moto elsewhere says where. */
const ownPython = '.ci/output/python/bin/python'
const pythonOf = (): string => process.env['BENCHPLANE_PYTHON'] ?? (existsSync(ownPython) ? ownPython : 'python3')

/** Ends when our end of its standard input does: nothing is left over, however we end. */
const program = `
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
from moto.server import main
main(['-H', '127.0.0.1', '-p', '0'])`

const explanation =
  'these tests need Python 3.10 or later with moto: ' +
  'python3 -m venv .ci/output/python && .ci/output/python/bin/pip install -r .ci/requirements.txt'

const startMsMax = 25_000

interface Moto {
  endpoint: string
  stop(): Promise<void>
}

/** On a port of its own; its calls to itself go through the proxy. */
const start = async (proxyPort: number): Promise<Moto> => {
  const environment = { ...process.env, MOTO_PORT: String(proxyPort), AWS_DEFAULT_REGION: anybody.region }
  const child = spawn(pythonOf(), ['-c', program], { stdio: ['pipe', 'ignore', 'pipe'], env: environment })
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve())
  })
  let said = ''
  const found = Promise.withResolvers<string>()
  child.once('error', (error) => found.reject(new Error(`${explanation} (${error.message})`)))
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-8_000)
    const running = /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec(said)?.[1]
    if (running !== undefined) found.resolve(running)
  })
  const isMissing = (): boolean => said.includes('No module named')
  void ended.then(() => found.reject(new Error(isMissing() ? explanation : `moto has ended: ${said}`)))
  const timer = setTimeout(
    () => found.reject(new Error(`moto has not started in ${startMsMax} ms: ${said}`)),
    startMsMax,
  )
  const stop = async (): Promise<void> => {
    child.stdin.end()
    await ended
  }
  try {
    return { endpoint: await found.promise, stop }
  } catch (error) {
    child.stdin.destroy()
    throw error
  } finally {
    clearTimeout(timer)
  }
}

/** State machines run for real, their Waits and Tasks too. */
const runMachines = async (endpoint: string): Promise<void> => {
  const body = JSON.stringify({ stepfunctions: { execute_state_machine: true } })
  const { ok, status } = await fetch(`${endpoint}/moto-api/config`, { method: 'POST', body })
  if (!ok) throw new Error(`moto refuses its configuration: ${status}`)
}

/**
 * What differs from the service, as the tests know it: a Wait ends up to 2 s early (the service: less than 1 s), the cause
 * of a SendTaskFailure is dropped, a task that has ended is answered by InvalidToken (the service: TaskTimedOut), functions
 * want Docker (the proxy runs them instead), and the role of a machine is never looked at.
 *
 * One moto for the tests of a file behind a proxy of its own; what a test has it do wrong ends with the test.
 */
export const motoServer = () => {
  let moto: Moto | undefined
  let proxy: Proxy | undefined
  const opened: Array<{ destroy(): void }> = []
  const standing = (): Proxy => {
    if (proxy === undefined) throw new Error('moto is started before the first test, not earlier')
    return proxy
  }
  beforeAll(async () => {
    proxy = await openProxy()
    moto = await start(proxy.port)
    proxy.standBefore(moto.endpoint)
    await runMachines(moto.endpoint)
  })
  afterEach(() => standing().follow(() => undefined))
  afterAll(async () => {
    for (const each of opened) each.destroy()
    await moto?.stop()
    await proxy?.close()
  })
  return {
    proxy: standing,
    /** Where clients go to. */
    settings: () => ({ endpoint: standing().endpoint, ...anybody }),
    /** Closes it after the last test. */
    closing: <Client extends { destroy(): void }>(client: Client): Client => {
      opened.push(client)
      return client
    },
  }
}
