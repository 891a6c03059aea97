/**
 * Claims: which task a worker's session may start now. The views propose, the claim on the truth decides. A claim that
 * finds nothing waits for what could change that, without asking again and again.
 */

import type { ExecutionEvent } from '../../domain/execution/events.ts'
import type { Execution, ExecutionState, Task } from '../../domain/execution/state.ts'
import { partsOf, type StreamName, streamName } from '../../domain/ids.ts'
import type { ReservationState } from '../../domain/reservation/state.ts'
import type { ExecutionBody } from '../../projections/executions.ts'
import type { AnyCall } from './call.ts'
import type { Done } from './commands.ts'
import type { House } from './house.ts'
import { createLru } from './lru.ts'

type Submitted = Extract<ExecutionEvent, { type: 'ExecutionSubmitted' }>['data']

export interface Session {
  tenant: string
  workerId: string
  epoch: number
  benchIds: readonly string[]
}

interface Candidate {
  executionId: string
  taskName: string
  benchId: string
  submittedAt: string
}

export interface Search {
  candidates: readonly Candidate[]
  /** When the next task could be claimed that can't yet; undefined: not by itself. */
  nextAt: string | undefined
}

const pageCountMax = 200
/** Executions looked at per bench; they are asked for oldest first. */
const executionCountMax = 2_000

/** What could be claimed now on the session's benches, as the views have it: oldest execution first, tasks in the plan's order. */
export const search = async (house: House, { tenant, benchIds }: Session): Promise<Search> => {
  const now = house.now()
  const candidates: Candidate[] = []
  const later: string[] = []
  for (const benchId of benchIds) {
    for await (const { id, state } of claimable(house, tenant, benchId)) {
      const own = state.tasks.filter((task) => runsOn(state, task, benchId))
      const due = own.filter((task) => task.status === 'ready' || (task.retryAt !== undefined && task.retryAt <= now))
      later.push(...own.flatMap(({ retryAt }) => (retryAt !== undefined && retryAt > now ? [retryAt] : [])))
      if (due.length === 0 || !(await isActive(house, tenant, state.reservationId))) continue
      candidates.push(
        ...due.map(({ name }) => ({ executionId: id, taskName: name, benchId, submittedAt: state.submittedAt })),
      )
    }
  }
  return {
    candidates: candidates.sort((a, b) => (a.submittedAt < b.submittedAt ? -1 : a.submittedAt > b.submittedAt ? 1 : 0)),
    nextAt: later.sort()[0],
  }
}

async function* claimable(
  house: House,
  tenant: string,
  benchId: string,
): AsyncGenerator<{ id: string; state: Execution }> {
  const question = { view: 'executions', tenant, index: 'claimable_idx', partition: benchId, limit: pageCountMax }
  let cursor: string | undefined
  for (let seen = 0; seen < executionCountMax; seen += pageCountMax) {
    const page = await house.views.query({ ...question, ...(cursor === undefined ? {} : { cursor }) })
    for (const { id, body } of page.rows) {
      const state: ExecutionState = (body as ExecutionBody).state
      if (state.status !== 'absent' && state.status !== 'finished') yield { id, state }
    }
    cursor = page.nextCursor
    if (cursor === undefined) return
  }
}

const runsOn = ({ benchIds }: Execution, task: Task, benchId: string): boolean =>
  task.relocatable ? benchIds.includes(benchId) : benchIds[task.bench] === benchId

/** Before it is, a claim would be refused: not even tried, since many executions may wait for their windows. */
const isActive = async (house: House, tenant: string, reservationId: string): Promise<boolean> => {
  const row = await house.views.row('reservations', tenant, reservationId)
  return row !== undefined && row !== 'behind' && (row.body as ReservationState).status === 'active'
}

export type Claimed =
  | { kind: 'claimed'; answer: unknown; executionId: string; done: Done }
  | { kind: 'stale' }
  | { kind: 'none' }

export type Claimer = (call: AnyCall, session: Session, candidates: readonly Candidate[]) => Promise<Claimed>

/** So many candidates are tried for one claim; who then has none waits for the next wake-up. */
const tryCountMax = 100

/** So many plans are remembered; a plan has at most 256 KB. */
const planCountMax = 100

export const createClaimer = (house: House): Claimer => {
  const plans = createLru<Submitted>(planCountMax)

  const planOf = async (stream: StreamName): Promise<Submitted> => {
    const known = plans.get(stream)
    if (known !== undefined) return known
    const [commit] = await house.history.load(stream, { from: 1, to: 1 })
    const plan = commit?.events[0]?.data as Submitted
    plans.set(stream, plan)
    return plan
  }

  /** The first that the truth lets this session have. Others may have been faster, or the views behind: on to the next. */
  return async (call, session, candidates) => {
    const hopeless = new Set<string>()
    let tries = 0
    for (const candidate of candidates) {
      if (hopeless.has(candidate.benchId) || hopeless.has(candidate.executionId)) continue
      if (call.gone().aborted || ++tries > tryCountMax) return { kind: 'none' }
      const outcome = await house.submit(claimOf(call, session, candidate))
      if (outcome.kind === 'refused') {
        const { rejection } = outcome.rejection
        if (rejection === 'StaleEpoch') return { kind: 'stale' }
        if (rejection === 'BenchNotInService') hopeless.add(candidate.benchId)
        else if (rejection !== 'TaskNotReady') hopeless.add(candidate.executionId)
      }
      if (outcome.kind !== 'done') continue
      const plan = await planOf(streamName(session.tenant, 'execution', candidate.executionId))
      return {
        kind: 'claimed',
        answer: answerOf(candidate, outcome, plan),
        executionId: candidate.executionId,
        done: outcome,
      }
    }
    return { kind: 'none' }
  }
}

const claimOf = (
  { actor, correlationId, traceparent }: AnyCall,
  { tenant, workerId, epoch }: Session,
  { executionId, taskName, benchId }: Candidate,
) => ({
  tenant,
  kind: 'execution' as const,
  id: executionId,
  type: 'ClaimTask',
  data: { taskName, benchId, workerId, epoch },
  actor,
  correlationId,
  ...(traceparent === undefined ? {} : { traceparent }),
})

const answerOf = ({ executionId, taskName, benchId }: Candidate, { commits }: Done, plan: Submitted) => {
  const started = commits
    .filter(({ stream }) => partsOf(stream).id === executionId)
    .flatMap(({ events }) => events)
    .find(({ type }) => type === 'AttemptStarted')
  const task = plan.tasks.find(({ name }) => name === taskName)
  const { attempt } = (started?.data ?? {}) as { attempt?: number }
  const { parameters, commitSha } = plan
  return {
    executionId,
    taskName,
    attempt,
    benchId,
    run: task?.run,
    phase: task?.phase,
    ...(parameters === undefined ? {} : { parameters }),
    ...(commitSha === undefined ? {} : { commitSha }),
    timeoutMs: task?.timeoutMs,
  }
}
