/** A row as it was last read or written, parsed. */
export interface CachedRow {
  version: number
  nextDue: string | null
  body: unknown
  /** Where the row is found: partition and sort of each entry, as it is stored. */
  entries: string
  /** Characters of the JSON of body and entries. */
  weight: number
}

/** Parsed bodies take some four times their text: about 40 MB at most, mostly far less. */
const weightMax = 10_000_000
/** Tasks have a row each. */
const countMax = 20_000

/** Rows used of late, by key. Only this process writes the file, so what is in here is what is in there. */
export const openRowCache = () => {
  const rows = new Map<string, CachedRow>()
  let weight = 0
  const forget = (key: string): void => {
    weight -= rows.get(key)?.weight ?? 0
    rows.delete(key)
  }
  const trim = (): void => {
    for (const key of rows.keys()) {
      if (rows.size <= countMax && weight <= weightMax) return
      forget(key)
    }
  }
  return {
    get: (key: string): CachedRow | undefined => {
      const row = rows.get(key)
      if (row === undefined) return undefined
      // The order of a Map is that of insertion: the least recently used comes first.
      rows.delete(key)
      rows.set(key, row)
      return row
    },
    set: (key: string, row: CachedRow): void => {
      forget(key)
      rows.set(key, row)
      weight += row.weight
      trim()
    },
    clear: (): void => {
      rows.clear()
      weight = 0
    },
  }
}
export type RowCache = ReturnType<typeof openRowCache>
