import { type CommitKey, entryOf, type Feed } from '../../adapters/dynamodb/feed.ts'
import { mappings } from '../../adapters/dynamodb/mappings.ts'
import type { Segmented } from '../../adapters/dynamodb/segments.ts'
import type { StreamHandler, StreamRecord } from '../../projections/handler.ts'

export interface RedriveFeedPorts {
  history: Segmented
  feed: Pick<Feed, 'names' | 'end'>
  /** What lies in history at a position, as a record. */
  stored: (key: CommitKey, sequenceNumber: string) => Promise<StreamRecord | undefined>
  /** Each is given what is missing, before the next one is: the last one names it in the feed. */
  handlers: readonly StreamHandler[]
  /** So many names are held in memory at most; of a longer feed history is scanned several times. Default 500 000. */
  nameCountMax?: number
}

export interface RedrivenFeed {
  commitCount: number
  lackingCount: number
}

const namesReadCount = 10_000

/**
 * Does again what is in history and not in the feed, whoever has lost it: a stream that nobody read for a day. What is on its
 * way to the feed meanwhile may be done twice, as anything that a consumer does. Rejects when it meets an outage; what is
 * named by then is not done again.
 */
export const redriveFeed = async (ports: RedriveFeedPorts): Promise<RedrivenFeed> => {
  const { feed, nameCountMax = 500_000 } = ports
  const partCount = Math.max(1, Math.ceil(Number(await feed.end()) / nameCountMax))
  const told = { commitCount: 0, lackingCount: 0 }
  for (let part = 0; part < partCount; part++)
    await redrivePart(ports, (name) => hashOf(name) % partCount === part, told)
  return told
}

const redrivePart = async (
  ports: RedriveFeedPorts,
  isOwn: (name: string) => boolean,
  told: RedrivenFeed,
): Promise<void> => {
  const named = openNamed(ports.feed, isOwn)
  await named.learn()
  const { batchSize } = mappings.project
  let waiting = new Map<string, CommitKey>()
  const flush = async (): Promise<void> => {
    if (waiting.size === 0) return
    // What was appended a moment ago has come meanwhile.
    await named.learn()
    for (const name of waiting.keys()) if (named.has(name)) waiting.delete(name)
    const batch = [...waiting]
    waiting = new Map()
    await redriveBatch(ports, batch)
    told.lackingCount += batch.length
  }
  for (const segment of ports.history.segments(1))
    for await (const page of segment)
      for (const { stream, version } of page) {
        const name = entryOf({ stream, version })
        if (!isOwn(name)) continue
        told.commitCount++
        if (!named.has(name)) waiting.set(name, { stream, version })
        if (waiting.size === batchSize) await flush()
      }
  await flush()
}

/** The feed's names, as far as they are of one part, up to the last look. */
const openNamed = (feed: Pick<Feed, 'names'>, isOwn: (name: string) => boolean) => {
  const names = new Set<string>()
  let position = 0
  return {
    has: (name: string): boolean => names.has(name),
    learn: async (): Promise<void> => {
      for (;;) {
        const found = await feed.names(position, namesReadCount)
        for (const name of found) if (isOwn(name)) names.add(name)
        position += found.length
        if (found.length < namesReadCount) return
      }
    },
  }
}

const redriveBatch = async (
  { stored, handlers }: RedriveFeedPorts,
  batch: readonly (readonly [string, CommitKey])[],
): Promise<void> => {
  if (batch.length === 0) return
  const records = await Promise.all(batch.map(([name, key]) => stored(key, name)))
  const found = records.filter((record) => record !== undefined)
  if (found.length < batch.length) throw new Error('history has lost commits: verify it')
  for (const handler of handlers) {
    const { batchItemFailures } = await handler({ Records: found })
    if (batchItemFailures.length > 0) throw new Error('it has met an outage: try again')
  }
}

/** FNV-1a. */
const hashOf = (text: string): number => {
  let hash = 0x81_1c_9d_c5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01_00_01_93)
  return hash >>> 0
}
