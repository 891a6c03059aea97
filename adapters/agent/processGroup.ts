import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** How often a group that was told to end is looked at: soon at first, then less and less often. */
const lookAfterMs = { first: 10, longest: 320 }
/** After SIGKILL: a process in an uninterruptible wait is not waited for longer. */
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

/**
 * Ends a group: SIGTERM, then SIGKILL at `until()` (of `performance.now()`, read again and again, so that it may be moved
 * nearer meanwhile). Resolves true when the group is gone, false when it did not go for SIGKILL within a second.
 */
export const endGroup = async (groupId: number, until: () => number): Promise<boolean> => {
  signalGroup(groupId, 'SIGTERM')
  if (await goneBy(groupId, until)) return true
  signalGroup(groupId, 'SIGKILL')
  const killedBy = performance.now() + killedWithinMs
  return goneBy(groupId, () => killedBy)
}

const goneBy = async (groupId: number, until: () => number): Promise<boolean> => {
  for (let waitMs = lookAfterMs.first; isAlive(groupId); waitMs = Math.min(2 * waitMs, lookAfterMs.longest)) {
    const leftMs = until() - performance.now()
    if (leftMs <= 0) return false
    await sleep(Math.min(waitMs, leftMs))
  }
  return true
}

/** What has ended but is not fetched by its parent does nothing any more: in a container without an init, for ever. */
export const isAlive = (groupId: number): boolean =>
  signalGroup(groupId, 0) && statesIn(groupId)?.every(isOver) !== true
const isOver = (state: string): boolean => state === 'Z' || state === 'X'

/** The states of a group's processes, as /proc has them; undefined where there is none. */
const statesIn = (groupId: number): readonly string[] | undefined => {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((pid) => statusOf(Number(pid)))
      .flatMap((fields) => (fields?.[2] === String(groupId) ? (fields[0] ?? []) : []))
  } catch {
    return undefined
  }
}

/** What stands in /proc/{pid}/stat after the name: state, parent, group, … start time at 19; undefined for no process. */
export const statusOf = (pid: number): readonly string[] | undefined => {
  try {
    const status = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name, in parentheses, may hold anything.
    return status.slice(status.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}

/** Knows a process group again, also after its number was given to another; undefined where there is no /proc. */
export const traceOf = (pid: number | undefined): string | undefined => {
  const startedAt = pid === undefined ? undefined : startTimeOf(pid)
  return startedAt === undefined ? undefined : `${pid} ${startedAt}`
}

/** The group of a trace; undefined when its leader is gone, or is another process by now, or it is no trace of ours. */
export const groupOf = (trace: string): number | undefined => {
  const { pid, startedAt } = partsOf(trace)
  return startedAt !== undefined && startedAt === startTimeOf(pid) ? pid : undefined
}

/**
 * The same for who saw it a moment ago: what its leader has left counts too. A number is not given away while its group has
 * somebody in it, nor while its parent has not fetched the leader; after that, this is for moments and not for lives.
 */
export const recentGroupOf = (trace: string): number | undefined => {
  const { pid, startedAt } = partsOf(trace)
  const now = startTimeOf(pid)
  return startedAt !== undefined && (now === undefined || now === startedAt) ? pid : undefined
}

const partsOf = (trace: string): { pid: number; startedAt: string | undefined } => {
  const [, pid, startedAt] = /^(\d+) (\d+)$/.exec(trace) ?? []
  return Number(pid) > 1 ? { pid: Number(pid), startedAt } : { pid: 0, startedAt: undefined }
}

/** When a process was started, in the kernel's ticks since boot; undefined for none. */
const startTimeOf = (pid: number): string | undefined => statusOf(pid)?.[19]
