import type { Arm } from '../../adapters/stepfunctions/clock.ts'
import type { Commit } from '../../domain/event.ts'
import { type Instant, type StreamName, streamName } from '../../domain/ids.ts'
import type { RowChange } from '../../domain/ports.ts'
import { views } from '../../projections/views.ts'
import type { Counters } from '../counters.ts'
import type { Log } from '../log.ts'

export interface ArmingPorts {
  arm: Arm
  log: Log
  counters: Counters
}

/** Streams whose run is known to wait: starting it again would be answered the same, and cost a call. */
const knownCountMax = 10_000
const atOnceMax = 8

/**
 * Starts a run of the clock machine for each row that has come to be due at another instant; for `onWritten` of the project
 * consumer. Not for what the clock itself has done: its run goes on by itself. One that could not be started is left to
 * the sweep, so this never rejects.
 */
export const openArming = ({ arm, log, counters }: ArmingPorts) => {
  const known = new Map<StreamName, Instant>()
  const armOne = async (stream: StreamName, nextDue: Instant): Promise<void> => {
    if (known.get(stream) === nextDue) return
    try {
      await arm(stream, nextDue)
      remember(known, stream, nextDue)
    } catch (error) {
      const count = ++counters.armFailures
      log.error({ stream, nextDue, count, err: error }, 'a clock could not be started: it is left to the sweep')
    }
  }
  return async (changes: readonly RowChange[], commits: readonly Commit[]): Promise<void> => {
    const others = new Set(commits.filter((commit) => !isClocks(commit)).map(({ stream }) => stream))
    const due = changes.flatMap((change) => dueOf(change)).filter(({ stream }) => others.has(stream))
    for (let at = 0; at < due.length; at += atOnceMax)
      await Promise.all(due.slice(at, at + atOnceMax).map(({ stream, nextDue }) => armOne(stream, nextDue)))
  }
}

const isClocks = ({ actor }: Commit): boolean => actor.kind === 'system' && actor.id === 'clock'

const dueOf = ({ view, tenant, row }: RowChange): readonly { stream: StreamName; nextDue: Instant }[] => {
  const kind = views.find(({ name }) => name === view)?.kind
  if (kind === undefined || row.nextDue === undefined) return []
  return [{ stream: streamName(tenant, kind, row.id), nextDue: row.nextDue }]
}

const remember = (known: Map<StreamName, Instant>, stream: StreamName, nextDue: Instant): void => {
  known.delete(stream)
  known.set(stream, nextDue)
  for (const oldest of known.keys()) {
    if (known.size <= knownCountMax) break
    known.delete(oldest)
  }
}
