import { setTimeout as sleep } from 'node:timers/promises'
import type { Arm } from '../../adapters/stepfunctions/clock.ts'
import { type ClockAnswer, type ClockLimits, openTicking, type Ticked } from '../../adapters/stepfunctions/ticking.ts'
import type { Outcome } from '../../domain/handle.ts'
import type { Head } from '../../domain/head.ts'
import { type Instant, partsOf, type StreamKind, type StreamName } from '../../domain/ids.ts'
import { kindOf } from '../../domain/registry.ts'
import { viewsOf } from '../../projections/views.ts'
import type { Counters } from '../counters.ts'
import type { Log } from '../log.ts'
import type { Writing } from '../services.ts'

export interface TickPorts {
  writing: Pick<Writing, 'tick' | 'headOf'>
  arm: Arm
  now: () => Instant
  log: Log
  counters: Counters
  wait?: (ms: number) => Promise<unknown>
  limits?: Partial<ClockLimits>
}

/**
 * The function that the clock machine invokes. A Tick has its id from the version that it was decided on: one that was sent,
 * and whose answer was lost, either meets its own commit or finds nothing to do.
 */
export const openTick = ({
  writing,
  arm,
  now,
  log,
  counters,
  wait = sleep,
  limits,
}: TickPorts): ((given: unknown) => Promise<ClockAnswer>) => {
  const send = async (stream: StreamName, nextDue: Instant): Promise<Ticked> => {
    counters.ticks++
    try {
      const ticked = await tick(writing, stream, nextDue)
      log.debug({ stream, nextDue, outcome: ticked.kind }, 'a tick was sent')
      return ticked
    } catch (error) {
      const count = ++counters.tickFailures
      log.error({ stream, nextDue, count, err: error }, 'a tick has failed, and is sent again')
      throw error
    }
  }
  return openTicking({ tick: send, arm, now, wait, ...(limits === undefined ? {} : { limits }) })
}

const tick = async ({ tick, headOf }: TickPorts['writing'], stream: StreamName, nextDue: Instant): Promise<Ticked> => {
  const { tenant, kind, id } = partsOf(stream)
  const [view] = viewsOf(kind)
  const head = await headOf(tenant, kind as Parameters<Writing['headOf']>[1], id)
  // Nothing is ever due of what has no view, or was never there: whoever armed it was mistaken.
  if (view === undefined || head.version === 0) return { kind: 'ticked', hasAppended: false }
  return ticked(kind, head, await tick({ tenant, view: view.name, id, version: head.version, nextDue }))
}

const ticked = (kind: StreamKind, before: Head, outcome: Outcome): Ticked => {
  if (outcome.kind === 'contended') return { kind: 'contended' }
  const isDone = outcome.kind === 'done'
  const hasAppended = isDone && (outcome.commits.length > 0 || outcome.replayed)
  const nextDue = kindOf(kind).decider.nextDue(isDone ? outcome.head.state : before.state)
  return { kind: 'ticked', hasAppended, ...(nextDue === undefined ? {} : { nextDue }) }
}
