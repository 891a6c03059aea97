import type { House } from '../../../adapters/http/house.ts'
import { openLeases } from '../../../adapters/memory/leases.ts'
import type { EventStore } from '../../../domain/ports.ts'
import { openCounters } from '../../../infra/counters.ts'
import { openLiveAttempts } from '../../../infra/liveness/liveAttempts.ts'
import { openLiveness } from '../../../infra/liveness/liveness.ts'

/** The real liveness over a house of a test: its clock is the test's, and the sweeper looks when it is asked to. */
export const openTestLiveness = (history: EventStore, now: () => string, settings: House['settings']) => {
  const clock = { read: () => Date.parse(now()) }
  const attempts = openLiveAttempts(clock.read, 2_000)
  const append: EventStore['append'] = async (commits, checks) => {
    const result = await history.append(commits, checks)
    if (result.kind === 'appended') attempts.learn(result.commits)
    return result
  }
  const over = (house: Pick<House, 'submit' | 'headOf' | 'newId' | 'views' | 'log'>) =>
    openLiveness({
      ...house,
      store: openLeases(),
      attempts,
      clock,
      settings: { ...settings, suspectAfterMs: 30_000, lossFreezeMsMax: 600_000 },
      counters: openCounters(),
      tenant: 'default',
      now,
      ready: Promise.resolve(true),
    })
  return { history: { ...history, append }, over }
}
