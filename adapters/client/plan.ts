import type { z } from 'zod'
import { SubmitExecution } from '../../domain/execution/commands.ts'
import { planFaults } from '../../domain/execution/plan.ts'
import { faultsOf } from '../routes/faults.ts'

/**
 * What a server of this version says of a plan, told without asking it. Loads the schemas, which the client itself does
 * without: import it when it is needed.
 */

export interface PlanFault {
  path: string
  message: string
}

/** With its defaults. */
export type CheckedPlan = Omit<z.output<typeof SubmitExecution>, 'reservationId'>

/** Benches that a reservation has at most: what is taken where its own number is not known. */
const benchCountMax = 16

/** Every fault at once, of form and of the graph: a server tells those of the graph only once the form is right. */
export const checkPlan = (
  plan: unknown,
  benchCount = benchCountMax,
): { ok: true; plan: CheckedPlan } | { ok: false; faults: readonly PlanFault[] } => {
  const form = Plan.safeParse(plan)
  const faults = [...(form.success ? [] : faultsOf(form.error)), ...graphFaults(plan, benchCount)]
  return form.success && faults.length === 0 ? { ok: true, plan: form.data } : { ok: false, faults }
}

const Plan = SubmitExecution.omit({ reservationId: true })

/** Of what can be read of the tasks, however wrong the rest is. */
export const graphFaults = (plan: unknown, benchCount = benchCountMax): readonly PlanFault[] => {
  const { tasks } = (plan ?? {}) as { tasks?: unknown }
  if (!Array.isArray(tasks) || tasks.length > taskCountMax) return []
  return planFaults(tasks.map(readable), benchCount)
}

/** A longer list is at fault for that alone. */
const taskCountMax = 1_000

const readable = (task: unknown, index: number) => {
  const { name, needs, bench } = (task ?? {}) as Record<string, unknown>
  return {
    // No two without a name are named alike, and nothing needs them.
    name: typeof name === 'string' ? name : `\0${index}`,
    needs: Array.isArray(needs) ? needs.filter((need): need is string => typeof need === 'string') : [],
    bench: typeof bench === 'number' && Number.isInteger(bench) && bench <= benchIndexMax ? bench : 0,
  }
}

/** A larger index is a fault of form. */
const benchIndexMax = benchCountMax - 1
