/**
 * What policies answer to what has happened: for each event that one watches, the views are asked, and commands come of
 * it. The views have seen the events already. At least once: every command's id is made of its policy, event and target.
 */
import type { BenchState } from '../domain/bench/state.ts'
import type { Actor, Commit, RecordedEvent } from '../domain/event.ts'
import { eventsOf } from '../domain/event.ts'
import { eventId, partsOf } from '../domain/ids.ts'
import { policies as allPolicies } from '../domain/policies/all.ts'
import {
  type AttemptSeen,
  type Policy,
  type PolicyAnswer,
  type PolicyCommand,
  type PolicyQuestion,
  policyCommandId,
} from '../domain/policies/policy.ts'
import type { ViewQuestion, ViewRow, ViewStore } from '../domain/ports.ts'
import type { Reservation } from '../domain/reservation/state.ts'
import type { ExecutionRow } from './executions.ts'
import { endOrder, sessionKey, type TaskRow } from './tasks.ts'

/** A policy's command, with all that makes it an intent but its time. */
export interface Reaction extends PolicyCommand {
  policy: string
  tenant: string
  commandId: string
  actor: Actor
  causationId: string
  correlationId: string
  traceparent?: string
  /** Reactions of one lane are sent one after the other, by place: they compete for the same thing. */
  lane: string
  place: number
}

type Asked = Pick<ViewStore, 'read' | 'query'>

/** So many waiting reservations are looked at, by priority, then waiting time. */
const queuedCountMax = 2_000
/** So many reservations of a bench, or executions of a reservation. */
const listedCountMax = 2_000

/**
 * The reactions to a batch. A command that several events of the batch call for is sent once: all of them have happened
 * by then, and it is decided on how things stand.
 */
export const reactionsTo = async (
  views: Asked,
  commits: readonly Commit[],
  policies: readonly Policy[] = allPolicies,
): Promise<readonly Reaction[]> => {
  const ask = answering(views)
  const reactions = new Map<string, Reaction>()
  for (const event of commits.flatMap(watched(policies)))
    for (const policy of policies) {
      if (!policy.on.includes(event.type)) continue
      const question = policy.ask?.(event)
      const answer = question === undefined ? {} : await ask(question)
      for (const command of policy.then(event, answer)) {
        const place = answer.reservations?.findIndex(({ reservationId }) => reservationId === command.id) ?? 0
        const reaction = { ...reactionOf(policy, event, command, question), place }
        const key = JSON.stringify([policy.name, reaction.tenant, command.kind, command.id, command.type, command.data])
        if (!reactions.has(key)) reactions.set(key, reaction)
      }
    }
  return [...reactions.values()].sort((a, b) => a.place - b.place)
}

const watched = (policies: readonly Policy[]) => {
  const types = new Set(policies.flatMap(({ on }) => on))
  return (commit: Commit): readonly RecordedEvent[] =>
    commit.events.some(({ type }) => types.has(type)) ? eventsOf(commit).filter(({ type }) => types.has(type)) : []
}

const reactionOf = (
  policy: Policy,
  event: RecordedEvent,
  command: PolicyCommand,
  question: PolicyQuestion | undefined,
): Omit<Reaction, 'place'> => {
  const { tenant } = partsOf(event.stream)
  const { correlationId, traceparent } = event
  return {
    ...command,
    policy: policy.name,
    tenant,
    commandId: policyCommandId(policy, event, command),
    actor: { kind: 'system', id: policy.name },
    causationId: eventId(event.stream, event.version),
    correlationId,
    ...(traceparent === undefined ? {} : { traceparent }),
    lane: question?.ask === 'queue' ? `${tenant}/queue` : `${tenant}/${command.kind}/${command.id}`,
  }
}

