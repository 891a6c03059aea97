import { fault } from '../../domain/faults.ts'

/** Requests of one store under way at once: the client keeps as many connections. */
export const underWayCountMax = 64
/** Requests waiting for their turn: more means that the engine does not keep up, and answers would come too late. */
const waitingCountMax = 10_000

/**
 * Lets so many through at once, the others in the order they came. A burst would otherwise wait inside the SDK, whose
 * timeouts run while a request waits for a connection. Rejects with the fault `storage-unusable` when too many wait, which
 * names what they wait for.
 */
export const openGate = (what = 'the history') => {
  const waiting: Array<() => void> = []
  let underWayCount = 0
  const enter = async (): Promise<void> => {
    if (underWayCount < underWayCountMax) {
      underWayCount++
      return
    }
    if (waiting.length >= waitingCountMax)
      throw fault('storage-unusable', `${what} is busy: ${waiting.length} requests are waiting for the engine`)
    await new Promise<void>((resolve) => {
      waiting.push(resolve)
    })
  }
  /** Hands the place on, so that nobody overtakes who waits. */
  const leave = (): void => {
    const next = waiting.shift()
    if (next === undefined) underWayCount--
    else next()
  }
  return async <Answer>(work: () => Promise<Answer>): Promise<Answer> => {
    await enter()
    try {
      return await work()
    } finally {
      leave()
    }
  }
}
