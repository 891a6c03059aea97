/** Operations that issue a command: submit it, and answer the resource as its stream folds after it. */
import type { Outcome } from '../../domain/handle.ts'
import { kindOf } from '../../domain/registry.ts'
import type { Request } from '../../projections/services.ts'
import type { Operation } from '../routes/endpoints.ts'
import type { Route } from '../routes/route.ts'
import type { AnyCall } from './call.ts'
import type { House } from './house.ts'
import { idFromKey } from './ids.ts'
import { briefly, prefersMinimal, takesPrefer } from './prefer.ts'
import { problem, refusal } from './problems.ts'
import { etag, type Reply, resource } from './replies.ts'

export type Done = Extract<Outcome, { kind: 'done' }>

/** What a successful command answers, given its stream's head; the default is what the command's kind has. */
export type Answering = (call: AnyCall, id: string, done: Done) => unknown

type Command = NonNullable<Route['command']>
type Members = Readonly<Record<string, unknown>>

/** Operations whose answer is made anew each time, not the resource itself. */
const alwaysCreates: ReadonlySet<Operation> = new Set(['openSession'])

/** `onBrief`: is told of what was done where the answer need not be made. */
export const commandHandler =
  (
    house: House,
    operation: Operation,
    command: Command,
    answering: Answering,
    onBrief: (...done: Parameters<Answering>) => void = () => {},
  ) =>
  async (call: AnyCall): Promise<Reply> => {
    const id = streamIdOf(house, call, command)
    const outcome = await house.submit(requestOf(call, command, id, dataOf(call, command)))
    if (outcome.kind !== 'done') return notDone(outcome, { kind: command.kind, id })
    if (!takesPrefer(operation) || !prefersMinimal(call.header('prefer')))
      return success(operation, command, id, outcome, await answering(call, id, outcome))
    onBrief(call, id, outcome)
    const reply = success(operation, command, id, outcome, briefly(command, id, outcome.head))
    return { ...reply, headers: { ...reply.headers, 'preference-applied': 'return=minimal' } }
  }

/** In the path, else in the body; else made: from the idempotency key, so that a retry meets its own first commit. */
const streamIdOf = (house: House, call: AnyCall, { id, kind }: Command): string => {
  const given = (call.params as Members | undefined)?.[id] ?? (call.body as Members | undefined)?.[id]
  if (typeof given === 'string') return given
  return call.idempotencyKey === undefined ? house.newId() : idFromKey(house, call.tenant, kind, call.idempotencyKey)
}

const dataOf = (call: AnyCall, { also = [] }: Command): unknown => {
  if (also.length === 0) return call.body ?? {}
  const elsewhere: Members = { ...(call.params as Members), ...(call.query as Members | undefined) }
  return { ...(call.body as Members | undefined), ...Object.fromEntries(also.map((name) => [name, elsewhere[name]])) }
}

/** The command as the house takes it, with all that the caller said about it. */
export const requestOf = (call: AnyCall, { kind, type }: Command, id: string, data: unknown): Request => {
  const request: Request = {
    tenant: call.tenant,
    kind,
    id,
    type,
    data,
    actor: call.actor,
    correlationId: call.correlationId,
  }
  if (call.idempotencyKey !== undefined) request.idempotencyKey = call.idempotencyKey
  if (call.traceparent !== undefined) request.traceparent = call.traceparent
  if (call.ifMatch !== undefined) request.ifMatch = call.ifMatch
  return request
}

export const notDone = (outcome: Exclude<Outcome, Done>, addressed: { kind: string; id: string }): Reply => {
  switch (outcome.kind) {
    case 'refused':
      return refusal(outcome.rejection, addressed)
    case 'key-reused':
      return problem('idempotency-key-reused', 'the key was used for another command: use a new one')
    case 'version-mismatch':
      return problem('version-mismatch', `the version is ${outcome.version}`, { version: outcome.version })
    case 'contended':
      return problem('contended', `others were faster ${outcome.attempts} times: nothing was written`)
  }
}

const success = (operation: Operation, { kind }: Command, id: string, done: Done, answer: unknown): Reply => {
  const { head, replayed } = done
  const headers: Record<string, string> = etag(kindOf(kind).etagOf(head.state, head.version))
  if (replayed) headers['idempotent-replayed'] = 'true'
  const created = done.created || alwaysCreates.has(operation)
  if (created) headers['location'] = locationOf(operation, kind, id, answer)
  return resource(answer, created ? 201 : 200, headers)
}

const plurals = {
  bench: 'benches',
  reservation: 'reservations',
  execution: 'executions',
  worker: 'workers',
  message: 'messages',
}

const locationOf = (operation: Operation, kind: Command['kind'], id: string, answer: unknown): string => {
  const own = `/v1/${plurals[kind]}/${encodeURIComponent(id)}`
  return operation === 'openSession' ? `${own}/sessions/${(answer as { epoch: number }).epoch}` : own
}
