import type { CommitKey } from '../../../adapters/dynamodb/feed.ts'
import { openHistory } from '../../../adapters/memory/history.ts'
import { openViews } from '../../../adapters/memory/views.ts'
import { fault } from '../../../domain/faults.ts'
import type { EventStore } from '../../../domain/ports.ts'
import { openProjectConsumer, type ProjectConsumerPorts } from '../../../infra/consumers/project.ts'
import { openCounters } from '../../../infra/counters.ts'
import { noLog } from '../../../infra/log.ts'
import { openFolds } from '../../../projections/folds.ts'
import { project } from '../../../projections/project.ts'
import { writePath } from '../../writePath.ts'
import { numbered } from './records.ts'
import { commitsIn, now, openLetterBox, rowsIn } from './streamed.ts'

/** Benches, and bookings of them. */
export const told = async (count = 4) => {
  const history = openHistory()
  const path = writePath(history)
  for (let n = 0; n < count; n++) {
    await path.send('bench', `b${n}`, 'RegisterBench', { benchId: `b${n}`, type: 'hil' })
    const window = { start: '2026-03-01T10:00:00.000Z', durationMs: 3_600_000, checkInWithinMs: 0, graceMs: 0 }
    const booking = { holder: 'ada', benches: [{ benchId: `b${n}` }], ...window }
    await path.send('reservation', `r${n}`, 'RequestReservation', booking)
    await path.send('reservation', `r${n}`, 'CancelReservation', {})
  }
  return { history, commits: (await history.feed(undefined, 1_000)).commits.map(({ commit }) => commit) }
}

export const opened = (history: EventStore, more: Partial<ProjectConsumerPorts> = {}) => {
  const [views, box, counters, fed] = [openViews(), openLetterBox(), openCounters(), new Array<string>()]
  const feed = {
    publish: async (keys: readonly CommitKey[]) => {
      fed.push(...keys.map(({ stream, version }) => `${stream}@${version}`))
    },
  }
  const ports = { views: async () => views, history, feed, letters: box, log: noLog, counters, now, ...more }
  return { views, box, counters, fed, handle: openProjectConsumer(ports) }
}

export const folded = async (history: EventStore) => {
  const views = openViews()
  await project({ views, load: (...asked) => history.load(...asked), folds: openFolds() }, await commitsIn(history))
  return rowsIn(views)
}

export const outage = () => fault('storage-unusable', 'away')
export const allDone = { batchItemFailures: [] }
export const failedAt = (n: number) => ({ batchItemFailures: [{ itemIdentifier: numbered(n) }] })
