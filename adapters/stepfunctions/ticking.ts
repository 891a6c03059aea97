import { z } from 'zod'
import { type Instant, later, msBetween, partsOf, plusMs, type StreamName } from '../../domain/ids.ts'
import { reasonOf } from '../awsConnection.ts'
import type { Arm } from './clock.ts'
import { type ClockStep, notAStep } from './clockMachine.ts'

/** What came of a Tick: whether it appended, and when the stream is due next. `contended`: others kept winning. */
export type Ticked = { kind: 'ticked'; hasAppended: boolean; nextDue?: Instant } | { kind: 'contended' }

export interface TickingPorts {
  /** Sends a Tick, whose `at` is not before `nextDue`. */
  tick: (stream: StreamName, nextDue: Instant) => Promise<Ticked>
  arm: Arm
  now: () => Instant
  wait: (ms: number) => Promise<unknown>
  /** Default: the limits that follow from the service's. */
  limits?: Partial<ClockLimits>
}

export interface ClockLimits {
  /** Ticks of one run. Default 1 000: a run may have 25 000 events in its history, and a turn has ten, or some more with retries. */
  turnCountMax: number
  /** A run goes on no longer than so after its start. Default 300 days: it may last for a year. */
  runMsMax: number
  /** Ticks in a row that could do nothing yet. Default 10; then it is left to the sweep. */
  restCountMax: number
  /** The pause after the first of them, and after each twice the last. Default 1 000. */
  restMs: number
}

const defaults: ClockLimits = {
  turnCountMax: 1_000,
  runMsMax: 300 * 86_400_000,
  restCountMax: 10,
  restMs: 1_000,
}
const restMsMax = 60_000

/** The milliseconds that the machine's Wait cuts off, and what clocks differ by. Who is earlier still is not waited for. */
const cutMsMax = 2_000

const count = z.int().min(0)
const Given = z.object({
  step: z.object({
    stream: z.string().superRefine((stream, context) => {
      try {
        partsOf(stream)
      } catch (error) {
        context.addIssue({ code: 'custom', message: reasonOf(error) })
      }
    }),
    nextDue: z.iso.datetime({ precision: 3 }),
    waitUntil: z.iso.datetime({ precision: 3 }),
    turnCount: count,
    restCount: count,
  }),
  startedAt: z.iso.datetime({ offset: true }),
})

const parsed = (given: unknown): z.output<typeof Given> => {
  const result = Given.safeParse(given)
  if (result.success) return result.data
  throw Object.assign(new Error(z.prettifyError(result.error)), { name: notAStep })
}

/** An empty answer ends the run. */
export type ClockAnswer = ClockStep | Record<string, never>

/**
 * One turn of the clock machine, as the function that it invokes: sends the Tick, and answers what to go on with. Rejects
 * when it could not be sent; the machine repeats it then, and a Tick sent twice appends once.
 *
 * A run goes on by itself only from a Tick that was its own doing. Where another was faster, or the stream is due at
 * another instant meanwhile (a window was amended), it sees to it that the instant has its run, and ends: so runs for one
 * stream do not become more and more.
 */
export const openTicking = ({ tick, arm, now, wait, limits }: TickingPorts) => {
  const all = { ...defaults, ...limits }
  return async (given: unknown): Promise<ClockAnswer> => {
    const { step, startedAt } = parsed(given)
    const early = msBetween(now(), step.nextDue)
    if (early > 0 && early <= cutMsMax) await wait(early)
    const ticked = await tick(step.stream, step.nextDue)
    if (ticked.kind === 'contended') throw Object.assign(new Error('lost too many races'), { name: 'Contended' })
    const { nextDue, hasAppended } = ticked
    if (nextDue === undefined) return {}
    const turnCount = step.turnCount + 1
    if (!hasAppended && nextDue <= step.nextDue) return rested(all, { ...step, turnCount }, now())
    const isTooLong = turnCount >= all.turnCountMax || msBetween(startedAt, nextDue) > all.runMsMax
    if (hasAppended && !isTooLong) return { stream: step.stream, nextDue, waitUntil: nextDue, turnCount, restCount: 0 }
    await arm(step.stream, nextDue)
    return {}
  }
}

/** Still due, and nothing can be done: a predecessor holds the bench, perhaps. Whoever lets it go sends a Tick, too. */
const rested = (limits: ClockLimits, step: ClockStep, now: Instant): ClockAnswer => {
  const restCount = step.restCount + 1
  if (restCount > limits.restCountMax || step.turnCount >= limits.turnCountMax) return {}
  const restMs = Math.min(limits.restMs * 2 ** (restCount - 1), restMsMax)
  return { ...step, restCount, waitUntil: later(step.nextDue, plusMs(now, restMs)) }
}
