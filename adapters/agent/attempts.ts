import { type Attempt, newAttempt } from './attempt.ts'
import type { Claim, Session } from './session.ts'

interface Which {
  executionId: string
  taskName: string
  attempt: number
}

/** The attempts of a session that are not over: one at a time on each bench, the others behind it. */
export interface Attempts {
  /** As a heartbeat tells them: everything that was claimed and not yet reported. */
  listed(): readonly Which[]
  /** Starts it, or lets it wait for its bench; false when it is known already, since an answer was given twice. */
  take(claim: Claim): boolean
  find(which: Which): Attempt | undefined
  stopAll(...how: Parameters<Attempt['stop']>): void
  /** Resolves when another bench may have become free. */
  untilRoom(): Promise<void>
  untilNone(): Promise<void>
}

const keyOf = (which: Which): string => `${which.executionId}/${which.taskName}/${which.attempt}`

export const newAttempts = (session: Session): Attempts => {
  const live = new Map<string, Attempt>()
  /** By bench: when the last attempt that was taken for it is over. */
  const lines = new Map<string, Promise<void>>()
  const hasRoom = (): boolean => {
    const busy = new Set([...live.values()].map(({ claim }) => claim.benchId))
    return busy.size < session.settings.benchIds.length && busy.size === live.size
  }
  const take = (claim: Claim): boolean => {
    if (live.has(keyOf(claim))) return false
    const attempt = newAttempt(session, claim)
    live.set(keyOf(claim), attempt)
    const before = lines.get(claim.benchId) ?? Promise.resolve()
    const over = before
      .then(() => attempt.run())
      .finally(() => {
        live.delete(keyOf(claim))
        if (lines.get(claim.benchId) === over) lines.delete(claim.benchId)
      })
    lines.set(claim.benchId, over)
    return true
  }
  return {
    listed: () =>
      [...live.values()].map(({ claim: { executionId, taskName, attempt } }) => ({ executionId, taskName, attempt })),
    take,
    find: (which) => live.get(keyOf(which)),
    stopAll: (...how) => live.forEach((attempt) => attempt.stop(...how)),
    untilRoom: async () => {
      while (!hasRoom()) await Promise.race(lines.values())
    },
    untilNone: async () => {
      while (live.size > 0) await Promise.all(lines.values())
    },
  }
}
