import { z } from 'zod'
import type { ViewStore } from '../../domain/ports.ts'

/** A shard's last sequence number that is done, or that all of it is. */
export type Reached = string

export const shardEnd = 'end'

const Kept = z.object({ streamArn: z.string(), shards: z.record(z.string(), z.string()) })
type KeptShards = z.output<typeof Kept>

/** So long one saving waits for the next: a crash repeats as much. */
const saveEveryMsDefault = 500

export interface CheckpointOptions {
  store: Pick<ViewStore, 'checkpoint' | 'saveCheckpoint'>
  consumer: string
  streamArn: string
  saveEveryMs?: number | undefined
  onFailure: (error: unknown) => void
}

/**
 * How far a consumer is in each shard of a stream: one item, written at most so often, whose loss costs repeats only. It may
 * fall back when two write it, never get ahead of what was done.
 */
export const openCheckpoints = async (options: CheckpointOptions) => {
  const { store, consumer, streamArn } = options
  const name = `stream/${consumer}`
  const state = openState(await read(store, name), streamArn)
  const saving = openSaving(options, () => store.saveCheckpoint(name, state.cursor()))
  return {
    of: state.of,
    set: (shardId: string, reached: Reached): void => {
      state.set(shardId, reached)
      saving.isDue()
    },
    unfinished: state.unfinished,
    /** Shards that are gone need not be known any more. */
    keepOnly: (shardIds: ReadonlySet<string>): void => {
      if (state.keepOnly(shardIds)) saving.isDue()
    },
    /** Saves what is not saved yet. */
    close: saving.close,
  }
}
export type Checkpoints = Awaited<ReturnType<typeof openCheckpoints>>

const openState = (kept: KeptShards | undefined, streamArn: string) => {
  const shards = new Map(kept?.streamArn === streamArn ? Object.entries(kept.shards) : [])
  let former = kept === undefined || kept.streamArn === streamArn ? [] : unfinishedIn(kept)
  const goneOf = (shardIds: ReadonlySet<string>) => [...shards].filter(([shardId]) => !shardIds.has(shardId))
  return {
    of: (shardId: string): Reached | undefined => shards.get(shardId),
    set: (shardId: string, reached: Reached): void => void shards.set(shardId, reached),
    /** Shards that are gone, or whose stream is not followed any more, though they were not read to their end. */
    unfinished: (shardIds: ReadonlySet<string>): readonly Unfinished[] => {
      const gone = Object.fromEntries(goneOf(shardIds))
      return [...former, ...unfinishedIn({ streamArn, shards: gone })]
    },
    /** Answers whether there were others. */
    keepOnly: (shardIds: ReadonlySet<string>): boolean => {
      const gone = goneOf(shardIds)
      const isChanged = gone.length > 0 || former.length > 0
      for (const [shardId] of gone) shards.delete(shardId)
      former = []
      return isChanged
    },
    cursor: (): string => JSON.stringify({ streamArn, shards: Object.fromEntries(shards) }),
  }
}

/** What is due is written a little later, with what comes meanwhile; one after the other: an older state never comes last. */
const openSaving = (
  { saveEveryMs = saveEveryMsDefault, onFailure }: Pick<CheckpointOptions, 'saveEveryMs' | 'onFailure'>,
  write: () => Promise<void>,
) => {
  let isDirty = false
  let timer: NodeJS.Timeout | undefined
  let saving = Promise.resolve()
  let isClosed = false
  const save = async (): Promise<void> => {
    clearTimeout(timer)
    timer = undefined
    if (!isDirty) return
    isDirty = false
    try {
      await write()
    } catch (error) {
      isDirty = true
      if (!isClosed) arm()
      onFailure(error)
    }
  }
  const saved = (): Promise<void> => (saving = saving.then(save))
  const arm = (): void => {
    timer ??= setTimeout(() => void saved(), saveEveryMs)
  }
  return {
    isDue: (): void => {
      isDirty = true
      arm()
    },
    close: (): Promise<void> => {
      isClosed = true
      return saved()
    },
  }
}

/** A shard that was read up to here, and has not ended. */
export interface Unfinished {
  streamArn: string
  shardId: string
  reached: Reached
}

const unfinishedIn = ({ streamArn, shards }: KeptShards): Unfinished[] =>
  Object.entries(shards).flatMap(([shardId, reached]) => (reached === shardEnd ? [] : { streamArn, shardId, reached }))

/** What cannot be read is none: all that is there is read again. */
const read = async (store: CheckpointOptions['store'], name: string): Promise<KeptShards | undefined> => {
  const cursor = await store.checkpoint(name)
  return cursor === undefined ? undefined : parsed(cursor)
}

const parsed = (cursor: string): KeptShards | undefined => {
  try {
    return Kept.safeParse(JSON.parse(cursor)).data
  } catch {
    return undefined
  }
}
