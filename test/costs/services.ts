/** The bus and the state machines, as far as they are paid for: what they are given is taken and counted. */
import { type Arm, runName } from '../../adapters/stepfunctions/clock.ts'
import type { ClockStep } from '../../adapters/stepfunctions/clockMachine.ts'
import type { ClockAnswer } from '../../adapters/stepfunctions/ticking.ts'
import type { Instant } from '../../domain/ids.ts'

interface PutEvents {
  input: { Entries: { DetailType: string; Detail: string }[] }
}

/** A bus that takes everything, and hands it on when it is asked to. */
export const openBus = () => {
  let events: { type: string; detail: string }[] = []
  const send = async ({ input: { Entries } }: PutEvents) => {
    events.push(...Entries.map(({ DetailType, Detail }) => ({ type: DetailType, detail: Detail })))
    return { Entries: Entries.map((_, at) => ({ EventId: String(at) })) }
  }
  return {
    client: { send } as never,
    take: () => {
      const taken = events
      events = []
      return taken
    },
  }
}

interface Run {
  step: ClockStep
  startedAt: Instant
}

/** WaitUntilDue, SendTick, GoesOn: what each turn of the clock machine enters; and NothingDue, at its end. */
const [statesPerTurn, statesAtEnd] = [3, 1]

const isStep = (answer: ClockAnswer): answer is ClockStep => 'waitUntil' in answer

/** The clock machine: its runs by name, turned one by one as they come due. */
export const openMachine = () => {
  const waiting = new Map<string, Run>()
  const over = new Set<string>()
  let [transitionCount, runCount] = [0, 0]
  const arm: Arm = async (stream, nextDue, round) => {
    const name = runName(stream, nextDue, round)
    if (over.has(name)) return 'over'
    if (waiting.has(name)) return 'running'
    runCount++
    const step = { stream, nextDue, waitUntil: nextDue, turnCount: 0, restCount: 0 }
    waiting.set(name, { step, startedAt: nextDue })
    return 'running'
  }
  return {
    arm,
    /** When the next run wakes. */
    nextAt: (): Instant | undefined => [...waiting.values()].map(({ step }) => step.waitUntil).sort()[0],
    /** Turns the runs that are due once. */
    turn: async (now: Instant, send: (given: unknown) => Promise<ClockAnswer>): Promise<void> => {
      for (const [name, { step, startedAt }] of waiting) {
        if (step.waitUntil > now) continue
        transitionCount += statesPerTurn
        const answer = await send({ step, startedAt })
        if (isStep(answer)) waiting.set(name, { step: answer, startedAt })
        else {
          transitionCount += statesAtEnd
          waiting.delete(name)
          over.add(name)
        }
      }
    },
    counts: () => ({ transitionCount, runCount }),
  }
}
