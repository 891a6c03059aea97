import { keepGuard } from './guardProcess.ts'
import { groupOf } from './processGroup.ts'
import type { AgentSettings } from './settings.ts'
import { monotonicMs, timesOf, type Watch, type Watched } from './watch.ts'

/** The agent's side of its guard: what is to be ended should the agent not be there to do it. */
export interface Guard {
  /** Resolves once what guarded an earlier life of this agent is done: two power-off hooks, or a test and one, never meet. */
  ready(): Promise<void>
  /** From now on an attempt does something to its bench. The first one starts the guard. */
  watch(attempt: { name: string; benchId: string }): GuardedAttempt
  /** The lease as it is now: `endsAtMs` of `performance.now()`. */
  renew(endsAtMs: number, leaseMs: number): void
  /** The agent ends what runs itself: until shortly before the end of this lease it is left to it. */
  ending(): void
  /** What an agent that is at it has left before the guard does it; zero or less afterwards. */
  leftMs(): number
  /** Nothing is left to guard; resolves when the guard is gone. */
  close(): Promise<void>
}

export interface GuardedAttempt {
  /** What may be a process group runs for it. */
  started: (trace: string) => void
  ended: (trace: string) => void
  /** The bench is at rest, or its power-off hook runs. */
  over: () => void
  /** The guard has taken the powering off upon itself. */
  isPoweredOff: () => Promise<boolean>
}

export const newGuard = (settings: Pick<AgentSettings, 'hooks' | 'workDir' | 'note' | 'alarm'>): Guard => {
  const { hooks, workDir } = settings
  const attempts: Attempts = new Map()
  let lease = { endsAtMs: 0, leaseMs: 0 }
  let isEnding = false
  const watch = (): Watch | undefined =>
    attempts.size === 0
      ? undefined
      : { attempts: [...attempts.values()], times: timesOf(lease, isEnding), hooks, workDir }
  let poweredOff = new Set<string>()
  const process = keepGuard(settings, watch, (told) => void poweredOff.add(told.poweredOff))
  return {
    ready: process.ready,
    watch: ({ name, benchId }) => {
      // Of those that are over nobody asks any more.
      poweredOff = poweredOff.intersection(attempts)
      attempts.set(name, { name, benchId, groups: [] })
      process.tell()
      const isPoweredOff = async (): Promise<boolean> => {
        await process.heard()
        return poweredOff.has(name)
      }
      return { ...guardedAttempt(attempts, name, process.tell), isPoweredOff }
    },
    renew: (endsAtMs, leaseMs) => {
      // Told on the clock that both have: however late the line is read, it says the same.
      lease = { endsAtMs: endsAtMs - performance.now() + monotonicMs(), leaseMs }
      isEnding = false
      process.tell()
    },
    ending: () => {
      isEnding = true
      process.tell()
    },
    leftMs: () => timesOf(lease, true).actAtMs - monotonicMs(),
    close: async () => {
      attempts.clear()
      await process.close()
    },
  }
}

type Attempts = Map<string, Watched>

const guardedAttempt = (
  attempts: Attempts,
  name: string,
  tell: () => void,
): Pick<GuardedAttempt, 'started' | 'ended' | 'over'> => {
  const change = (groupsOf: (groups: readonly string[]) => readonly string[]): void => {
    const attempt = attempts.get(name)
    if (attempt === undefined) return
    attempts.set(name, { ...attempt, groups: groupsOf(attempt.groups) })
    tell()
  }
  return {
    started: (trace) => {
      // Others are for the runner's own `endLeftOver`.
      if (groupOf(trace) !== undefined) change((groups) => [...groups, trace])
    },
    ended: (trace) => change((groups) => groups.filter((each) => each !== trace)),
    over: () => {
      if (attempts.delete(name)) tell()
    },
  }
}
