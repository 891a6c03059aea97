import { expect } from 'vitest'
import { commandSchemas } from '../../domain/contract.ts'
import { type Decider, isRejection } from '../../domain/decider.ts'
import type { DomainEvent } from '../../domain/event.ts'

/** What a command in a state comes to: the events' types in order, `nothing`, or `refused: Why`. */
export const outcomeOf = (answer: readonly DomainEvent[] | { rejection: string }): string => {
  if ('rejection' in answer) return `refused: ${answer.rejection}`
  return answer.length === 0 ? 'nothing' : answer.map(({ type }) => type).join(' ')
}

/** A state machine as the domain's page draws it: from a state, every arrow that leaves it. */
export type Drawn = Readonly<Record<string, readonly string[]>>

/** `from → to` for every arrow. */
const arrowsOf = (drawn: Drawn): ReadonlySet<string> =>
  new Set(Object.entries(drawn).flatMap(([from, tos]) => tos.map((to) => `${from} → ${to}`)))

/** Every command of the contract is spoken of in every state: what is new has to be told what it may do where. */
export const expectAllTold = (
  kind: keyof typeof commandSchemas,
  told: Readonly<Record<string, Readonly<Record<string, string>>>>,
): void => {
  const contract = Object.keys(commandSchemas[kind]).toSorted()
  for (const [state, commands] of Object.entries(told))
    expect({ state, commands: Object.keys(commands).toSorted() }).toEqual({ state, commands: contract })
}

type AnyDecider = Decider<unknown, unknown, DomainEvent>
interface Told {
  type: string
  at: string
}

type Seen = (before: unknown, what: { type: string }, after: unknown) => void

/** Tells a story, refusals left out, and shows every single event, and every commit by its command, with the states around it. */
export const tellStory = (
  decider: AnyDecider,
  commands: readonly Told[],
  { onEvent, onCommit }: { onEvent?: Seen; onCommit?: Seen },
): void => {
  let state = decider.initial
  let version = 0
  for (const command of commands) {
    const answer = decider.decide(state, command)
    if (isRejection(answer)) {
      expect(answer.rejection, command.type).toMatch(/^[A-Z][A-Za-z]+$/)
      expect(answer.detail.length).toBeGreaterThan(0)
      continue
    }
    const before = state
    for (const event of answer) {
      const after = decider.evolve(state, { ...event, version: ++version, at: command.at })
      onEvent?.(state, event, after)
      state = after
    }
    onCommit?.(before, command, state)
  }
}

/** Collects the moves of one status, and holds each to the drawing. */
export const watchMoves = (name: string, drawn: Drawn) => {
  const arrows = arrowsOf(drawn)
  const seen = new Set<string>()
  return {
    seen,
    arrows,
    move: (from: string | undefined, to: string | undefined, because: string): void => {
      if (from === to || from === undefined || to === undefined) return
      const arrow = `${from} → ${to}`
      if (!arrows.has(arrow)) throw new Error(`${name}: ${because} moved ${arrow}, which is not drawn`)
      seen.add(arrow)
    },
  }
}
