/** Conditional and partial requests (RFC 9110) for what is named by its SHA-256 and never changes. */

/** Whether the client has it already: `If-None-Match`, by weak comparison. */
export const isKnown = (ifNoneMatch: string | undefined, sha256: string): boolean =>
  (ifNoneMatch ?? '')
    .split(',')
    .map((each) => each.trim().replace(/^W\//, ''))
    .some((each) => each === '*' || each === `"${sha256}"`)

/** Whether a range may be cut from this: `If-Range`, by strong comparison. A date never matches. */
export const isFirstVersion = (ifRange: string | undefined, sha256: string): boolean =>
  ifRange === undefined || ifRange.trim() === `"${sha256}"`

const single = /^bytes=(\d{0,15})-(\d{0,15})$/

/** One range, both ends inclusive; undefined for the whole: what asks for several, or is no range, is answered as a whole. */
export const rangeOf = (
  range: string | undefined,
  size: number,
): { from: number; to: number } | 'unsatisfiable' | undefined => {
  const [, first = '', last = ''] = single.exec(range?.replaceAll(/[ \t]/g, '') ?? '') ?? []
  if (first === '' && last === '') return undefined
  if (first === '') {
    const count = Math.min(Number(last), size)
    return count === 0 ? 'unsatisfiable' : { from: size - count, to: size - 1 }
  }
  const [from, to] = [Number(first), last === '' ? size - 1 : Math.min(Number(last), size - 1)]
  if (last !== '' && Number(last) < from) return undefined
  return from >= size ? 'unsatisfiable' : { from, to }
}
