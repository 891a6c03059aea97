import { lastVersion } from '../domain/event.ts'
import type { StreamName } from '../domain/ids.ts'
import type { EventStore } from '../domain/ports.ts'

/** Streams whose newest version is remembered. */
const knownCountMax = 20_000

/**
 * For a store that nobody else writes: whether anything has come after a version is known without asking it, once the
 * newest version was appended or read here and no append is under way. A refusal is proven on fresh states of all it
 * rests on, often of a hundred benches: this makes that as good as free.
 */
export const knowingNewest = (store: EventStore): EventStore => {
  const newest = new Map<StreamName, number>()
  const underWay = new Map<StreamName, number>()
  const learn = (stream: StreamName, version: number): void => {
    const known = newest.get(stream) ?? 0
    newest.delete(stream)
    newest.set(stream, Math.max(known, version))
    for (const oldest of newest.keys()) {
      if (newest.size <= knownCountMax) break
      newest.delete(oldest)
    }
  }
  const count = (stream: StreamName, change: number): void => {
    const now = (underWay.get(stream) ?? 0) + change
    if (now === 0) underWay.delete(stream)
    else underWay.set(stream, now)
  }
  return {
    ...store,
    append: async (commits, checks) => {
      for (const { stream } of commits) count(stream, 1)
      try {
        const result = await store.append(commits, checks)
        const written = result.kind === 'appended' ? result.commits : []
        for (const commit of written) learn(commit.stream, lastVersion(commit))
        return result
      } catch (error) {
        // What has become of it is unknown.
        for (const { stream } of commits) newest.delete(stream)
        throw error
      } finally {
        for (const { stream } of commits) count(stream, -1)
      }
    },
    load: async (stream, range) => {
      const from = range?.from ?? 1
      if (range?.to !== undefined || underWay.has(stream)) return store.load(stream, range)
      if (newest.get(stream) === from - 1) return []
      const commits = await store.load(stream, range)
      const last = commits.at(-1)
      if (last !== undefined || from > 1) learn(stream, last === undefined ? from - 1 : lastVersion(last))
      return commits
    },
  }
}
