import type { openPublisher } from '../../adapters/eventbridge/publisher.ts'
import type { Commit } from '../../domain/event.ts'
import type { StreamHandler } from '../../projections/handler.ts'
import { type BatchPorts, handling, type Worked } from './batch.ts'

export interface PublishConsumerPorts extends BatchPorts {
  publisher: Pick<ReturnType<typeof openPublisher>, 'publish'>
}

/**
 * Publishes the events of commits on the bus, each at least once. What the bus will never take is put aside, so that the
 * others get on; after an outage they come again from the first that has met it.
 */
export const openPublishConsumer = (ports: PublishConsumerPorts): StreamHandler =>
  handling('publish', ports, async (commits) => {
    const { sentCount, failures } = await ports.publisher.publish(commits)
    ports.counters.publishedEvents += sentCount
    const passing = failures.filter(({ isFinal }) => !isFinal)
    const lowest = passing.reduce((index, failure) => Math.min(index, failure.index), commits.length)
    const failed = passing.find(({ index }) => index === lowest)
    const final = failures.filter(({ isFinal }) => isFinal)
    return {
      poison: poisonOf(commits, final),
      ...(failed === undefined ? {} : { failed: { index: lowest, error: new Error(failed.error) } }),
    }
  })

type Final = { index: number; eventId: string; error: string }

/** One letter a commit, whichever of its events the bus refused. */
const poisonOf = (commits: readonly Commit[], failures: readonly Final[]): Worked['poison'] =>
  commits.flatMap((_, index) => {
    const own = failures.filter((failure) => failure.index === index)
    if (own.length === 0) return []
    const told = own.map(({ eventId, error }) => `${eventId}: ${error}`).join('; ')
    return [{ index, error: new Error(told) }]
  })
