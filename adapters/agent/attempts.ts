import { type Attempt, newAttempt } from './attempt.ts'
import type { AttemptName, Claim, Session } from './session.ts'

/** The attempts of a session that are not over: those that run, and those whose report nobody has taken yet. */
export interface Attempts {
  /** As a heartbeat tells them. */
  listed(): readonly AttemptName[]
  /** Runs it and reports it; resolves when nothing of it is left to do. */
  run(claim: Claim): Promise<void>
  find(which: AttemptName): Attempt | undefined
  stopAll(...how: Parameters<Attempt['stop']>): void
}

const keyOf = ({ executionId, taskName, attempt }: AttemptName): string => `${executionId}/${taskName}/${attempt}`

export const newAttempts = (session: Session): Attempts => {
  const live = new Map<string, Attempt>()
  return {
    listed: () =>
      [...live.values()].map(({ claim: { executionId, taskName, attempt } }) => ({ executionId, taskName, attempt })),
    run: async (claim) => {
      const attempt = newAttempt(session, claim)
      live.set(keyOf(claim), attempt)
      await attempt.run()
      live.delete(keyOf(claim))
    },
    find: (which) => live.get(keyOf(which)),
    stopAll: (...how) => live.forEach((attempt) => attempt.stop(...how)),
  }
}
