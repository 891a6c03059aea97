import { setImmediate as nextTurn } from 'node:timers/promises'

/** Commits a batch. */
const batchMin = 16
const batchMax = 500
/** So long one works before others get their turn; where others take long, one may take this share of their time. */
const sliceMs = 2
const share = 0.3

/**
 * How much is done at a time: as much as fits into a slice, so that a request waits for one slice at most. A small batch
 * costs a little more per commit, a large one everybody's patience. Where the process is so busy that a turn is long in
 * coming, more is done in it: or who waits for the views would wait the longer the more there is to see.
 */
export const openPace = () => {
  let batch = batchMin * 4
  let longestMs = 0
  let turnMs = 0
  let resumedAt = 0
  const allowedMs = (): number => Math.max(sliceMs, turnMs * share)
  return {
    batch: () => batch,
    /** Lets others run, when one has worked for long enough. */
    turn: async (): Promise<void> => {
      const start = performance.now()
      if (start - resumedAt < allowedMs() / 2) return
      await nextTurn()
      resumedAt = performance.now()
      turnMs = resumedAt - start
    },
    /** Measures one synchronous step: an adapter's work in this process is done before its promise is. */
    timed: <Answer>(work: () => Promise<Answer>): Promise<Answer> => {
      const start = performance.now()
      const answer = work()
      longestMs = Math.max(longestMs, performance.now() - start)
      return answer
    },
    /** After a batch of so many: what the next one may be. */
    learn: (count: number): void => {
      if (longestMs > allowedMs()) batch = Math.max(batchMin, Math.floor(Math.min(batch, count) * 0.7))
      else if (count === batch) batch = Math.min(batchMax, Math.ceil(batch * 1.5))
      longestMs = 0
    },
  }
}
export type Pace = ReturnType<typeof openPace>
