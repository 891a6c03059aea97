import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decider as benchDecider } from '../../domain/bench/decide.ts'
import { parseEvent } from '../../domain/contract.ts'
import { type Decider, isRejection } from '../../domain/decider.ts'
import type { DomainEvent } from '../../domain/event.ts'
import { decider as executionDecider } from '../../domain/execution/decide.ts'
import { decider as messageDecider } from '../../domain/message/decide.ts'
import { kinds } from '../../domain/registry.ts'
import { decider as reservationDecider } from '../../domain/reservation/decide.ts'
import { decider as workerDecider } from '../../domain/worker/decide.ts'
import { benchStory, executionStory, messageStory, reservationStory, workerStory } from './arbitraries.ts'

interface Told {
  type: string
  at: string
}
interface Aggregate {
  kind: keyof typeof kinds
  decider: Decider<unknown, unknown, DomainEvent>
  stories: fc.Arbitrary<readonly Told[]>
  /** Commands that are meant to do something each time. */
  repeatable: readonly string[]
}

const aggregates: readonly Aggregate[] = [
  { kind: 'bench', decider: benchDecider, stories: benchStory, repeatable: [] },
  { kind: 'reservation', decider: reservationDecider, stories: reservationStory, repeatable: [] },
  { kind: 'execution', decider: executionDecider, stories: executionStory, repeatable: [] },
  // Two lives of an agent never share a session.
  { kind: 'worker', decider: workerDecider, stories: workerStory, repeatable: ['OpenSession'] },
  { kind: 'message', decider: messageDecider, stories: messageStory, repeatable: [] },
]

interface Step {
  command: Told
  before: unknown
  events: readonly DomainEvent[]
  after: unknown
  version: number
}

/** So many commands of the stories of a run do something: a law that is never tried holds of anything. */
const acceptedCountMin = 300

/** The steps of a story that were taken. */
const told = (decider: Aggregate['decider'], commands: readonly Told[]): readonly Step[] => {
  const steps: Step[] = []
  let state = decider.initial
  let version = 0
  for (const command of commands) {
    const answer = decider.decide(state, command)
    if (isRejection(answer)) continue
    const before = state
    for (const event of answer) state = decider.evolve(state, { ...event, version: ++version, at: command.at })
    steps.push({ command, before, events: answer, after: state, version })
  }
  return steps
}

const nobody = { occupied: false, occupiedByOther: false, everOccupied: false }

/** The state once what has become due by the very command has happened: an amended start may be now. */
const ticked = (decider: Aggregate['decider'], state: unknown, command: Told): unknown => {
  const due = decider.nextDue(state)
  if (due === undefined || due > command.at) return state
  const answer = decider.decide(state, { seen: nobody, isExtended: false, ...command, type: 'Tick', data: {} })
  if (isRejection(answer)) return state
  return answer.reduce((folded, event) => decider.evolve(folded, { ...event, version: 9, at: command.at }), state)
}

const everyStory = (aggregate: Aggregate, law: (steps: readonly Step[]) => void) => {
  let accepted = 0
  fc.assert(
    fc.property(aggregate.stories, (commands) => {
      const steps = told(aggregate.decider, commands)
      accepted += steps.filter((step) => step.events.length > 0).length
      law(steps)
    }),
    { numRuns: 300 },
  )
  expect(accepted).toBeGreaterThanOrEqual(acceptedCountMin)
}

describe.each(aggregates)('$kind', (aggregate) => {
  const { decider, kind, repeatable } = aggregate

  test('deciding twice adds nothing', () => {
    everyStory(aggregate, (steps) => {
      for (const { command, after } of steps) {
        if (repeatable.includes(command.type)) continue
        const again = decider.decide(ticked(decider, after, command), command)
        if (!isRejection(again)) expect(again).toEqual([])
      }
    })
  })

  test('evolve never throws, whatever happens to whom', () => {
    fc.assert(
      fc.property(aggregate.stories, aggregate.stories, (one, other) => {
        const states = [decider.initial, ...told(decider, one).map((step) => step.after)]
        const events = told(decider, other).flatMap((step) => step.events)
        for (const state of states)
          for (const event of events) decider.evolve(state, { ...event, version: 7, at: '2026-03-01T09:00:00.000Z' })
      }),
      { numRuns: 50 },
    )
  })

  test('events survive being written and read, and lead to the same state', () => {
    everyStory(aggregate, (steps) => {
      let state = decider.initial
      let version = 0
      for (const { events, command, after } of steps) {
        for (const event of events) {
          const written = JSON.stringify({ ...event, schemaVersion: kinds[kind].schemaVersions[event.type] })
          const read = parseEvent(kind, JSON.parse(written))
          expect(read).toMatchObject({ type: event.type })
          state = decider.evolve(state, { type: read.type, data: read.data, version: ++version, at: command.at })
        }
        expect(JSON.stringify(state)).toBe(JSON.stringify(after))
      }
    })
  })

  test('what decide accepts, evolve moves', () => {
    everyStory(aggregate, (steps) => {
      for (const { before, after, events } of steps) if (events.length > 0) expect(after).not.toEqual(before)
    })
  })

  test('a Tick at the due instant does something, or waits for others', () => {
    everyStory(aggregate, (steps) => {
      for (const { after } of steps) {
        const due = decider.nextDue(after)
        if (due === undefined) continue
        const answer = decider.decide(after, {
          type: 'Tick',
          data: {},
          id: 'x',
          at: due,
          seen: nobody,
          isExtended: false,
        })
        expect(isRejection(answer) ? answer : answer.length).toBeGreaterThan(0)
      }
    })
  })
})

describe('a bench, after anything', () => {
  test('holds no two windows that intersect, buffers included', () => {
    everyStory(aggregates[0]!, (steps) => {
      for (const { after } of steps) {
        const { intervals = [] } = after as { intervals?: readonly { heldFrom: string; heldUntil: string }[] }
        for (const [index, held] of intervals.entries()) {
          const next = intervals[index + 1]
          if (next !== undefined) expect(held.heldUntil <= next.heldFrom, JSON.stringify(intervals)).toBe(true)
        }
      }
    })
  })
})
