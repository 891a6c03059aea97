/** The server as a process: settings, the house, HTTP, and an orderly end. */
import { type ExitCode, exit, exits } from '../adapters/cli/exits.ts'
import type { ServeOptions } from '../adapters/cli/house.ts'
import type { Terminal } from '../adapters/cli/terminal.ts'
import { openArtifacts as openFileArtifacts } from '../adapters/files/artifacts.ts'
import { openLogs as openFileLogs } from '../adapters/files/logs.ts'
import { createApp } from '../adapters/http/app.ts'
import { startServer } from '../adapters/http/server.ts'
import { openArtifacts as openMemoryArtifacts } from '../adapters/memory/artifacts.ts'
import { openLogs as openMemoryLogs } from '../adapters/memory/logs.ts'
import { isFault } from '../domain/faults.ts'
import { type House, openHouse } from './local.ts'
import { openLog } from './serverLog.ts'
import { readSettings, type Setting, type Settings } from './settings.ts'
import { openStateMachines } from './stateMachines.ts'
import { webhookSecretOf } from './webhookSecret.ts'

/** Serves until SIGTERM or SIGINT; what keeps it from starting ends it with one line and the exit code that says why. */
export const serve = async (options: ServeOptions, terminal: Terminal): Promise<ExitCode> => {
  const { settings, sources } = settingsOf(options, terminal)
  if (options.printConfig === true) {
    for (const [name, { value, from }] of Object.entries(sources))
      terminal.out(`${name}: ${shownValue(name, value)}  # ${from}`)
    return exits.done
  }
  const ended = asked()
  const server = await started(settings)
  server.log.info({ url: server.url, docs: `${server.url}/docs`, ...keptIn(settings) }, 'benchplane serves')
  server.log.info({}, 'no identity is configured: anybody on this machine may do anything, and nobody else is let in')
  server.log.info({ signal: await ended }, 'closing')
  await server.close()
  return exits.done
}

/** A secret is not shown, only where it is from. */
const shownValue = (name: string, value: unknown): string =>
  name === 'webhookSecret' && value !== undefined ? '(set)' : String(value)

const settingsOf = (options: ServeOptions, { environment }: Terminal) => {
  const option = (value: unknown, from: string): Setting => ({ value, from })
  const given = {
    host: option(options.host, '--host'),
    port: option(options.port, '--port'),
    dataDir: option(options.data, '--data'),
    store: option(options.store, '--store'),
  }
  const read = readSettings(given, environment, options.config ?? environment['BENCHPLANE_CONFIG'])
  if (read.ok) return read
  const [only, ...more] = read.faults
  throw more.length === 0
    ? exit(exits.usage, only ?? '')
    : exit(
        exits.usage,
        `${read.faults.length} settings are faulty`,
        read.faults.map((each) => `  ${each}`),
      )
}

const keptIn = ({ store, dataDir }: Settings): object => (store === 'memory' ? { store } : { store, dataDir })

/** Resolves with the first signal that asks the process to end; a second one ends it at once. */
const asked = (): Promise<string> =>
  new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const)
      process.once(signal, () => {
        process.once(signal, () => process.exit(exits.failed))
        resolve(signal)
      })
  })

interface Started {
  url: string
  log: ReturnType<typeof openLog>
  close(): Promise<void>
}

const started = async (settings: Settings): Promise<Started> => {
  const { host, port, store, dataDir, leaseMs, heartbeatEveryMs, suspectAfterMs, lossFreezeMsMax, logLevel } = settings
  const log = openLog(logLevel, process.stdout.isTTY === true)
  const liveness = { leaseMs, heartbeatEveryMs, suspectAfterMs, lossFreezeMsMax }
  const place = store === 'sqlite' ? { directory: dataDir } : {}
  const { webhookSecret, callbackHosts, taskTokens } = settings
  const tasks = taskTokens ? await openStateMachines() : undefined
  const secret = () => webhookSecretOf(webhookSecret, place.directory, log)
  const callbacks = { secret, hosts: callbackHosts, tasks: tasks?.answers }
  const options = { store, log, callbacks, ...liveness, ...place }
  const house = await openHouse(options).catch((error: unknown) => {
    throw cannotOpen(error)
  })
  try {
    const server = await startServer({ app: createApp(driven(house, settings)), host, port, log })
    const close = async (): Promise<void> => {
      await server.close()
      await house.close()
      tasks?.close()
    }
    return { url: server.url, log, close }
  } catch (error) {
    await house.close()
    throw exit(exits.failed, `port ${port}: ${(error as Error).message}`)
  }
}

/** The house as HTTP is given it. */
const driven = (house: House, settings: Settings): Parameters<typeof createApp>[0] => {
  const { store, dataDir, artifactBytesMax, callbackHosts } = settings
  return {
    ...house.services,
    log: house.log,
    settings: house.settings,
    counters: house.counters,
    artifacts: store === 'memory' ? openMemoryArtifacts() : openFileArtifacts({ directory: dataDir }),
    limits: { artifactBytesMax, ...(callbackHosts === undefined ? {} : { callbackHosts }) },
    logs: store === 'memory' ? openMemoryLogs() : openFileLogs({ directory: dataDir }),
    viewsAdmin: {
      status: house.viewsStatus,
      rebuild: () => {
        // Its failure is logged where it happens, and seen in the status.
        house.rebuild().catch(() => undefined)
        return house.viewsStatus()
      },
    },
  }
}

/** SQLite: the file is malformed, or no database at all. */
const damage: ReadonlySet<number> = new Set([11, 26])

const cannotOpen = (error: unknown): Error => {
  if (!(error instanceof Error)) return new Error(String(error))
  const { cause } = error
  const errcode = cause instanceof Error && 'errcode' in cause ? Number(cause.errcode) & 0xff : 0
  if (isFault(error, 'hole-in-history') || damage.has(errcode)) return exit(exits.broken, error.message)
  return exit(exits.failed, error.message)
}
