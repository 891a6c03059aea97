import type { CheckedPlan } from '../client/plan.ts'
import type { Problem } from '../client/problem.ts'
import { type Context, print, valueOf } from './context.ts'
import { exit, exits } from './exits.ts'
import { asTyped, type Fault, type NameOf } from './faults.ts'
import { plain } from './plain.ts'
import { table } from './show.ts'
import { shownDuration } from './times.ts'

/** A submission as the server is sent it, its reservation perhaps not chosen yet. */
export type Body = Record<string, unknown> & { reservationId?: string | undefined }

/** What is found without the server; the schemas are loaded only then. */
const checked = async ({ reservationId: _, ...plan }: Body, benchCount?: number) => {
  const { checkPlan } = await import('../client/plan.ts')
  return checkPlan(plan, benchCount)
}

/** Those of a plan that has some already. */
export const otherFaults = async (body: Body): Promise<readonly Fault[]> => {
  const answer = await checked(body)
  return answer.ok ? [] : answer.faults
}

/** All the faults of a plan, as a usage error. */
export const faulty = (file: string, faults: readonly Fault[], nameOf: NameOf) => {
  const told = faults.map((fault) => asTyped(fault, nameOf)).map(({ path, message }) => plain(`${path}: ${message}`))
  const [only = '', ...more] = told
  return more.length === 0
    ? exit(exits.usage, `${file}: ${only}`)
    : exit(
        exits.usage,
        `${file} has ${told.length} faults`,
        told.map((line) => `  ${line}`),
      )
}

/** A server tells the faults of a plan's form before it looks at its graph: they are told together. */
export const completed = async (context: Context, problem: Problem, body: Body): Promise<Problem> => {
  if (problem.code !== 'invalid-request') return problem
  const { graphFaults } = await import('../client/plan.ts')
  const known = problem.errors ?? []
  const isNew = (fault: Fault): boolean => !known.some(({ path }) => path === fault.path)
  const more = graphFaults(body, await benchCountOf(context, body.reservationId)).filter(isNew)
  return { ...problem, errors: [...known, ...more] }
}

/** Undefined when it is not there: that is told by whoever needs it. */
const benchCountOf = async ({ client }: Context, reservationId = ''): Promise<number | undefined> => {
  const found = await client.getReservation({ params: { reservationId }, query: { consistent: true } })
  return found.ok ? found.value.benchIds.length : undefined
}

/** Submits nothing: the plan's faults, or the order of its tasks. With a reservation also whether that has its benches. */
export const dryRun = async (context: Context, file: string, body: Body, nameOf: NameOf): Promise<void> => {
  const { reservationId } = body
  const answer = await checked(
    body,
    reservationId === undefined ? undefined : await openBenches(context, reservationId),
  )
  if (!answer.ok) throw faulty(file, answer.faults, nameOf)
  const steps = stepsOf(answer.plan.tasks)
  const order = steps.map((tasks) => tasks.map(({ name }) => name))
  print(context, { ok: true, steps: order, plan: answer.plan }, () => shownSteps(context, steps))
}

const over: ReadonlySet<string> = new Set(['released', 'expired', 'no-show', 'cancelled'])

const openBenches = async (context: Context, reservationId: string): Promise<number> => {
  const asked = { params: { reservationId }, query: { consistent: true } }
  const { status, benchIds } = valueOf(context, await context.client.getReservation(asked))
  if (over.has(status)) throw exit(exits.refused, `reservation ${reservationId} is over: it was ${status}`)
  return benchIds.length
}

type Task = CheckedPlan['tasks'][number]

/** Each task in the first step after all that it needs; within a step in the plan's order. Without cycles. */
const stepsOf = (tasks: readonly Task[]): readonly (readonly Task[])[] => {
  const steps: Task[][] = []
  const done = new Set<string>()
  for (let left = tasks; left.length > 0; ) {
    const step = left.filter(({ needs }) => needs.every((need) => done.has(need)))
    steps.push(step)
    for (const { name } of step) done.add(name)
    left = left.filter(({ name }) => !done.has(name))
  }
  return steps
}

const shownSteps = ({ terminal }: Context, steps: readonly (readonly Task[])[]): string => {
  const rows = steps.flatMap((tasks, index) =>
    tasks.map(({ name, phase, bench, needs, runs, timeoutMs, retry }) => [
      index + 1,
      name,
      phase,
      bench,
      needs.join(', '),
      runs,
      shownDuration(timeoutMs),
      retry.attemptCountMax,
    ]),
  )
  const titles = ['step', 'task', 'phase', 'bench', 'needs', 'runs', 'timeout', 'attempts']
  return `${table(terminal, titles, rows)}\n\na sound plan of ${rows.length} tasks; nothing was submitted`
}
