import { type Attempt, newAttempt } from './attempt.ts'
import { type AttemptName, type Claim, nameOf, type Session } from './session.ts'

/** The attempts of a session: those that run or whose report nobody has taken yet, and the newest of those that are over. */
export interface Attempts {
  /** As a heartbeat tells them: those that are not over. */
  listed(): readonly AttemptName[]
  /** Runs it and reports it; resolves when nothing of it is left to do. */
  run(claim: Claim): Promise<void>
  find(which: AttemptName): Attempt | undefined
  /** Runs here, or did: it is not to be run again, whoever gives it. */
  knows(which: AttemptName): boolean
  stopAll(...how: Parameters<Attempt['stop']>): void
}

/** So many that are over are remembered. */
const overCountMax = 1_000

const keyOf = ({ executionId, taskName, attempt }: AttemptName): string => `${executionId}/${taskName}/${attempt}`

export const newAttempts = (session: Session): Attempts => {
  const live = new Map<string, Attempt>()
  const over = new Set<string>()
  return {
    listed: () => [...live.values()].map(({ claim }) => nameOf(claim)),
    run: async (claim) => {
      const attempt = newAttempt(session, claim)
      const key = keyOf(claim)
      live.set(key, attempt)
      await attempt.run()
      over.add(key)
      for (const oldest of over) if (over.size > overCountMax) over.delete(oldest)
      live.delete(key)
    },
    find: (which) => live.get(keyOf(which)),
    knows: (which) => live.has(keyOf(which)) || over.has(keyOf(which)),
    stopAll: (...how) => live.forEach((attempt) => attempt.stop(...how)),
  }
}
