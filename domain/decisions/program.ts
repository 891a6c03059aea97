/**
 * A decision over several streams is a program: a generator that asks for the states it needs, one batch at a time, and
 * returns what is to be appended. It is pure: `handle` answers its questions and appends what it decides; a test does the
 * same with plain objects. Whatever it read as `checked` and does not write must be unchanged when its events are appended.
 */
import type { BenchState } from '../bench/state.ts'
import type { Rejection } from '../decider.ts'
import type { DomainEvent } from '../event.ts'
import type { ExecutionState } from '../execution/state.ts'
import { type Instant, type StreamKind, type StreamName, streamName } from '../ids.ts'
import type { MessageState } from '../message/state.ts'
import type { ReservationState } from '../reservation/state.ts'
import type { WorkerState } from '../worker/state.ts'

/** A command on its way to the stream it addresses. */
export interface AddressedCommand {
  tenant: string
  kind: StreamKind
  id: string
  type: string
  /** Parsed by the command's schema. */
  data: unknown
  at: Instant
}

export interface Change {
  stream: StreamName
  events: readonly DomainEvent[]
}
/** What to append; without changes there is nothing to do. */
export interface Changes {
  changes: readonly Change[]
  /** Nothing is to be done because it was done at this version of the addressed stream: the answer is that of then. */
  doneAt?: number
}
/** `evidence`: what is kept of a refused command; appended although it is refused. */
export type Decision = Changes | (Rejection & { evidence?: readonly Change[] })

/** Which benches could serve a wanted bench, as the benches view knows them. */
export interface CandidateQuestion {
  ask: 'candidates'
  tenant: string
  query: readonly string[]
  type?: string
}
export interface Candidates {
  /** All that match type and query, whatever their serviceability; ordered by id, at most `candidateCountMax`. */
  benchIds: readonly string[]
  /** Why others were left out: reason → the benches, e.g. `ecu=abs-9.3`, `type`. */
  excluded: Readonly<Record<string, readonly string[]>>
}
/** More candidates than this are not looked at. */
export const candidateCountMax = 1_000

export interface StreamsQuestion {
  ask: 'streams'
  streams: readonly StreamName[]
  /** The decision rests on them: they must be unchanged at the append. */
  checked: boolean
}
export type Ask = StreamsQuestion | CandidateQuestion

export type Program = Generator<Ask, Decision, unknown>
type Asking<Answer> = Generator<Ask, Answer, unknown>

interface StateOf {
  bench: BenchState
  reservation: ReservationState
  execution: ExecutionState
  worker: WorkerState
  message: MessageState
  tenant: never
}

function* statesOf<Kind extends StreamKind>(
  tenant: string,
  kind: Kind,
  ids: readonly string[],
  checked: boolean,
): Asking<StateOf[Kind][]> {
  return (yield { ask: 'streams', streams: ids.map((id) => streamName(tenant, kind, id)), checked }) as StateOf[Kind][]
}

/** The states of several streams of one kind, in the order of `ids`. The decision rests on them. */
export const readAll = <Kind extends StreamKind>(tenant: string, kind: Kind, ids: readonly string[]) =>
  statesOf(tenant, kind, ids, true)

/** Like `readAll`, but only to look: others may change before the append. */
export const look = <Kind extends StreamKind>(tenant: string, kind: Kind, ids: readonly string[]) =>
  statesOf(tenant, kind, ids, false)

export function* read<Kind extends StreamKind>(tenant: string, kind: Kind, id: string): Asking<StateOf[Kind]> {
  const [state] = yield* readAll(tenant, kind, [id])
  return state as StateOf[Kind]
}

export function* candidatesFor(question: Omit<CandidateQuestion, 'ask'>): Asking<Candidates> {
  return (yield { ask: 'candidates', ...question }) as Candidates
}

export const nothing: Changes = { changes: [] }
