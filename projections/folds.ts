import type { StreamName } from '../domain/ids.ts'

/** A stream folded up to a version. */
export interface Folded<Body> {
  version: number
  body: Body
}

/** The folds of streams used of late. */
export interface Folds<Body> {
  get(stream: StreamName): Folded<Body> | undefined
  set(stream: StreamName, folded: Folded<Body>, bytes: number): void
}

/** Some fifty executions of a thousand tasks. */
const bytesMaxDefault = 50_000_000
const countMax = 10_000

/** Bounded by their number and by what they take in memory, about: the least recently used are forgotten. */
export const openFolds = <Body>(bytesMax = bytesMaxDefault): Folds<Body> => {
  const folds = new Map<StreamName, { folded: Folded<Body>; bytes: number }>()
  let total = 0
  const forget = (stream: StreamName): void => {
    total -= folds.get(stream)?.bytes ?? 0
    folds.delete(stream)
  }
  return {
    get: (stream) => {
      const known = folds.get(stream)
      if (known === undefined) return undefined
      // The order of a Map is that of insertion: the least recently used comes first.
      folds.delete(stream)
      folds.set(stream, known)
      return known.folded
    },
    set: (stream, folded, bytes) => {
      forget(stream)
      folds.set(stream, { folded, bytes })
      total += bytes
      for (const oldest of folds.keys()) {
        if (folds.size <= countMax && total <= bytesMax) break
        forget(oldest)
      }
    },
  }
}
