import type { z } from 'zod'
import type { DomainEvent } from './event.ts'
import type { Instant } from './ids.ts'

/** A refusal: a fact, named in PascalCase, with the members that explain it. A value, never thrown. */
export interface Rejection {
  rejection: string
  detail: string
  [fact: string]: unknown
}

/** What `evolve` is given: the event, and where and when it happened. */
export type Happened<Event extends DomainEvent> = Event & { version: number; at: Instant }

/**
 * Four pure things. `decide` never reads a clock: time reaches it as the command's `at`. `evolve` never refuses.
 * `nextDue` says when the stream next needs a Tick; undefined for never.
 */
export interface Decider<State, Command, Event extends DomainEvent> {
  initial: State
  decide(state: State, command: Command): readonly Event[] | Rejection
  evolve(state: State, event: Happened<Event>): State
  nextDue(state: State): Instant | undefined
}

export const isRejection = (answer: unknown): answer is Rejection =>
  typeof answer === 'object' && answer !== null && 'rejection' in answer

/** What the schema of one command parses to. */
export type DataOf<Schemas, Type extends keyof Schemas> = Schemas[Type] extends z.ZodType
  ? z.output<Schemas[Type]>
  : never

/** A command as a decider sees it: `id` is the addressed stream's, `at` the server's time when it was taken in. */
export interface Command<Type extends string = string, Data = unknown> {
  type: Type
  data: Data
  id: string
  at: Instant
}
