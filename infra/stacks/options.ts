import type { App } from 'aws-cdk-lib'
import { z } from 'zod'
import { callbackHosts } from '../../adapters/callbackHosts.ts'
import { layout } from '../../adapters/dynamodb/layout.ts'

/** From the command line (`-c servers=2`) every value is a text. */
const whole = (min: number, max: number) =>
  z.preprocess(
    (value) => (typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value),
    z.int().min(min).max(max),
  )
const flag = z.preprocess((value) => (value === 'true' ? true : value === 'false' ? false : value), z.boolean())

const Options = z
  .strictObject({
    /** In front of the name of every stack and table: two deployments in one account need two. */
    prefix: z
      .string()
      .regex(/^[a-z][a-z0-9-]{0,22}-$/, 'lower-case letters, digits and dashes, a dash last, at most 24')
      .default(layout.defaultPrefix),
    /** Who is written to when an alarm goes off. Default: nobody; the topic is there. */
    alarmEmail: z.email().max(254).optional(),
    /** Servers beside the functions, for long polls and event streams. 0: none. */
    servers: whole(0, 100).default(0),
    /** Of the load balancer before the servers. */
    certificateArn: z
      .string()
      .regex(/^arn:aws[\w-]*:acm:/, 'the ARN of a certificate')
      .max(2_048)
      .optional(),
    /** Functions run in a network of their own and reach what they use by its endpoints. */
    vpcEndpoints: flag.default(false),
    /** Where callbacks may go: hosts with commas between, or `public`: to public addresses only. */
    callbackHosts: z
      .string()
      .max(2_000)
      .refine((hosts) => callbackHosts.safeParse(hosts).success, 'hosts, with commas between')
      .default('public'),
    /** How long nobody can delete what was archived. */
    archiveDays: whole(1, 36_500).default(365),
    /** GOVERNANCE can be lifted by who is allowed to; COMPLIANCE by nobody, not even the account's root. */
    archiveMode: z.enum(['GOVERNANCE', 'COMPLIANCE']).default('GOVERNANCE'),
    /** A vault in another region, where each backup is copied. Default: none. */
    backupCopyTo: z
      .string()
      .regex(/^arn:aws[\w-]*:backup:[\w-]+:\d{12}:backup-vault:/, 'the ARN of a backup vault')
      .max(2_048)
      .optional(),
    /** How long the functions' logs are kept. */
    logDays: z.preprocess((value) => Number(value ?? 90), z.literal([7, 30, 90, 365, 731])),
  })
  .superRefine(({ servers, certificateArn }, context) => {
    if (servers > 0 && certificateArn === undefined)
      context.addIssue({ code: 'custom', path: ['certificateArn'], message: 'servers are reached by TLS only' })
  })

/** Values that are no good, a line for each: for who deploys. */
export class FaultyOptions extends Error {}

/** How this deployment differs from another. */
export type Options = z.output<typeof Options>

const names = Object.keys(Options.shape) as (keyof Options)[]

/** From the app's context, which is to say from cdk.json or `-c name=value`. Throws one line for each value that is no good. */
export const optionsOf = (app: App): Options => {
  const given = names.map((name) => [name, app.node.tryGetContext(name) as unknown] as const)
  return parseOptions(Object.fromEntries(given.filter(([, value]) => value !== undefined)))
}

export const parseOptions = (given: object): Options => {
  const parsed = Options.safeParse(given)
  if (parsed.success) return parsed.data
  const faults = parsed.error.issues.map(({ path, message }) => `-c ${String(path[0])}: ${message}`)
  throw new FaultyOptions(faults.join('\n'))
}

/** A name that belongs to this deployment. */
export const named = ({ prefix }: Pick<Options, 'prefix'>, name: string): string => `${prefix}${name}`
