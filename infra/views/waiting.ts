/** Somebody who waits for a number that only grows to reach a minimum. */
interface Waiter {
  minimum: number
  answer: (isReached: boolean) => void
}

/**
 * Waits for numbers by name, such as the versions of rows. Whoever makes a number grow tells just those who wait for it,
 * so that thousands may wait.
 */
export const openWaiting = (timeoutMs: number) => {
  const byName = new Map<string, Set<Waiter>>()
  let isOver = false
  return {
    /** Waits for the number to be told; `promise` is false when the time is up. `answer` ends it otherwise. */
    until: (name: string, minimum: number) => {
      const { promise, resolve } = Promise.withResolvers<boolean>()
      const waiters = byName.get(name) ?? new Set()
      const answer = (isReached: boolean): void => {
        clearTimeout(timer)
        if (waiters.delete(waiter) && waiters.size === 0) byName.delete(name)
        resolve(isReached)
      }
      const waiter: Waiter = { minimum, answer }
      const timer = setTimeout(answer, timeoutMs, false)
      byName.set(name, waiters.add(waiter))
      if (isOver) answer(false)
      return { promise, answer }
    },
    tell: (name: string, value: number): void => {
      for (const waiter of byName.get(name) ?? []) if (value >= waiter.minimum) waiter.answer(true)
    },
    /** What is waited for. */
    names: (): readonly string[] => [...byName.keys()],
    /** Nobody waits any longer. */
    end: (): void => {
      isOver = true
      for (const waiters of byName.values()) for (const waiter of waiters) waiter.answer(false)
    },
  }
}
