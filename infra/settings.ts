import { readFileSync } from 'node:fs'
import { parseDocument } from 'yaml'
import { z } from 'zod'
import { callbackHosts } from '../adapters/callbackHosts.ts'
import { isSafeUrl } from '../adapters/http/issuerKeys.ts'
import { secretFault } from '../adapters/webhooks/signature.ts'

/** What a server can be told, from its options, the environment or a file. Instants and lengths are in milliseconds. */

/** From the environment every value is a text. */
const whole = (min: number, max: number) =>
  z.preprocess(
    (value) => (typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value),
    z.int().min(min).max(max),
  )

const yesOrNo = z.preprocess(
  (value) => (value === 'true' ? true : value === 'false' ? false : value),
  z.boolean('true or false'),
)

const safeUrl = z.string().max(2_048).refine(isSafeUrl, 'an https address; http only on loopback')

const Settings = z.strictObject({
  host: z.string().min(1).max(255).default('127.0.0.1'),
  /** 0: any that is free. */
  port: whole(0, 65_535).default(4180),
  /** Relative to where the server is started. */
  dataDir: z.string().min(1).max(4_096).default('.benchplane'),
  store: z.enum(['sqlite', 'memory', 'dynamodb']).default('sqlite'),
  /** In which logs and artifacts lie, on S3. The SDK's own settings say where, and with what right. Default: in the data directory. */
  bucket: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, "a bucket's name: [a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
    .optional(),
  /** In front of the names of the tables in DynamoDB. Which engine, and with what right, say the SDK's own settings. */
  tablePrefix: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{2,200}$/, '2 to 200 letters, digits, dots, dashes and underscores')
    .default('benchplane-'),
  /** Of servers on the same tables, one keeps the lease clock, and does what is done once for all; whether this one may. */
  keeps: yesOrNo.default(true),
  /** The bus of EventBridge that the keeper publishes all events on. Default: none. */
  eventBusName: z.string().min(1).max(256).optional(),
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
  /**
   * Where callbacks may go: hosts, `*.example.com` or `host:port`, in the environment with commas between; `public`: to public
   * addresses only. Default: anywhere; with an issuer `public`.
   */
  callbackHosts: callbackHosts.optional(),
  /** Whether executions answer the state machines that wait for them with a task token; the SDK's own settings say where. */
  taskTokens: yesOrNo.default(false),
  /** Whose bearer tokens are asked for, as their `iss` has it. Default: nobody is asked, and only loopback is served. */
  jwtIssuer: safeUrl.optional(),
  /** What the tokens' `aud` must hold. */
  jwtAudience: z.string().min(1).max(255).optional(),
  /** Where the issuer's keys are. Default: what its `/.well-known/openid-configuration` says. */
  jwksUrl: safeUrl.optional(),
  /** The claim that names the tenant. Default: everybody is of the tenant `default`. */
  tenantClaim: z.string().min(1).max(255).optional(),
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
  // Whoever may ask from elsewhere is not to reach what only this machine can.
  ...(settings.jwtIssuer === undefined ? {} : { callbackHosts: 'public' as const }),
  ...settings,
  suspectAfterMs: suspectAfterMs ?? Math.round(settings.leaseMs * 0.75),
})

type Told = readonly [name: string, message: string]

const told = (issue: z.core.$ZodIssue): readonly Told[] =>
  issue.code === 'unrecognized_keys'
    ? issue.keys.map((key) => [key, `there is no such setting: ${names.join(', ')}`] as const)
    : [[String(issue.path[0]), issue.message]]

const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/i

const identityFaults = ({ jwtIssuer, jwtAudience, jwksUrl, tenantClaim }: Partial<Settings>): readonly Told[] => {
  if (jwtIssuer !== undefined)
    return jwtAudience === undefined
      ? [['jwtIssuer', 'jwtAudience says whom its tokens are to be for: anybody’s would do']]
      : []
  const rest = Object.entries({ jwtAudience, jwksUrl, tenantClaim })
  return rest.flatMap(([name, value]): Told[] => (value === undefined ? [] : [[name, 'it needs jwtIssuer']]))
}

/** What fits each by itself, but not together. */
const unfit = ({ host, leaseMs, heartbeatEveryMs, suspectAfterMs, ...settings }: Settings): readonly Told[] => [
  ...(settings.eventBusName === undefined || settings.store === 'dynamodb'
    ? []
    : [['eventBusName', `only the dynamodb store publishes events, not ${settings.store}`] as const]),
  ...identityFaults(settings),
  ...(loopback.test(host) || settings.jwtIssuer !== undefined
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
