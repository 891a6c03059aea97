import type { Commit } from '../../domain/event.ts'
import type { StreamName } from '../../domain/ids.ts'
import type { LatestState, ScannedCommit } from '../../domain/ports.ts'
import { withoutHoles } from '../commits.ts'
import type { CommitEntity } from './entities.ts'
import { baseOf, commitOf, type FoundItem, scannedOf } from './items.ts'

/** Every read sees what was acknowledged before it, and shows what is there, whoever has written it. */
const reading = { consistent: true, ignoreOwnership: true, originalErr: true } as const

/**
 * A range begins so many versions early: the commit that reaches its first version is mostly among them, and 4 KB are
 * charged at least.
 */
const lookBackVersions = 4

export const load = async (
  commits: CommitEntity,
  stream: StreamName,
  from = 1,
  to?: number,
): Promise<readonly Commit[]> => {
  if (to !== undefined && to < from) return []
  const start = Math.max(1, from - lookBackVersions)
  const query = commits.query.byStream({ stream })
  const range = to === undefined ? query.gte({ version: start }) : query.between({ version: start }, { version: to })
  const { data } = await range.go({ ...reading, pages: 'all' })
  const reaching = data.findLastIndex(({ version }) => version <= from)
  const isWhole = reaching >= 0 || start === 1
  const found = isWhole ? data.slice(Math.max(reaching, 0)) : [...(await lastBefore(commits, stream, start)), ...data]
  return withoutHoles(stream, found.map(commitOf), from)
}

const lastBefore = async (
  commits: CommitEntity,
  stream: StreamName,
  version: number,
): Promise<readonly FoundItem[]> => {
  const { data } = await commits.query
    .byStream({ stream })
    .lt({ version })
    .go({ ...reading, order: 'desc', limit: 1 })
  return data
}

/**
 * Items of the first page backwards: a state rides on every 32nd commit, if it can, so one page mostly reaches it and
 * costs no more than what is needed. Each further page takes four times as many.
 */
const firstPageItems = 33
const growth = 4

export const loadLatest = async (
  commits: CommitEntity,
  stream: StreamName,
  reducerVersion: number,
): Promise<LatestState> => {
  const after: Commit[] = []
  let base: LatestState['base']
  let cursor: string | null = null
  let limit = firstPageItems
  do {
    const options = { ...reading, order: 'desc', limit, cursor } as const
    const page: { data: readonly FoundItem[]; cursor: string | null } = await commits.query
      .byStream({ stream })
      .go(options)
    for (const item of page.data) {
      base = baseOf(item, reducerVersion)
      if (base !== undefined) break
      after.push(commitOf(item))
    }
    cursor = page.cursor
    limit *= growth
  } while (base === undefined && cursor !== null)
  const found = withoutHoles(stream, after.reverse(), (base?.version ?? 0) + 1)
  return base === undefined ? { commits: found } : { base, commits: found }
}

/** A page of a scan: neither blocks for long nor takes much memory. The engine ends a page at 1 MB by itself. */
const scanPageItems = 500

/** Stream by stream in the engine's own order, which is none; each in the order of its versions. */
export async function* scan(
  commits: CommitEntity,
  stream: StreamName | undefined,
): AsyncGenerator<readonly ScannedCommit[]> {
  let cursor: string | null = null
  do {
    const options = { ...reading, limit: scanPageItems, cursor } as const
    const page: { data: readonly FoundItem[]; cursor: string | null } =
      stream === undefined ? await commits.scan.go(options) : await commits.query.byStream({ stream }).go(options)
    cursor = page.cursor
    if (page.data.length > 0) yield page.data.map(scannedOf)
  } while (cursor !== null)
}
