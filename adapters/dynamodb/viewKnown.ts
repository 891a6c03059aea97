import { type RowState, stateIn } from './viewItems.ts'
import type { Rows } from './viewRows.ts'

/** So many rows are remembered; the least recently used are forgotten. */
const countMax = 20_000

/** Where rows stand, as of when they were last read or written here: what a change of them has to leave. */
export const openKnownRows = () => {
  const states = new Map<string, RowState>()
  const set = (key: string, state: RowState): void => {
    const other = states.get(key)
    if (other !== undefined && other.version > state.version) return
    // The order of a Map is that of insertion.
    states.delete(key)
    states.set(key, state)
    for (const oldest of states.keys()) {
      if (states.size <= countMax) break
      states.delete(oldest)
    }
  }
  return {
    get: (key: string): RowState | undefined => states.get(key),
    set,
    forget: (key: string): void => {
      states.delete(key)
    },
    /** Reads those that are not known. */
    learn: async (rows: Pick<Rows, 'find'>, keys: readonly string[]): Promise<void> => {
      for (const [key, item] of await rows.find(keys)) set(key, stateIn(item))
    },
  }
}
export type KnownRows = ReturnType<typeof openKnownRows>
