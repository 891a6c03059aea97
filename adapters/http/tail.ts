/**
 * The end of the feed, read once for everybody who waits for something to happen: claims, logs that are followed, live
 * events. Asleep while nobody does.
 */
import type { FeedCommit } from '../../domain/ports.ts'
import type { House } from './house.ts'

export type Listener = (commits: readonly FeedCommit[]) => void

export interface Tail {
  /** Everything that is appended after this resolves reaches the listener, once or more. Answers how to stop. */
  listen: (listener: Listener) => Promise<() => void>
}

type Ports = Pick<House, 'history' | 'log'>

interface State {
  listeners: Set<Listener>
  /** Where the feed has been read to; undefined while nobody listens. */
  cursor: string | undefined
  begun: Promise<void> | undefined
  stopHearing: () => void
  isReading: boolean
  /** Something was appended since the last look. */
  isMore: boolean
  failureCount: number
}

const pageCountMax = 500
/** When reading fails, it is tried again after this. */
const againMs = 1_000

export const createTail = (ports: Ports): Tail => {
  const state: State = {
    listeners: new Set(),
    cursor: undefined,
    begun: undefined,
    stopHearing: () => {},
    isReading: false,
    isMore: false,
    failureCount: 0,
  }
  return {
    listen: async (listener) => {
      state.listeners.add(listener)
      state.begun ??= begin(state, ports)
      try {
        await state.begun
      } catch (error) {
        stop(state, listener)
        throw error
      }
      return () => stop(state, listener)
    },
  }
}

const begin = async (state: State, ports: Ports): Promise<void> => {
  state.stopHearing = ports.history.onAppend(() => wake(state, ports))
  state.cursor = await ports.history.feedEnd()
}

const stop = (state: State, listener: Listener): void => {
  if (!state.listeners.delete(listener) || state.listeners.size > 0) return
  state.stopHearing()
  state.begun = undefined
  state.cursor = undefined
  state.isMore = false
}

const wake = (state: State, ports: Ports): void => {
  state.isMore = true
  if (state.isReading || state.cursor === undefined) return
  state.isReading = true
  void readOn(state, ports).finally(() => {
    state.isReading = false
    if (state.isMore && state.listeners.size > 0) wake(state, ports)
  })
}

const readOn = async (state: State, ports: Ports): Promise<void> => {
  try {
    while (state.isMore && state.cursor !== undefined) {
      state.isMore = false
      const page = await ports.history.feed(state.cursor, pageCountMax)
      if (page.commits.length === 0 || state.listeners.size === 0) continue
      state.isMore = true
      state.cursor = page.cursor
      for (const listener of state.listeners) listener(page.commits)
    }
  } catch (error) {
    state.isMore = false
    state.failureCount += 1
    const facts = { err: error, count: state.failureCount }
    ports.log.error(facts, 'the end of the feed could not be read: what waits for it wakes late')
    setTimeout(() => wake(state, ports), againMs).unref()
  }
}
