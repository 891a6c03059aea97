import { readFileSync } from 'node:fs'
import { parseDocument } from 'yaml'
import { z } from 'zod'
import { secretFault } from '../adapters/webhooks/signature.ts'

/** What a server can be told, from its options, the environment or a file. Instants and lengths are in milliseconds. */

/** From the environment every value is a text. */
const whole = (min: number, max: number) =>
  z.preprocess(
    (value) => (typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value),
    z.int().min(min).max(max),
  )

const Settings = z.strictObject({
  host: z.string().min(1).max(255).default('127.0.0.1'),
  /** 0: any that is free. */
  port: whole(0, 65_535).default(4180),
  /** Relative to where the server is started. */
  dataDir: z.string().min(1).max(4_096).default('.benchplane'),
  store: z.enum(['sqlite', 'memory']).default('sqlite'),
  /** How often a worker is asked for a heartbeat. */
  heartbeatEveryMs: whole(100, 3_600_000).default(10_000),
  /** How long a worker's lease lives without one. */
  leaseMs: whole(400, 14_400_000).default(40_000),
  /** After how long without one it is suspected. Default: three quarters of its lease. */
  suspectAfterMs: whole(100, 14_400_000).optional(),
  /** How long nobody is declared lost while most workers are silent at once; 0: not at all. */
  lossFreezeMsMax: whole(0, 86_400_000).default(600_000),
  /** Largest artifact that an attempt may leave. */
  artifactBytesMax: whole(1, 1_099_511_627_776).default(1_073_741_824),
  /** What callbacks are signed with; default: one that is made once and kept in the data directory. */
  webhookSecret: z
    .string()
    .superRefine((secret, context) => {
      const message = secretFault(secret)
      if (message !== undefined) context.addIssue({ code: 'custom', message })
    })
    .optional(),
  /** Where callbacks may go: hosts, `*.example.com` or `host:port`; in the environment with commas between. Default: anywhere. */
  callbackHosts: z
    .preprocess(
      (value) => (typeof value === 'string' ? value.split(',').map((host) => host.trim()) : value),
      z
        .array(
          z
            .string()
            .max(255)
            .regex(/^(?:\*\.)?[A-Za-z0-9.-]+(?::\d{1,5})?$|^\[[0-9A-Fa-f:.]+\](?::\d{1,5})?$/, 'a host'),
        )
        .max(100),
    )
    .optional(),
  /** Whether executions answer the state machines that wait for them with a task token; the SDK's own settings say where. */
  taskTokens: z
    .preprocess((value) => (value === 'true' ? true : value === 'false' ? false : value), z.boolean())
    .default(false),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
})
export type Settings = z.output<typeof Settings> & { suspectAfterMs: number }

export interface Setting {
  value: unknown
  /** `--port`, `BENCHPLANE_PORT`, `port in benchplane.yaml`, or `default`. */
  from: string
}

export type ReadSettings =
  | { ok: true; settings: Settings; sources: Readonly<Record<string, Setting>> }
  /** One line each, all at once, and each with where it stands. */
  | { ok: false; faults: readonly string[] }

const names = Object.keys(Settings.shape) as (keyof Settings)[]

/** `BENCHPLANE_HEARTBEAT_EVERY_MS`. */
const variableOf = (name: string): string => `BENCHPLANE_${name.replaceAll(/[A-Z]/g, '_$&').toUpperCase()}`

/** An option goes before the environment, the environment before the file, the file before the default. */
export const readSettings = (
  options: Readonly<Record<string, Setting | undefined>>,
  environment: Readonly<Record<string, string | undefined>>,
  file: string | undefined,
): ReadSettings => {
  const read = file === undefined ? { members: {}, faults: [] } : membersOf(file)
  const sources: Record<string, Setting> = {}
  for (const [name, value] of Object.entries(read.members)) sources[name] = { value, from: `${name} in ${file}` }
  for (const name of names) {
    const value = environment[variableOf(name)]
    if (value !== undefined && value !== '') sources[name] = { value, from: variableOf(name) }
    const option = options[name]
    if (option?.value !== undefined) sources[name] = option
  }
  return judged(sources, read.faults)
}

const judged = (sources: Record<string, Setting>, before: readonly string[]): ReadSettings => {
  const given = Object.fromEntries(Object.entries(sources).map(([name, { value }]) => [name, value]))
  const parsed = Settings.transform(withDefaults).safeParse(given)
  const issues = parsed.success ? unfit(parsed.data) : parsed.error.issues.flatMap(told)
  const faults = [...before, ...issues.map(([name, message]) => `${sources[name]?.from ?? name}: ${message}`)]
  if (!parsed.success || faults.length > 0) return { ok: false, faults }
  const all = names.map((name) => [name, { value: parsed.data[name], from: sources[name]?.from ?? 'default' }])
  return { ok: true, settings: parsed.data, sources: Object.fromEntries(all) as Record<string, Setting> }
}

/** What is reckoned from other settings. */
const withDefaults = ({ suspectAfterMs, ...settings }: z.output<typeof Settings>): Settings => ({
  ...settings,
  suspectAfterMs: suspectAfterMs ?? Math.round(settings.leaseMs * 0.75),
})

type Told = readonly [name: string, message: string]

const told = (issue: z.core.$ZodIssue): readonly Told[] =>
  issue.code === 'unrecognized_keys'
    ? issue.keys.map((key) => [key, `there is no such setting: ${names.join(', ')}`] as const)
    : [[String(issue.path[0]), issue.message]]

const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/i

/** What fits each by itself, but not together. */
const unfit = ({ host, leaseMs, heartbeatEveryMs, suspectAfterMs }: Settings): readonly Told[] => [
  ...(loopback.test(host)
    ? []
    : [
        [
          'host',
          `${host} can be reached from elsewhere, and no identity is configured: only loopback, such as 127.0.0.1`,
        ] as const,
      ]),
  ...(leaseMs < 2 * heartbeatEveryMs
    ? [['leaseMs', `a lease of ${leaseMs} ms does not outlive two heartbeats, ${heartbeatEveryMs} ms apart`] as const]
    : []),
  ...(leaseMs >= 2 * heartbeatEveryMs && (suspectAfterMs <= heartbeatEveryMs || suspectAfterMs >= leaseMs)
    ? [
        [
          'suspectAfterMs',
          `suspected after ${suspectAfterMs} ms: that is to be after a missed heartbeat (${heartbeatEveryMs} ms) and before the lease ends (${leaseMs} ms)`,
        ] as const,
      ]
    : []),
]

const membersOf = (file: string): { members: object; faults: readonly string[] } => {
  try {
    const document = parseDocument(readFileSync(file, 'utf8'))
    const [fault] = document.errors
    if (fault !== undefined) return { members: {}, faults: [`${file}: ${fault.message.split('\n')[0]}`] }
    const members: unknown = document.toJS() ?? {}
    const isMap = typeof members === 'object' && members !== null && !Array.isArray(members)
    return isMap ? { members, faults: [] } : { members: {}, faults: [`${file}: it does not map settings to values`] }
  } catch (error) {
    return { members: {}, faults: [`${file}: ${(error as Error).message}`] }
  }
}
