import { layout } from './layout.ts'
import { checkpointEntity, countEntity } from './viewEntities.ts'
import { checkpointPartition, countPartition } from './viewKeys.ts'
import type { RowsOptions } from './viewParts.ts'

const reading = { consistent: true, ignoreOwnership: true, originalErr: true } as const
const writing = { originalErr: true, response: 'none' } as const

/** What is known of a set of rows beside them: how far its consumers are, and how many rows there are. */
export const openFacts = ({ engine, generation, ...options }: RowsOptions) => {
  const [checkpoints, counts] = [checkpointEntity(options), countEntity(options)]
  const add = async (view: string, count: number): Promise<void> => {
    // Any will do: one item takes a thousand writes a second.
    const shard = Math.floor(Math.random() * layout.indexes.countShardCount)
    const key = { key: countPartition(generation, view), shard }
    await engine.ask(async () => counts.update(key).add({ rowCount: count }).go(writing))
  }
  return {
    checkpoint: async (consumer: string): Promise<string | undefined> => {
      const key = checkpointPartition(generation, consumer)
      return (await engine.ask(async () => checkpoints.get({ key }).go(reading))).data?.cursor
    },
    saveCheckpoint: async (consumer: string, cursor: string): Promise<void> => {
      const key = checkpointPartition(generation, consumer)
      await engine.ask(async () => checkpoints.put({ key, cursor }).go(writing))
    },
    addCounts: async (created: ReadonlyMap<string, number>): Promise<void> => {
      await Promise.all([...created].map(async ([view, count]) => add(view, count)))
    },
    rowCount: async (view: string): Promise<number> => {
      const key = countPartition(generation, view)
      const { data } = await engine.ask(async () => counts.query.byShard({ key }).go(reading))
      return data.reduce((sum, { rowCount }) => sum + rowCount, 0)
    },
  }
}
