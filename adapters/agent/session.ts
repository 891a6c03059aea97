import type { ValueOf } from '../client/operations.ts'
import type { Problem } from '../client/problem.ts'
import { type Fence, newFence } from './fence.ts'
import type { Guard } from './guarded.ts'
import type { AgentSettings } from './settings.ts'

/** One life of the worker, as its loops share it. */
export interface Session {
  settings: AgentSettings
  epoch: number
  fence: Fence
  guard: Guard
  /** Aborts when the epoch is stale: whatever runs must stop, and nothing is reported any more. */
  lost: AbortSignal
  lose: (detail: string) => void
  /** Why it was lost. */
  loss: () => string
}

export const newSession = (settings: AgentSettings, guard: Guard, epoch: number): Session => {
  const lost = new AbortController()
  let detail = ''
  const lose = (why: string): void => {
    if (lost.signal.aborted) return
    detail = why
    lost.abort()
  }
  return { settings, guard, epoch, fence: newFence(lost.signal), lost: lost.signal, lose, loss: () => detail }
}

export type Claim = NonNullable<ValueOf<'claimTask'>>
export type AttemptName = Pick<Claim, 'executionId' | 'taskName' | 'attempt'>

export const nameOf = ({ executionId, taskName, attempt }: AttemptName): AttemptName => ({
  executionId,
  taskName,
  attempt,
})

/** An epoch that is no longer ours. */
export const isStaleEpoch = ({ code }: Problem): boolean => code === 'stale-epoch'
/** Said of a beat: that epoch, or a server that has never heard of this worker. */
export const isOver = ({ code }: Problem): boolean => code === 'stale-epoch' || code === 'not-found'
