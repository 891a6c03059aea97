import type { Head } from '../domain/head.ts'
import type { StreamName } from '../domain/ids.ts'
import type { HeadCache } from '../domain/round.ts'

export interface HeadCacheLimits {
  /** Default 10 000. */
  headCountMax?: number
  /** Approximate bytes. Default 64 MB. */
  headBytesMax?: number
}

/** The states of the streams used of late: bounded by their number and by their approximate size. */
export const openHeadCache = ({ headCountMax = 10_000, headBytesMax = 64_000_000 }: HeadCacheLimits = {}) => {
  const heads = new Map<StreamName, { head: Head; bytes: number }>()
  let bytes = 0
  const forget = (stream: StreamName): void => {
    bytes -= heads.get(stream)?.bytes ?? 0
    heads.delete(stream)
  }
  return {
    get: (stream) => {
      const known = heads.get(stream)
      if (known === undefined) return undefined
      // A Map is in the order of insertion: what comes first was used longest ago.
      heads.delete(stream)
      heads.set(stream, known)
      return known.head
    },
    set: (stream, head) => {
      forget(stream)
      const added = { head, bytes: weigh(head) }
      heads.set(stream, added)
      bytes += added.bytes
      for (const oldest of heads.keys()) {
        if (heads.size <= headCountMax && bytes <= headBytesMax) break
        forget(oldest)
      }
    },
    delete: forget,
    size: () => ({ count: heads.size, bytes }),
  } satisfies HeadCache & { size: unknown }
}

const baseBytes = 1_000
const bytesPerItem = 400

/** What makes a state large is its lists: intervals, tasks, and each task's attempts. */
const weigh = ({ state, recent }: Head): number => {
  let items = 0
  for (const member of Object.values(state as object)) {
    if (!Array.isArray(member)) continue
    items += member.length
    for (const item of member as unknown[])
      if (typeof item === 'object' && item !== null && 'attempts' in item && Array.isArray(item.attempts))
        items += item.attempts.length
  }
  return baseBytes + recent.text.length + items * bytesPerItem
}
