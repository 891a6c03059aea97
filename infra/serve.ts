/** The server as a process: settings, the house, HTTP, and an orderly end. */
import { type ExitCode, exit, exits } from '../adapters/cli/exits.ts'
import type { ServeOptions } from '../adapters/cli/house.ts'
import type { Terminal } from '../adapters/cli/terminal.ts'
import { createApp } from '../adapters/http/app.ts'
import { startServer } from '../adapters/http/server.ts'
import { type Blobs, openBlobs } from './blobs.ts'
import { openBus } from './bus.ts'
import { cannotOpen } from './cannotOpen.ts'
import { type House, openHouse } from './local.ts'
import type { Log } from './log.ts'
import type { HouseOptions } from './parts.ts'
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
  const server = await started(settings, options.createTables === true)
  server.log.info({ url: server.url, docs: `${server.url}/docs`, ...keptIn(settings) }, 'benchplane serves')
  const { jwtIssuer: issuer } = settings
  if (issuer === undefined)
    server.log.info({}, 'no identity is configured: anybody on this machine may do anything, and nobody else is let in')
  else server.log.info({ issuer, audience: settings.jwtAudience }, 'whoever has a token of this issuer is let in')
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

const keptIn = ({ store, dataDir, tablePrefix, bucket }: Settings): object => {
  const blobs = bucket === undefined ? {} : { bucket }
  if (store === 'memory') return { store, ...blobs }
  return store === 'sqlite' ? { store, dataDir, ...blobs } : { store, tablePrefix, dataDir, ...blobs }
}

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

const started = async (settings: Settings, createTables: boolean): Promise<Started> => {
  const { host, port, logLevel } = settings
  const log = openLog(logLevel, process.stdout.isTTY === true)
  const { options, close: closeRest } = await houseOptions(settings, log)
  const house = await openHouse({ ...options, createTables }).catch((error: unknown) => {
    closeRest()
    throw cannotOpen(error)
  })
  const blobs = await openBlobs(settings)
  const close = async (): Promise<void> => {
    await house.close()
    blobs.close()
    closeRest()
  }
  try {
    const server = await startServer({
      app: createApp(driven(house, blobs, settings), await identityOf(settings, log)),
      host,
      port,
      log,
    })
    const closeAll = async (): Promise<void> => {
      await server.close()
      await close()
    }
    return { url: server.url, log, close: closeAll }
  } catch (error) {
    await close()
    throw exit(exits.failed, `port ${port}: ${(error as Error).message}`)
  }
}

/** What the house is opened with, and what is to be closed after it. */
const houseOptions = async (settings: Settings, log: Log): Promise<{ options: HouseOptions; close: () => void }> => {
  const { store, dataDir, leaseMs, heartbeatEveryMs, suspectAfterMs, lossFreezeMsMax } = settings
  const { webhookSecret, callbackHosts, taskTokens, tablePrefix, keeps, eventBusName, bucket } = settings
  const tasks = taskTokens ? await openStateMachines() : undefined
  const bus = eventBusName === undefined ? undefined : await openBus(eventBusName, bucket)
  // Who keeps nothing sends no callbacks: nothing of it need be kept, nor a disk be there.
  const kept = store === 'memory' || !keeps ? undefined : dataDir
  const secret = (): string => webhookSecretOf(webhookSecret, kept, log)
  const liveness = { leaseMs, heartbeatEveryMs, suspectAfterMs, lossFreezeMsMax }
  const place = store === 'sqlite' ? { directory: dataDir } : { tablePrefix, keeps }
  const callbacks = { secret, hosts: callbackHosts, tasks: tasks?.answers }
  return {
    options: { store, log, callbacks, ...liveness, ...place, ...(bus && { publisher: bus.publisher }) },
    close: () => {
      tasks?.close()
      bus?.close()
    },
  }
}

/** Only who asks for tokens loads what reads them. */
const identityOf = async (settings: Settings, log: Log): Promise<Parameters<typeof createApp>[1]> => {
  const { jwtIssuer: issuer, jwtAudience: audience, jwksUrl, tenantClaim } = settings
  if (issuer === undefined || audience === undefined) return {}
  const { openIdentity } = await import('../adapters/http/identity.ts')
  return { identity: openIdentity({ issuer, audience, jwksUrl, tenantClaim, log }) }
}

/** The house as HTTP is given it. */
const driven = (house: House, { artifacts, logs }: Blobs, settings: Settings): Parameters<typeof createApp>[0] => {
  const { artifactBytesMax, callbackHosts } = settings
  return {
    ...house.services,
    log: house.log,
    settings: house.settings,
    counters: house.counters,
    artifacts,
    limits: { artifactBytesMax, ...(callbackHosts === undefined ? {} : { callbackHosts }) },
    logs,
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
