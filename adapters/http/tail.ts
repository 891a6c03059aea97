/**
 * The end of the feed, read once for everybody who waits for something to happen: claims, logs that are followed, live
 * events. Asleep while nobody does.
 */
import type { FeedCommit } from '../../domain/ports.ts'
import type { House } from './house.ts'

export type Listener = (commits: readonly FeedCommit[]) => void

export interface Tail {
  /** Everything that is appended after this resolves reaches the listener, once or more. Answers how to stop. */
  listen(listener: Listener): Promise<() => void>
}

const pageCountMax = 500
/** When reading fails, it is tried again after this. */
const againMs = 1_000

export const createTail = ({ history, log }: Pick<House, 'history' | 'log'>): Tail => {
  const listeners = new Set<Listener>()
  let cursor: string | undefined
  let begun: Promise<void> | undefined
  let stopHearing = (): void => {}
  let isReading = false
  let isMore = false
  let failureCount = 0

  const begin = async (): Promise<void> => {
    stopHearing = history.onAppend(wake)
    cursor = await history.feedEnd()
  }

  const wake = (): void => {
    isMore = true
    if (isReading || cursor === undefined) return
    isReading = true
    void readOn().finally(() => {
      isReading = false
      if (isMore && listeners.size > 0) wake()
    })
  }

  const readOn = async (): Promise<void> => {
    try {
      while (isMore && listeners.size > 0) {
        isMore = false
        const page = await history.feed(cursor, pageCountMax)
        if (page.commits.length === 0) continue
        isMore = true
        cursor = page.cursor
        for (const listener of listeners) listener(page.commits)
      }
    } catch (error) {
      failureCount += 1
      log.error(
        { err: error, count: failureCount },
        'the end of the feed could not be read: what waits for it wakes late',
      )
      isMore = false
      setTimeout(wake, againMs).unref()
    }
  }

  const stop = (listener: Listener): void => {
    if (!listeners.delete(listener) || listeners.size > 0) return
    stopHearing()
    begun = undefined
    cursor = undefined
    isMore = false
  }

  return {
    listen: async (listener) => {
      listeners.add(listener)
      begun ??= begin()
      try {
        await begun
      } catch (error) {
        stop(listener)
        throw error
      }
      return () => stop(listener)
    },
  }
}
