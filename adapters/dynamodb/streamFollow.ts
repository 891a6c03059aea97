import type { Instant } from '../../domain/ids.ts'
import type { ViewStore } from '../../domain/ports.ts'
import type { StreamHandler, StreamRecord } from '../../projections/handler.ts'
import { type Letters, recordsLost, type StreamConsumer } from '../../projections/letters.ts'
import { tableName } from './layout.ts'
import type { Mapping } from './mappings.ts'
import { type Checkpoints, openCheckpoints, shardEnd, type Unfinished } from './streamCheckpoints.ts'
import { pauseMs, readShard, type ShardOptions } from './streamShard.ts'
import { type Shard, type StreamsClient, shardsOf, streamOf } from './streams.ts'
import type { Waking } from './streamWaking.ts'

/** As pino has it. */
interface RunnerLog {
  info: (facts: object, message: string) => void
  error: (facts: object, message: string) => void
}

export interface Stuck {
  consumer: StreamConsumer
  sinceMs: number
  error: unknown
}

/** What the consumers of one runner share. */
export interface FollowOptions {
  /** See `connectStreams`; the caller's to destroy, after `stop`. */
  streams: StreamsClient
  /** Default `benchplane-`. */
  tablePrefix?: string
  /** Of rows that no rebuild replaces: how far each consumer is outlives every set of rows. */
  checkpoints: Pick<ViewStore, 'checkpoint' | 'saveCheckpoint'>
  /** Where a range goes that was given up. */
  letters: Pick<Letters, 'keepRange'>
  log: RunnerLog
  /** How often a shard is looked at in which nothing happens. Default 250: the service does it four times a second. */
  pollEveryMs?: number
  /** How often new shards are looked for. Default 10 000. */
  discoverEveryMs?: number
  /** How long a checkpoint waits to be saved with those that follow: a crash repeats as much. Default 500. */
  saveEveryMs?: number
}

/** One consumer at work. */
export interface Run extends FollowOptions {
  consumer: StreamConsumer
  handler: StreamHandler
  settings: Mapping
  now: () => Instant
  pausesMs: readonly number[]
  waking: Waking
  lagsMs: Map<string, number>
  /** By shard, and for the looking for shards. */
  troubles: Map<string, Stuck>
}

const looking = 'looking for shards'

const trouble = (run: Run, what: string, error: unknown): void => {
  const { consumer, troubles, log, now } = run
  const sinceMs = troubles.get(what)?.sinceMs ?? Date.parse(now())
  troubles.set(what, { consumer, sinceMs, error })
  log.error({ consumer, shard: what, count: 1, err: error }, 'a consumer of the history’s stream cannot get on')
}

/** Feeds one consumer until all is to end. Never rejects. */
export const follow = async (run: Run): Promise<void> => {
  const { waking, pausesMs, streams, tablePrefix } = run
  for (let failureCount = 0; !waking.isStopped(); failureCount++)
    try {
      const streamArn = await streamOf(streams, tableName('history', tablePrefix), waking.signal)
      const checkpoints = await checkpointsOf(run, streamArn)
      run.troubles.delete(looking)
      return await readAll(run, { streamArn, checkpoints })
    } catch (error) {
      if (waking.isStopped()) return
      trouble(run, looking, error)
      await waking.pause(pauseMs(pausesMs, failureCount))
    }
}

const saving = 'saving checkpoints'

const checkpointsOf = (run: Run, streamArn: string): Promise<Checkpoints> => {
  const { checkpoints, consumer, saveEveryMs } = run
  const saveCheckpoint: ViewStore['saveCheckpoint'] = async (name, cursor) => {
    await checkpoints.saveCheckpoint(name, cursor)
    run.troubles.delete(saving)
  }
  const store = { checkpoint: checkpoints.checkpoint, saveCheckpoint }
  const onFailure = (error: unknown): void => trouble(run, saving, error)
  return openCheckpoints({ store, consumer, streamArn, saveEveryMs, onFailure })
}

