import type { IndexEntry, RowChange, ViewQuestion, ViewStore } from '../../domain/ports.ts'

export type Store = ViewStore & { rowCount: (view: string) => Promise<number> }

export const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString()

/** A change of a row of `things`, from the version before; its body tells id and version unless another is given. */
export const change = (
  id: string,
  version: number,
  given: Partial<RowChange> & { nextDue?: string; body?: unknown } = {},
): RowChange => {
  const { nextDue, body, ...rest } = given
  const row = { id, version, body: body ?? { id, version }, ...(nextDue === undefined ? {} : { nextDue }) }
  return { view: 'things', tenant: 'default', previousVersion: version - 1, entries: [], ...rest, row }
}

export const entry = (sort: string, partition = 'all', index = 'all_idx'): IndexEntry => ({ index, partition, sort })

export const question = (given: Partial<ViewQuestion> = {}): ViewQuestion => ({
  view: 'things',
  tenant: 'default',
  index: 'all_idx',
  partition: 'all',
  limit: 500,
  ...given,
})

/** The ids of the rows that are found. */
export const idsIn = async (store: Store, given: Partial<ViewQuestion> = {}): Promise<readonly string[]> =>
  (await store.query(question(given))).rows.map(({ id }) => id)
