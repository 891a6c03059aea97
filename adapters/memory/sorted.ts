import type { Place } from '../rows.ts'

/** Places in order, as a plain array: an insertion moves what follows, which is quick up to some 100 000 places. */
export type Sorted = Place[]

const isBefore = (a: Place, b: Place): boolean => a.sort < b.sort || (a.sort === b.sort && a.id < b.id)

/** The number of places before this one. */
export const countBefore = (sorted: readonly Place[], place: Place): number => {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const found = sorted[middle]
    if (found !== undefined && isBefore(found, place)) low = middle + 1
    else high = middle
  }
  return low
}

const isAt = (sorted: readonly Place[], at: number, { sort, id }: Place): boolean =>
  sorted[at]?.sort === sort && sorted[at].id === id

export const insert = (sorted: Sorted, place: Place): void => {
  const at = countBefore(sorted, place)
  if (!isAt(sorted, at, place)) sorted.splice(at, 0, place)
}

export const remove = (sorted: Sorted, place: Place): void => {
  const at = countBefore(sorted, place)
  if (isAt(sorted, at, place)) sorted.splice(at, 1)
}
