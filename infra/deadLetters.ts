import type { Instant } from '../domain/ids.ts'
import type { IndexEntry, RowChange, ViewRow, ViewStore } from '../domain/ports.ts'
import type { Reaction } from '../projections/react.ts'

export interface DeadLetter {
  reaction: Reaction
  error: string
  at: string
}

const name = 'deadLetters'
const entries = ({ id, body }: ViewRow): readonly IndexEntry[] => [
  { index: 'all_idx', partition: name, sort: `${(body as DeadLetter).at}/${id}` },
]
const change = (tenant: string, row: ViewRow): RowChange => ({
  view: name,
  tenant,
  row,
  previousVersion: 0,
  entries: entries(row),
})

/** Policies' commands that were given up: rows among the views, but not folded from history. Kept once. */
export const deadLettersView = { name, change }

/** More than this is logged only. */
const countMax = 10_000

/** Where they are put, and how many there are. */
export const openDeadLetters = (views: () => Pick<ViewStore, 'write'>, countAtFirst: number, now: () => Instant) => {
  let count = countAtFirst
  return {
    keep: async (reaction: Reaction, error: unknown): Promise<void> => {
      if (count >= countMax) return
      const at = now()
      const body: DeadLetter = { reaction, error: error instanceof Error ? error.message : String(error), at }
      const failed = await views().write([change(reaction.tenant, { id: reaction.commandId, version: 1, body })])
      count += 1 - failed.length
    },
    count: () => count,
  }
}
export type DeadLetters = ReturnType<typeof openDeadLetters>
