import { z } from 'zod'
import { callbackHosts } from '../../adapters/callbackHosts.ts'
import { secretFault } from '../../adapters/webhooks/signature.ts'

const secret = z.string().superRefine((value, context) => {
  const message = secretFault(value)
  if (message !== undefined) context.addIssue({ code: 'custom', message })
})

/** What functions are told by their environment, and under which name a deployment tells them. */
export const variables = {
  tablePrefix: { name: 'BENCHPLANE_TABLE_PREFIX', schema: z.string().max(200) },
  lettersQueueUrl: { name: 'BENCHPLANE_LETTERS_QUEUE_URL', schema: z.url().max(2_048) },
  eventBusName: { name: 'BENCHPLANE_EVENT_BUS_NAME', schema: z.string().max(256) },
  bucket: { name: 'BENCHPLANE_BUCKET', schema: z.string().min(3).max(63) },
  clockArn: { name: 'BENCHPLANE_CLOCK_ARN', schema: z.string().max(2_048).startsWith('arn:') },
  webhookSecret: { name: 'BENCHPLANE_WEBHOOK_SECRET', schema: secret },
  /** As servers are told. */
  callbackHosts: { name: 'BENCHPLANE_CALLBACK_HOSTS', schema: callbackHosts },
  jwtIssuer: { name: 'BENCHPLANE_JWT_ISSUER', schema: z.url().max(2_048) },
  jwtAudience: { name: 'BENCHPLANE_JWT_AUDIENCE', schema: z.string().max(255) },
  /** The service's own; what a function counts is found under it. */
  functionName: { name: 'AWS_LAMBDA_FUNCTION_NAME', schema: z.string().max(64) },
} as const

export type Variable = keyof typeof variables
export type Environment<Name extends Variable> = Readonly<{
  [Key in Name]: z.output<(typeof variables)[Key]['schema']>
}>

/** Those that are asked for. Throws one line for each that is missing or no good; no value is told, since some are secret. */
export const readEnvironment = <Name extends Variable>(
  wanted: readonly Name[],
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Environment<Name> => {
  const faults: string[] = []
  const read = wanted.map((key) => {
    const { name, schema } = variables[key]
    const value = environment[name] ?? ''
    const parsed = schema.safeParse(value)
    if (value === '') faults.push(`${name} is not set`)
    else if (!parsed.success) faults.push(`${name}: ${parsed.error.issues[0]?.message}`)
    return [key, parsed.data]
  })
  if (faults.length > 0) throw new Error(faults.join('\n'))
  return Object.fromEntries(read) as Environment<Name>
}