/** Reads every shard, parents before their children, until all is to end. */
const readAll = async (run: Run, found: Pick<ShardOptions, 'streamArn' | 'checkpoints'>): Promise<void> => {
  const { waking, pausesMs, discoverEveryMs = 10_000, streams } = run
  const { checkpoints } = found
  const reading = new Map<string, Promise<void>>()
  for (let failureCount = 0; !waking.isStopped(); )
    try {
      const shards = await shardsOf(streams, found.streamArn, waking.signal)
      run.troubles.delete(looking)
      failureCount = 0
      await forget(run, checkpoints, new Set([...shards.map(({ id }) => id), ...reading.keys()]))
      for (const { id } of readable(shards, checkpoints.of).filter((shard) => !reading.has(shard.id)))
        reading.set(
          id,
          readShard(shardOptions(run, found, id)).finally(() => reading.delete(id)),
        )
      await Promise.race([waking.pause(discoverEveryMs), ...reading.values()])
    } catch (error) {
      if (waking.isStopped()) break
      trouble(run, looking, error)
      await waking.pause(pauseMs(pausesMs, failureCount++))
    }
  await Promise.all(reading.values())
  await checkpoints.close()
}

/** Shards that are gone need not be known any more, once it is noted which of them were not done. */
const forget = async (run: Run, checkpoints: Checkpoints, shardIds: ReadonlySet<string>): Promise<void> => {
  for (const shard of checkpoints.unfinished(shardIds)) await lost(run, shard)
  checkpoints.keepOnly(shardIds)
}

/** Those that are not done, and whose parent is done, or gone. */
const readable = (shards: readonly Shard[], reached: (shardId: string) => string | undefined): readonly Shard[] => {
  const known = new Set(shards.map(({ id }) => id))
  const isDone = (id: string): boolean => reached(id) === shardEnd
  return shards.filter(
    ({ id, parentId }) => !isDone(id) && (parentId === undefined || !known.has(parentId) || isDone(parentId)),
  )
}

const shardOptions = (
  run: Run,
  found: Pick<ShardOptions, 'streamArn' | 'checkpoints'>,
  shardId: string,
): ShardOptions => {
  const { settings, now } = run
  return {
    ...found,
    shardId,
    client: run.streams,
    handler: run.handler,
    mapping: settings,
    batchSize: settings.batchSize,
    pollEveryMs: run.pollEveryMs ?? 250,
    pausesMs: run.pausesMs,
    waking: run.waking,
    nowMs: () => Date.parse(now()),
    onTrouble: (error) => trouble(run, shardId, error),
    onFine: () => void run.troubles.delete(shardId),
    onLag: (_, lagMs) => void run.lagsMs.set(shardId, lagMs),
    onTrimmed: (reached) => lost(run, { streamArn: found.streamArn, shardId, reached }),
    giveUp: (records, reason) => giveUp(run, { streamArn: found.streamArn, shardId }, records, reason),
  }
}

/** What came after this is gone: a letter stays of it until it is made good. Rejects when that cannot be noted anywhere. */
const lost = async ({ consumer, letters, log, now }: Run, { reached, ...place }: Unfinished): Promise<void> => {
  const range = { startSequenceNumber: reached, endSequenceNumber: reached, recordCount: 0 }
  await letters.keepRange({ consumer, ...place, ...range, reason: recordsLost, at: now() })
  log.error(
    { consumer, ...place, reached, count: 1 },
    'the history’s stream was not read in time, and what it had may be gone: benchplane redrive says what to do',
  )
}

const giveUp = async (
  { consumer, letters, log, now }: Run,
  place: { streamArn: string; shardId: string },
  records: readonly StreamRecord[],
  reason: string,
): Promise<void> => {
  const sequenceNumber = (record: StreamRecord | undefined): string => record?.dynamodb?.SequenceNumber ?? ''
  const range = {
    startSequenceNumber: sequenceNumber(records[0]),
    endSequenceNumber: sequenceNumber(records.at(-1)),
    recordCount: records.length,
  }
  await letters.keepRange({ consumer, ...place, ...range, reason, at: now() })
  log.error({ consumer, ...place, ...range, reason, count: records.length }, 'records were given up, and put aside')
}