/** Answers the policies' questions; within one batch the same one only once. */
const answering = (views: Asked) => {
  const known = new Map<string, Promise<readonly ViewRow[]>>()
  const rows = (question: Pick<ViewQuestion, 'view' | 'tenant' | 'index' | 'partition'>, countMax: number) => {
    const key = JSON.stringify(question)
    const found = known.get(key) ?? allRows(views, question, countMax)
    known.set(key, found)
    return found
  }
  return async (question: PolicyQuestion): Promise<PolicyAnswer> => {
    const { tenant } = question
    switch (question.ask) {
      case 'queue': {
        const queue = { view: 'reservations', tenant, index: 'queued_idx', partition: 'queued' }
        const reservations = asReservations(await rows(queue, queuedCountMax))
        // Most of the time nobody waits: then the bench need not be looked at.
        const [bench] = reservations.length === 0 ? [] : await views.read('benches', tenant, [question.benchId])
        return { reservations, ...(bench === undefined ? {} : { bench: bench.body as BenchState }) }
      }
      case 'reservations-of-bench': {
        const live = { view: 'reservations', tenant, index: 'bench_live_idx', partition: question.benchId }
        return { reservations: asReservations(await rows(live, listedCountMax)) }
      }
      case 'executions-of-reservation': {
        const own = { view: 'executions', tenant, index: 'reservation_idx', partition: question.reservationId }
        return { executions: asExecutions(await rows(own, listedCountMax)) }
      }
      case 'attempts-of-session': {
        const partition = sessionKey(question.workerId, question.epoch)
        const own = { view: 'tasks', tenant, index: 'session_idx', partition }
        return {
          attempts: (await rows(own, listedCountMax)).flatMap(attemptsOf).filter((attempt) => isOf(attempt, question)),
        }
      }
      case 'last-attempts-on-bench': {
        const own = { view: 'tasks', tenant, index: 'bench_attempts_idx', partition: question.benchId }
        const { rows: latest } = await views.query({ ...own, descending: true, limit: lastAttemptCount })
        return { attempts: lastEnded(latest, question.benchId) }
      }
    }
  }
}

const pageLimit = 500

const allRows = async (
  views: Asked,
  question: Omit<ViewQuestion, 'limit'>,
  countMax: number,
): Promise<readonly ViewRow[]> => {
  const rows: ViewRow[] = []
  let cursor: string | undefined
  do {
    const page = await views.query({ ...question, limit: pageLimit, ...(cursor === undefined ? {} : { cursor }) })
    rows.push(...page.rows)
    cursor = page.nextCursor
  } while (cursor !== undefined && rows.length < countMax)
  return rows
}

const asReservations = (rows: readonly ViewRow[]) =>
  rows.map(({ id, body }) => ({ ...(body as Reservation), reservationId: id }))

type Seen = AttemptSeen & { benchId: string; endedAt?: string; endedVersion?: number }

const attemptsOf = ({ body }: ViewRow): readonly Seen[] => {
  const { executionId, name, attempts } = body as TaskRow
  return attempts.map(({ infrastructure = false, ...attempt }) => ({
    ...attempt,
    infrastructure,
    executionId,
    taskName: name,
  }))
}

const isOf = (attempt: AttemptSeen, { workerId, epoch }: { workerId: string; epoch: number }): boolean =>
  attempt.workerId === workerId && attempt.epoch === epoch

/** The rows of the attempts that ended last; one row may stand for both. */
const lastAttemptCount = 2

const lastEnded = (rows: readonly ViewRow[], benchId: string): readonly AttemptSeen[] =>
  [...new Map(rows.map((row) => [row.id, row])).values()]
    .flatMap(attemptsOf)
    .filter((attempt) => attempt.benchId === benchId && attempt.endedAt !== undefined)
    .sort((a, b) => (endOrder(a) < endOrder(b) ? 1 : -1))

const asExecutions = (rows: readonly ViewRow[]) =>
  rows.map(({ id, body }) => ({ executionId: id, status: (body as ExecutionRow).status }))
