import type { Commit } from '../../domain/event.ts'
import { partsOf } from '../../domain/ids.ts'
import type { RowChange, ViewStore } from '../../domain/ports.ts'
import { viewsOf } from '../../projections/views.ts'

/** Given up, in the end, they would stay for ever. */
const countMax = 10_000

/**
 * Commits of batches that have failed. Some of their rows may have been written before that: then the next attempt finds
 * them there, changes nothing, and whoever follows the rows would never hear of them.
 */
export const openUntold = () => {
  const names = new Set<string>()
  return {
    failed: (commits: readonly Commit[]): void => {
      if (names.size > countMax) names.clear()
      for (const commit of commits) names.add(nameOf(commit))
    },
    /** They are done with: the rows of those that had failed before, as they are now, beside what has just changed. */
    done: async (
      views: Pick<ViewStore, 'read'>,
      commits: readonly Commit[],
      changes: readonly RowChange[],
    ): Promise<readonly RowChange[]> => {
      const streams = new Set(commits.filter((commit) => names.delete(nameOf(commit))).map(({ stream }) => stream))
      if (streams.size === 0) return changes
      const known = new Set(changes.map(({ view, tenant, row }) => `${view}/${tenant}/${row.id}`))
      const rows = [...streams].flatMap((stream) => {
        const { tenant, kind, id } = partsOf(stream)
        return viewsOf(kind).map(({ name }) => ({ view: name, tenant, id }))
      })
      const missed = rows.filter(({ view, tenant, id }) => !known.has(`${view}/${tenant}/${id}`))
      const found = await Promise.all(missed.map(async (row) => asWritten(views, row)))
      return [...changes, ...found.flat()]
    },
  }
}

const nameOf = ({ stream, version }: Commit): string => `${stream}@${version}`

const asWritten = async (
  views: Pick<ViewStore, 'read'>,
  { view, tenant, id }: { view: string; tenant: string; id: string },
): Promise<readonly RowChange[]> => {
  const rows = await views.read(view, tenant, [id])
  return rows.map((row) => ({ view, tenant, row, previousVersion: 0, entries: [] }))
}
