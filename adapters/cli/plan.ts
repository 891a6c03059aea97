import type { InputOf } from '../client/operations.ts'
import { exit, exits } from './exits.ts'
import type { Fault } from './faults.ts'
import { readYaml } from './files.ts'
import { durationHint, durationOf } from './times.ts'

export type Plan = Omit<InputOf<'submitExecution'>['body'], 'reservationId'>

/** A plan as its file has it: docs/plan.md. */
export interface PlanFile {
  /** What SubmitExecution takes; where `faults` are, without what is at fault. */
  plan: Plan
  /** Lengths of time that are none. */
  faults: readonly Fault[]
  /** What members were called in the file, where that differs: `tasks.0.timeout` for `tasks.0.timeoutMs`. */
  names: ReadonlyMap<string, string>
}

type Members = Record<string, unknown>

const isMembers = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * A plan as people write it: what SubmitExecution takes, with `timeout: 10m` for timeoutMs and, in a task's retry,
 * `backoff: 5s` for backoffMs. Everything else is the server's to judge, which tells every fault by its path.
 */
export const readPlan = async (path: string): Promise<PlanFile> => {
  const content = await readYaml(path)
  if (!isMembers(content) || !Array.isArray(content['tasks']))
    throw exit(exits.usage, `${path}: a plan has a list of tasks`)
  const faults: Fault[] = []
  const names = new Map<string, string>()
  /** `timeout: 10m` becomes `timeoutMs: 600000`. */
  const inMs = (members: Members, name: string, where: string): Members => {
    const { [name]: written, ...rest } = members
    if (written === undefined) return rest
    const text = typeof written === 'string' ? written : JSON.stringify(written)
    const ms = durationOf(text)
    names.set(`${where}${name}Ms`, `${where}${name}`)
    if (ms !== undefined) return { ...rest, [`${name}Ms`]: ms }
    faults.push({ path: `${where}${name}`, message: `'${text}' is not ${durationHint}` })
    return rest
  }
  const taskOf = (task: unknown, index: number): unknown => {
    if (!isMembers(task)) return task
    const where = `tasks.${index}.`
    const retry = isMembers(task['retry']) ? { retry: inMs(task['retry'], 'backoff', `${where}retry.`) } : {}
    return { ...inMs(task, 'timeout', where), ...retry }
  }
  const plan = { ...inMs(content, 'timeout', ''), tasks: (content['tasks'] as unknown[]).map(taskOf) }
  return { plan: plan as Plan, faults, names }
}
