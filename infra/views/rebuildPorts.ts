/** What a rebuild of several servers is given, and what it is as one of them does it. */
import type { CommitKey } from '../../adapters/dynamodb/feed.ts'
import type { DynamoGenerations } from '../../adapters/dynamodb/generations.ts'
import type { Segmented } from '../../adapters/dynamodb/segments.ts'
import type { EventStore } from '../../domain/ports.ts'
import { viewsShape } from '../../projections/views.ts'
import type { Log } from '../log.ts'
import type { Following } from '../shared/generations.ts'

export interface SharedRebuildPorts {
  generations: DynamoGenerations
  history: EventStore & Segmented
  /** Of the same tables: where a lost feed is written anew. */
  feed: { publish: (commits: readonly CommitKey[]) => Promise<void> }
  following: Pick<Following, 'look' | 'serving'>
  log: Log
  /** The house is closing. */
  signal: AbortSignal
  /**
   * So long somebody who has seen other rows serve may still write to those, and then name his commits in the feed: longer
   * than any batch of a consumer takes. Default 90 000.
   */
  trailingMs?: number
  /** A rebuild whose server has not been heard of for so long is gone on with by another. Default 30 000. */
  abandonedMs?: number
  /** Parts of history that are read beside one another. Default 4. */
  segmentCount?: number
  /** Default: of this version's views. */
  shape?: string
}

export const rebuildDefaults = { trailingMs: 90_000, abandonedMs: 30_000, segmentCount: 4, shape: viewsShape }
export type SharedRebuild = SharedRebuildPorts &
  typeof rebuildDefaults & {
    /** This process. */
    builder: string
  }
