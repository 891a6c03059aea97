import { expect } from 'vitest'
import { type Decider, isRejection, type Rejection } from '../domain/decider.ts'
import type { Ask, Change, Decision, Program } from '../domain/decisions/program.ts'
import type { DomainEvent } from '../domain/event.ts'
import { type Instant, partsOf, type StreamName } from '../domain/ids.ts'
import { kindOf } from '../domain/registry.ts'

/** Given events, when a command, then events or a rejection: how the rules of one aggregate are told. */
export const given = <State, Command, Event extends DomainEvent>(
  decider: Decider<State, Command, Event>,
  history: readonly (Event & { at?: Instant })[],
) => {
  const state = foldEvents(decider, history)
  return {
    state,
    nextDue: decider.nextDue(state),
    when: (command: Command) => {
      const answer = decider.decide(state, command)
      return {
        answer,
        then: (...events: readonly Event[]) => {
          expect(answer).toEqual(events)
        },
        thenNothing: () => {
          expect(answer).toEqual([])
        },
        thenRefused: (rejection: string, facts: Record<string, unknown> = {}) => {
          expect(answer).toMatchObject({ rejection, ...facts })
        },
      }
    },
  }
}

const foldEvents = <State, Event extends DomainEvent>(
  decider: Decider<State, unknown, Event> | Decider<State, never, Event>,
  history: readonly (Event & { at?: Instant })[],
): State =>
  history.reduce<State>(
    (state, event, index) =>
      decider.evolve(state, { ...event, version: index + 1, at: event.at ?? '2026-01-01T00:00:00.000Z' }),
    decider.initial,
  )

/** A small world of streams, for decisions that read several: plain objects where the store would be. */
export const world = () => {
  const states = new Map<StreamName, { state: unknown; version: number }>()
  const stateOf = (stream: StreamName) => states.get(stream)?.state ?? kindOf(partsOf(stream).kind).decider.initial
  const happen = ({ stream, events }: Change, at: Instant): void => {
    const { decider } = kindOf(partsOf(stream).kind)
    let { state, version } = states.get(stream) ?? { state: decider.initial, version: 0 }
    for (const event of events) state = decider.evolve(state, { ...event, version: ++version, at })
    states.set(stream, { state, version })
  }
  const answer = (ask: Ask): unknown => {
    if (ask.ask === 'streams') return ask.streams.map(stateOf)
    const benchIds = [...states.keys()]
      .filter((stream) => partsOf(stream).kind === 'bench')
      .map((stream) => partsOf(stream).id)
    return { benchIds: benchIds.toSorted(), excluded: {} }
  }
  const run = (program: Program): Decision => {
    for (let step = program.next(); ; ) {
      if (step.done === true) return step.value
      step = program.next(answer(step.value))
    }
  }
  return {
    stateOf,
    /** Runs a decision and, when it is taken, lets it happen. */
    decide: (program: Program, at: Instant): readonly Change[] | Rejection => {
      const decision = run(program)
      if (isRejection(decision)) return decision
      for (const change of decision.changes) happen(change, at)
      return decision.changes
    },
    happen,
  }
}
