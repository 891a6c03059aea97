import { setTimeout as wait } from 'node:timers/promises'
import type { CallbackHosts } from '../../adapters/callbackHosts.ts'
import type { TaskAnswers } from '../../adapters/stepfunctions/callback.ts'
import type { Arm } from '../../adapters/stepfunctions/clock.ts'
import { sweepOverdue } from '../consumers/sweep.ts'
import { openHouse } from '../local.ts'
import type { Surroundings } from './counted.ts'
import { openTables } from './tables.ts'

export interface MinuteOptions extends Surroundings {
  tablePrefix: string
  arm: Arm
  tasks: TaskAnswers
  webhookSecret: string
  callbackHosts: CallbackHosts
  /** How long it stays. Default 55 000: a little less than until the next one comes. */
  lengthMs?: number
}

/**
 * What has to be done now and then, for as long as a minute: the clocks of what is overdue are started again; and the lease
 * clock is kept by a house that looks for silent workers and sends callbacks, the rest being the other functions'. It hands
 * the clock over when it ends, so that the next minute's goes on at once.
 */
export const openMinute = async (options: MinuteOptions): Promise<() => Promise<void>> => {
  const {
    tablePrefix,
    arm,
    tasks,
    webhookSecret,
    callbackHosts: hosts,
    lengthMs = 55_000,
    log,
    counters,
    now,
  } = options
  const { views } = await openTables(tablePrefix, { log })
  const callbacks = { secret: () => webhookSecret, hosts, tasks }
  return async () => {
    const ended = wait(lengthMs)
    const serving = await views()
    const house = await openHouse({
      store: 'dynamodb',
      tablePrefix,
      log,
      counters,
      callbacks,
      isPipelined: true,
      mends: false,
    })
    try {
      await Promise.all([sweepOverdue({ due: (...asked) => serving.due(...asked), arm, now, log, counters }), ended])
    } finally {
      await house.close()
    }
  }
}
