import type { InputOf } from '../client/operations.ts'
import { exit, exits } from './exits.ts'
import { readYaml } from './files.ts'
import { parseDuration } from './times.ts'

export type Plan = Omit<InputOf<'submitExecution'>['body'], 'reservationId'>

type Members = Record<string, unknown>

const isMembers = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * A plan as people write it: what SubmitExecution takes, with `timeout: 10m` for timeoutMs and, in a task's retry,
 * `backoff: 5s` for backoffMs. Everything else is the server's to judge, which tells every fault by its path.
 */
export const readPlan = async (path: string): Promise<Plan> => {
  const plan = await readYaml(path)
  if (!isMembers(plan) || !Array.isArray(plan['tasks'])) throw exit(exits.usage, `${path}: a plan has a list of tasks`)
  return {
    ...inMs(plan, 'timeout', path),
    tasks: (plan['tasks'] as unknown[]).map((task, index) => taskOf(task, index, path)),
  } as Plan
}

const taskOf = (task: unknown, index: number, path: string): unknown => {
  if (!isMembers(task)) return task
  const where = `${path}: tasks.${index}`
  const retry = isMembers(task['retry']) ? { retry: inMs(task['retry'], 'backoff', `${where}.retry`) } : {}
  return { ...inMs(task, 'timeout', where), ...retry }
}

/** `timeout: 10m` becomes `timeoutMs: 600000`. */
const inMs = (members: Members, name: string, where: string): Members => {
  const { [name]: duration, ...rest } = members
  if (duration === undefined) return rest
  const text = typeof duration === 'string' ? duration : JSON.stringify(duration)
  return { ...rest, [`${name}Ms`]: parseDuration(text, `${where}.${name}`) }
}
