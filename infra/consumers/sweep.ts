import { type SweepPorts, type Swept, sweepClocks } from '../../adapters/stepfunctions/clock.ts'
import type { Counters } from '../counters.ts'
import type { Log } from '../log.ts'

export interface ClockSweepPorts extends SweepPorts {
  log: Log
  counters: Counters
}

/** Starts the clocks of streams that are overdue; to be called once a minute. Rejects when the views can't be read. */
export const sweepOverdue = async ({ log, counters, ...ports }: ClockSweepPorts): Promise<Swept> => {
  const swept = await sweepClocks(ports)
  const { overdueCount, isCut, failures } = swept
  for (const { stream, error } of failures) {
    const count = ++counters.armFailures
    log.error({ stream, count, error }, 'a clock could not be started: the next sweep tries again')
  }
  if (overdueCount > 0)
    log.warn({ overdueCount, isCut, count: overdueCount }, 'streams were overdue: their clocks had stopped')
  return swept
}
