/** Lets many wait for what one loop brings about. */
export interface Progress {
  /** Something has happened: all who wait look again. */
  happened: () => void
  /** Whether it is so, now or within the time; false when the time is up, or the house closes. */
  until: (isSo: () => boolean | Promise<boolean>, timeoutMs: number) => Promise<boolean>
  /** Nobody waits any longer. */
  end: () => void
}

export const openProgress = (): Progress => {
  let next = Promise.withResolvers<void>()
  let isOver = false
  const happened = (): void => {
    const { resolve } = next
    next = Promise.withResolvers()
    resolve()
  }
  return {
    happened,
    until: async (isSo, timeoutMs) => {
      const timeout = Promise.withResolvers<'timeout'>()
      let timer: NodeJS.Timeout | undefined
      try {
        for (;;) {
          // Taken before looking, so that nothing happens unseen in between.
          const { promise } = next
          if (await isSo()) return true
          if (isOver) return false
          timer ??= setTimeout(() => timeout.resolve('timeout'), timeoutMs)
          if ((await Promise.race([promise, timeout.promise])) === 'timeout') return await isSo()
        }
      } finally {
        clearTimeout(timer)
      }
    },
    end: () => {
      isOver = true
      happened()
    },
  }
}
