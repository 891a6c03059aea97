/**
 * A policy: whenever an event, then commands. Pure: what it must know of the views it asks for, and is given. Its commands
 * have ids made of the policy, the event and the target, so that an event delivered twice has one effect.
 */
import type { BenchState } from '../bench/state.ts'
import type { RecordedEvent } from '../event.ts'
import type { ExecutionState } from '../execution/state.ts'
import { eventId, partsOf, type StreamKind } from '../ids.ts'
import type { Reservation } from '../reservation/state.ts'

/** What the views are asked. */
export type PolicyQuestion =
  /** The bench as it is, and the queued reservations by priority, then waiting time. */
  | { ask: 'queue'; tenant: string; benchId: string }
  /** The reservations on the bench that are not over. */
  | { ask: 'reservations-of-bench'; tenant: string; benchId: string }
  | { ask: 'executions-of-reservation'; tenant: string; reservationId: string }
  /** The live attempts of one session, wherever they run. */
  | { ask: 'attempts-of-session'; tenant: string; workerId: string; epoch: number }
  /** The attempts that ended last on a bench, newest first; at least the last two. */
  | { ask: 'last-attempts-on-bench'; tenant: string; benchId: string }

export interface AttemptSeen {
  executionId: string
  taskName: string
  attempt: number
  status: string
  workerId: string
  epoch: number
  infrastructure: boolean
}

export interface PolicyAnswer {
  bench?: BenchState
  reservations?: readonly (Reservation & { reservationId: string })[]
  executions?: readonly { executionId: string; status: ExecutionState['status'] }[]
  attempts?: readonly AttemptSeen[]
}

export interface PolicyCommand {
  kind: StreamKind
  id: string
  type: string
  data: unknown
}

export interface Policy {
  /** What it ensures, as a name: actor of its commands, part of their ids. */
  name: string
  on: readonly string[]
  ask?(event: RecordedEvent): PolicyQuestion | undefined
  then(event: RecordedEvent, answer: PolicyAnswer): readonly PolicyCommand[]
}

export const policyCommandId = (policy: Policy, event: RecordedEvent, command: PolicyCommand): string =>
  `${policy.name}:${eventId(event.stream, event.version)}:${command.kind}/${command.id}`

export const tenantAndId = (event: RecordedEvent): { tenant: string; id: string } => partsOf(event.stream)
