import { setTimeout as wait } from 'node:timers/promises'
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { type Feed, openFeed } from '../../adapters/dynamodb/feed.ts'
import { type HistoryOptions, openHistory } from '../../adapters/dynamodb/history.ts'
import { tableName } from '../../adapters/dynamodb/layout.ts'
import type { EventStore } from '../../domain/ports.ts'
import { keyOf, streamOf } from './dynamodbStream.ts'

/**
 * What runs beside the store in a deployment: reads the records of the history's table and publishes them in the feed.
 * Here it is set off by each append, and who reads the feed waits for it.
 */
export const openPublisher = (endpoint: string, tablePrefix: string, feed: Feed) => {
  const records = streamOf(endpoint, tableName('history', tablePrefix))
  const missing = new Set<string>()
  let publishing = Promise.resolve()
  const publish = async (): Promise<void> => {
    while (missing.size > 0) {
      const keys = (await records()).map(keyOf)
      if (keys.length === 0) await wait(1)
      await feed.publish(keys)
      for (const { stream, version } of keys) missing.delete(`${stream}@${version}`)
    }
  }
  return {
    /** Once all that was told of is in the feed. */
    settled: (): Promise<void> => (publishing = publishing.catch(() => {}).then(publish)),
    tell: (stream: string, version: number): void => {
      missing.add(`${stream}@${version}`)
    },
  }
}

/** A history whose feed is complete to whoever asks for it. */
export const openPublished = (client: DynamoDBClient, endpoint: string, tablePrefix: string) => {
  const feed = openFeed({ client, tablePrefix })
  const publisher = openPublisher(endpoint, tablePrefix, feed)
  const open = (options: Omit<HistoryOptions, 'client' | 'feed'> = {}): EventStore => {
    const store = openHistory({ client, tablePrefix, feed, ...options })
    return {
      ...store,
      append: async (commits, checks) => {
        const result = await store.append(commits, checks)
        if (result.kind === 'conflict') return result
        for (const { stream, version } of result.commits) publisher.tell(stream, version)
        // The engine may be gone by then; what is missing is published, or fails, when somebody asks for it.
        publisher.settled().catch(() => {})
        return result
      },
      feed: async (...asked) => publisher.settled().then(async () => store.feed(...asked)),
      feedEnd: async () => publisher.settled().then(async () => store.feedEnd()),
    }
  }
  return { open, settled: publisher.settled, close: () => feed.close() }
}
