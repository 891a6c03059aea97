/** In the place of what functions do in a deployment. */
import type { StreamRunner } from '../../adapters/dynamodb/streamRunner.ts'
import type { startClock } from '../clock.ts'
import type { startReactor } from '../reactor.ts'

/** The loops that follow the stream, and send Ticks. */
export interface StreamLoops {
  runner: StreamRunner
  clock: ReturnType<typeof startClock>
}

const nothing = (): void => {}
const done = async (): Promise<void> => {}

export const idleStream: StreamLoops = {
  runner: { wake: nothing, lagMs: () => 0, stuck: () => undefined, stop: done },
  clock: { arm: nothing, wake: nothing, stop: done },
}

/** `cursor`: how far the views are known to be. */
export const idleReactor = (cursor: () => string): ReturnType<typeof startReactor> => ({
  cursor,
  offer: nothing,
  stop: done,
})
