import type { ScannedCommit } from '../../domain/ports.ts'
import type { CommitEntity } from './entities.ts'
import { type FoundItem, scannedOf } from './items.ts'
import { persistently } from './outages.ts'

export interface Segmented {
  /** A scan in so many parts, to be read beside one another; an outage of some seconds only delays them. */
  segments(count: number): readonly AsyncIterable<readonly ScannedCommit[]>[]
}

const reading = { consistent: true, ignoreOwnership: true, originalErr: true } as const
const pageItems = 500

/**
 * A scan of the whole history in so many parts, which may be read beside one another: the streams of each are whole, and
 * in no order.
 */
export const segmentsOf = (
  commits: CommitEntity,
  count: number,
  guarded: <Answer>(work: () => Promise<Answer>) => Promise<Answer>,
): readonly AsyncIterable<readonly ScannedCommit[]>[] =>
  Array.from({ length: count }, (_, number) => segment(commits, { Segment: number, TotalSegments: count }, guarded))

interface Page {
  data: readonly FoundItem[]
  cursor: string | null
}

async function* segment(
  commits: CommitEntity,
  params: { Segment: number; TotalSegments: number },
  guarded: <Answer>(work: () => Promise<Answer>) => Promise<Answer>,
): AsyncGenerator<readonly ScannedCommit[]> {
  let cursor: string | null = null
  do {
    const options = { ...reading, limit: pageItems, cursor, params } as const
    const page: Page = await persistently(() => guarded(async (): Promise<Page> => commits.scan.go(options)))
    cursor = page.cursor
    if (page.data.length > 0) yield page.data.map(scannedOf)
  } while (cursor !== null)
}
