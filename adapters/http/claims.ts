/** Claims: the views propose what a worker's session may start now (claimable.ts), the claim on the truth decides. */

import type { ExecutionEvent } from '../../domain/execution/events.ts'
import { taskNamed } from '../../domain/execution/readiness.ts'
import type { ExecutionState } from '../../domain/execution/state.ts'
import { partsOf, type StreamName, streamName } from '../../domain/ids.ts'
import type { AnyCall } from './call.ts'
import type { Candidate, Candidates, Session } from './claimable.ts'
import type { Done } from './commands.ts'
import type { House } from './house.ts'
import { createLru } from './lru.ts'

type Submitted = Extract<ExecutionEvent, { type: 'ExecutionSubmitted' }>['data']

export type Claimed =
  | { kind: 'claimed'; answer: unknown; executionId: string; done: Done }
  | { kind: 'stale' }
  | { kind: 'none' }

export type Claimer = (call: AnyCall, session: Session, candidates: Candidates) => Promise<Claimed>

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
    const isHopeless = ({ benchId, executionId }: Candidate): boolean =>
      hopeless.has(benchId) || hopeless.has(executionId)
    for await (const candidate of candidates(isHopeless)) {
      if (isOutdated(house, session, candidate)) continue
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

/** The views are a moment behind: what this process has claimed since is not tried again. */
const isOutdated = (house: House, { tenant }: Session, { executionId, taskName, version }: Candidate): boolean => {
  const head = house.knownHead(tenant, 'execution', executionId)
  if (head === undefined || head.version <= version) return false
  const state = head.state as ExecutionState
  const status = state.status === 'absent' ? undefined : taskNamed(state, taskName)?.status
  return status !== 'ready' && status !== 'waiting-retry'
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
