import { setTimeout as sleep } from 'node:timers/promises'

/** How often a group that was told to end is looked at. */
const lookEveryMs = 20
/** After SIGKILL: a process in an uninterruptible wait, or one that nobody reaps, is not waited for longer. */
const killedWithinMs = 1_000

/** Sends to every process of the group (0: only looks); whether there is one. One that we may not signal is there. */
export const signalGroup = (groupId: number, signal: NodeJS.Signals | 0): boolean => {
  // 0 and 1 would be our own group and everybody's.
  if (groupId <= 1) throw new Error(`not a process group of ours: ${groupId}`)
  try {
    process.kill(-groupId, signal)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

const goneBy = async (groupId: number, until: () => number): Promise<boolean> => {
  while (signalGroup(groupId, 0)) {
    if (performance.now() >= until()) return false
    await sleep(lookEveryMs)
  }
  return true
}

/**
 * Ends a group: SIGTERM, then SIGKILL at `until()` (of `performance.now()`, read again and again, so that it may be moved
 * nearer meanwhile). Resolves when the group is gone, or when it did not go for SIGKILL within a second.
 */
export const endGroup = async (groupId: number, until: () => number): Promise<void> => {
  signalGroup(groupId, 'SIGTERM')
  if (await goneBy(groupId, until)) return
  signalGroup(groupId, 'SIGKILL')
  const killedBy = performance.now() + killedWithinMs
  await goneBy(groupId, () => killedBy)
}
