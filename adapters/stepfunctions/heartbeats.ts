import type { AttemptName } from '../../domain/leaseStore.ts'
import { reasonOf } from '../awsConnection.ts'
import type { TaskAnswers } from './callback.ts'

export interface HeartbeatPorts {
  answers: Pick<TaskAnswers, 'beat'>
  /** The token of a state machine that waits for an execution; undefined: none does. */
  tokenOf: (tenant: string, executionId: string) => Promise<string | undefined>
  /** Milliseconds of any clock that does not go back. */
  nowMs: () => number
  /** Why one did not get through; the next beat is another try. */
  onFailure: (executionId: string, error: string) => void
  /** For one execution, however many attempts of it beat. Default 30 000; `HeartbeatSeconds` is to be at least twice that. */
  everyMs?: number
}

interface Entry {
  sentAtMs: number
  /** Nobody waits, or any longer. */
  isOver: boolean
}

/** At once; who comes while so many are under way is told at the next beat. */
const underWayCountMax = 8
/** Executions that are remembered: the ones that were told least lately are forgotten, and told a little too often. */
const entryCountMax = 10_000

/**
 * Forwards the heartbeats of workers to the state machines that wait for what they run: so a machine with `HeartbeatSeconds`
 * learns that its bench is silent. Nobody waits for it, and nothing is kept: a beat that was lost is followed by the next.
 */
export const openTaskHeartbeats = (ports: HeartbeatPorts) => {
  const entries = new Map<string, Entry>()
  const underWay = new Set<Promise<void>>()
  const closing = new AbortController()
  const { everyMs = 30_000, nowMs } = ports
  const isDue = (key: string): boolean => {
    const entry = entries.get(key)
    return entry === undefined || (!entry.isOver && nowMs() - entry.sentAtMs >= everyMs)
  }
  return {
    beat: (tenant: string, attempts: readonly Pick<AttemptName, 'executionId'>[]): void => {
      for (const executionId of new Set(attempts.map((attempt) => attempt.executionId))) {
        const key = `${tenant}/${executionId}`
        if (closing.signal.aborted || underWay.size >= underWayCountMax || !isDue(key)) continue
        const entry = { sentAtMs: nowMs(), isOver: false }
        // Last in the order in which they are forgotten.
        entries.delete(key)
        entries.set(key, entry)
        const sent = send(ports, tenant, executionId, entry, closing.signal).finally(() => underWay.delete(sent))
        underWay.add(sent)
      }
      for (const oldest of entries.keys()) if (entries.size > entryCountMax) entries.delete(oldest)
    },
    stop: async (): Promise<void> => {
      closing.abort()
      await Promise.all(underWay)
    },
  }
}

const send = async (
  { answers, tokenOf, onFailure }: HeartbeatPorts,
  tenant: string,
  executionId: string,
  entry: Entry,
  signal: AbortSignal,
): Promise<void> => {
  try {
    const token = await tokenOf(tenant, executionId)
    if (token === undefined) {
      entry.isOver = true
      return
    }
    const answered = await answers.beat(token, signal)
    if (answered.kind === 'taken') return
    entry.isOver = answered.isFinal
    onFailure(executionId, answered.error)
  } catch (error) {
    if (!signal.aborted) onFailure(executionId, reasonOf(error))
  }
}
