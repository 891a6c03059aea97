/** Those who wait for logs to grow. */

/** A log that does not grow is looked at half as often each time, down to this. */
const pollMsMax = 30_000

interface Followed {
  listeners: Set<() => void>
  /** As far as its followers have been told. */
  size?: number
  timer?: NodeJS.Timeout
  pauseMs: number
}

/**
 * Growth through this process is told at once; through others when a look at the log shows it, and only while somebody
 * follows. Where that look fails, followers are told to look themselves: they then meet the outage, and tell it.
 */
export const openFollowers = (sizeOf: (prefix: string) => Promise<number>, pollMs: number) => {
  const all = new Map<string, Followed>()

  const tell = (prefix: string, size: number | undefined): void => {
    const followed = all.get(prefix)
    if (followed === undefined) return
    if (size !== undefined) followed.size = Math.max(size, followed.size ?? 0)
    for (const listener of followed.listeners) listener()
  }

  const look = async (prefix: string, followed: Followed): Promise<void> => {
    const { size: before } = followed
    const size = await sizeOf(prefix).catch(() => undefined)
    if (all.get(prefix) !== followed) return
    const hasGrown = before === undefined ? size !== 0 : size === undefined || size > (followed.size ?? 0)
    if (hasGrown) tell(prefix, size)
    else if (size !== undefined) followed.size = Math.max(size, followed.size ?? 0)
    followed.pauseMs = hasGrown ? pollMs : Math.min(pollMsMax, followed.pauseMs * 2)
    lookLater(prefix, followed)
  }
  const lookLater = (prefix: string, followed: Followed): void => {
    followed.timer = setTimeout(() => void look(prefix, followed), followed.pauseMs).unref()
  }

  const follow = (prefix: string, listener: () => void): (() => void) => {
    const followed = all.get(prefix) ?? { listeners: new Set(), pauseMs: pollMs }
    followed.listeners.add(listener)
    if (!all.has(prefix)) lookLater(prefix, followed)
    all.set(prefix, followed)
    return () => {
      followed.listeners.delete(listener)
      if (followed.listeners.size > 0 || all.get(prefix) !== followed) return
      clearTimeout(followed.timer)
      all.delete(prefix)
    }
  }
  return { tell, follow }
}
