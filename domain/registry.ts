/** Every kind of stream with its decider, and every command with the decision it starts. */
import { decider as benchDecider } from './bench/decide.ts'
import { schemaVersions as benchEvents, memberEvents } from './bench/events.ts'
import type { BenchState } from './bench/state.ts'
import { type Decider, isRejection } from './decider.ts'
import { changeReservation } from './decisions/changeReservation.ts'
import { changeExecution, claimTask, extendGrace, submitExecution } from './decisions/execute.ts'
import { type AddressedCommand, nothing, type Program, read } from './decisions/program.ts'
import { pullForward, requestReservation } from './decisions/reserve.ts'
import { changeSession } from './decisions/session.ts'
import type { DomainEvent } from './event.ts'
import { decider as executionDecider } from './execution/decide.ts'
import { schemaVersions as executionEvents } from './execution/events.ts'
import { type StreamKind, streamName } from './ids.ts'
import { decider as messageDecider } from './message/decide.ts'
import { schemaVersions as messageEvents } from './message/events.ts'
import { decider as reservationDecider } from './reservation/decide.ts'
import { schemaVersions as reservationEvents } from './reservation/events.ts'
import { decider as workerDecider } from './worker/decide.ts'
import { schemaVersions as workerEvents } from './worker/events.ts'

/** A kind of stream, with its types forgotten: what code needs that treats all kinds alike. */
export interface Kind {
  decider: Decider<unknown, unknown, DomainEvent>
  /** Goes up whenever `evolve` folds the same events to another state: rides of other versions are ignored. */
  reducerVersion: number
  schemaVersions: Readonly<Record<string, number>>
  /** Types that only ever come as members of others' appends: such commits were not addressed to the stream. */
  memberEvents: ReadonlySet<string>
  /** What an editor's If-Match is held against. */
  etagOf(state: unknown, version: number): number
}

const none: ReadonlySet<string> = new Set()
const ownVersion = (_: unknown, version: number): number => version
const descriptionVersion = (state: unknown, version: number): number => {
  const bench = state as BenchState
  return bench.status === 'absent' ? version : bench.descriptionVersion
}

const kind = (decider: unknown, schemaVersions: Kind['schemaVersions'], rest: Partial<Kind> = {}): Kind => ({
  decider: decider as Kind['decider'],
  reducerVersion: 1,
  schemaVersions,
  memberEvents: none,
  etagOf: ownVersion,
  ...rest,
})

export const kinds: Readonly<Record<Exclude<StreamKind, 'tenant'>, Kind>> = {
  bench: kind(benchDecider, benchEvents, { memberEvents, etagOf: descriptionVersion }),
  reservation: kind(reservationDecider, reservationEvents),
  execution: kind(executionDecider, executionEvents, { reducerVersion: 2 }),
  worker: kind(workerDecider, workerEvents),
  message: kind(messageDecider, messageEvents),
}

export const kindOf = (name: StreamKind): Kind => {
  if (name === 'tenant') throw new Error('tenants have no decider yet')
  return kinds[name]
}

/** Commands that start a stream: decided without reading one, since the append proves that there is none. */
const creating: ReadonlySet<string> = new Set([
  'RegisterBench',
  'RequestReservation',
  'SubmitExecution',
  'EnrolWorker',
  'AcceptMessage',
])
export const creates = (type: string): boolean => creating.has(type)

/** A command on one stream alone. */
function* alone(command: AddressedCommand): Program {
  const { tenant, kind: name, id } = command
  const state: unknown = yield* read(tenant, name, id)
  const events = kindOf(name).decider.decide(state, command)
  if (isRejection(events)) return events
  return events.length === 0 ? nothing : { changes: [{ stream: streamName(tenant, name, id), events }] }
}

export const programOf = (command: AddressedCommand): Program => {
  switch (command.kind) {
    case 'bench':
    case 'message':
    case 'tenant':
      return alone(command)
    case 'reservation':
      if (command.type === 'RequestReservation') return requestReservation(command)
      return command.type === 'PullForward' ? pullForward(command) : changeReservation(command)
    case 'execution':
      if (command.type === 'SubmitExecution') return submitExecution(command)
      if (command.type === 'ClaimTask') return claimTask(command)
      return command.type === 'ExtendGrace' ? extendGrace(command) : changeExecution(command)
    case 'worker':
      return command.type === 'EnrolWorker' || command.type === 'ExpireSession'
        ? alone(command)
        : changeSession(command)
  }
}
