import { z } from 'zod'
import { exit, exits } from './exits.ts'
import { readYaml } from './files.ts'
import { durationOf } from './times.ts'

/** A lab as its file declares it. The form is checked here, before anything is changed; what each value may be is the server's to say. */

const durationMs = z.union([z.string(), z.number()]).transform((text, context) => {
  const ms = durationOf(String(text))
  if (ms === undefined) context.addIssue({ code: 'custom', message: 'not a duration such as 30s, 5m or 1h30m' })
  return ms ?? 0
})
/** YAML reads `slot: 3` as a number. */
const labels = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String)).default({})

const Bench = z.strictObject({
  benchId: z.string(),
  type: z.string(),
  name: z.string().optional(),
  capabilities: z.array(z.string()).default([]),
  location: z.string().optional(),
  setup: durationMs.default(0),
  teardown: durationMs.default(0),
  labels,
  /** Left out: stays what it is. */
  serviceability: z.enum(['in-service', 'maintenance', 'quarantined']).optional(),
  reason: z.string().optional(),
})
const Worker = z.strictObject({ workerId: z.string(), labels })

const Lab = z
  .strictObject({ benches: z.array(Bench).default([]), workers: z.array(Worker).default([]) })
  .superRefine(({ benches, workers }, context) => {
    const issue = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message })
    const twice = (ids: readonly string[], list: string, name: string): void =>
      ids.forEach((id, index) => {
        if (ids.indexOf(id) < index) issue([list, index, name], `'${id}' stands there twice`)
      })
    twice(
      benches.map(({ benchId }) => benchId),
      'benches',
      'benchId',
    )
    twice(
      workers.map(({ workerId }) => workerId),
      'workers',
      'workerId',
    )
    benches.forEach(({ serviceability, reason }, index) => {
      const isOut = serviceability !== undefined && serviceability !== 'in-service'
      if (isOut && reason === undefined) issue(['benches', index, 'reason'], `why is it in ${serviceability}?`)
      if (!isOut && reason !== undefined) issue(['benches', index, 'reason'], 'only with maintenance or quarantined')
    })
  })

export type Lab = z.output<typeof Lab>
export type DeclaredBench = Lab['benches'][number]

/** The lab of a file; its faults all at once, as a usage error. */
export const readLab = async (path: string): Promise<Lab> => {
  const parsed = Lab.safeParse((await readYaml(path)) ?? {})
  if (parsed.success) return parsed.data
  const faults = parsed.error.issues.map(
    ({ path: where, message }) => `  ${where.map(String).join('.') || 'the file'}: ${message}`,
  )
  throw exit(exits.usage, `${path} has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}`, faults)
}
