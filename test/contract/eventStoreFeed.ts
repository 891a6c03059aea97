import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import type { Commit } from '../../domain/event.ts'
import type { EventStore, ScannedCommit } from '../../domain/ports.ts'
import { after, appended, type Disorder, drain, grow, named, type Open } from './medium.ts'

const bench = 'acme/bench/rig-1'
const other = 'umbrella/bench/rig-1'
const reservation = 'acme/reservation/01KAGZ3QX0'

/** Ten commits on three streams of two tenants, one of the appends a pair. */
const tenCommits = async (store: EventStore): Promise<readonly Commit[]> => {
  const benches = await grow(store, bench, [1, 2, 1])
  const others = await grow(store, other, [1, 1, 3])
  const pair = appended(await store.append([after(reservation), after(bench, benches[2])]))
  return [...benches, ...others, ...pair, ...(await grow(store, 'acme/worker/w-1', [1, 1]))]
}

export const feedLaws = (open: Open) =>
  describe('the feed', () => {
    test('delivers every commit of every stream and tenant, each once when nothing goes wrong', async () => {
      const { store } = await open()
      const commits = await tenCommits(store)
      expect((await drain(store)).map(({ commit }) => commit)).toEqual(commits)
    })

    test.each([1, 3, 10, 1_000])('comes in pages of at most %i', async (limit) => {
      const { store } = await open()
      const commits = await tenCommits(store)
      expect((await store.feed(undefined, limit)).commits).toHaveLength(Math.min(limit, 10))
      expect((await drain(store, undefined, limit)).map(({ commit }) => commit)).toEqual(commits)
    })

    test('goes on after any commit that was taken, also in another process', async () => {
      const opened = await open()
      const commits = await tenCommits(opened.store)
      const [, , , fourth] = await drain(opened.store)
      const store = await opened.reopen()
      expect((await drain(store, fourth?.cursor)).map(({ commit }) => commit)).toEqual(commits.slice(4))
    })

    test('has a cursor before there is anything, and delivers from it what comes', async () => {
      const { store } = await open()
      const empty = await store.feed(undefined, 10)
      expect(empty.commits).toEqual([])
      const commits = await tenCommits(store)
      expect((await drain(store, empty.cursor)).map(({ commit }) => commit)).toEqual(commits)
    })

    test.each(['abc', '-1', '1.5', ''])('takes no cursor that it has not given out: "%s"', async (cursor) => {
      const { store } = await open()
      await expect(store.feed(cursor, 10)).rejects.toThrow(RangeError)
    })

    test('stays where it is at its end', async () => {
      const { store } = await open()
      await tenCommits(store)
      const { cursor } = await store.feed(undefined, 100)
      expect(await store.feed(cursor, 100)).toEqual({ commits: [], cursor })
    })

    test('from its end has only what comes', async () => {
      const { store } = await open()
      const start = await store.feedEnd()
      const old = await tenCommits(store)
      const end = await store.feedEnd()
      const [fresh] = await grow(store, 'acme/bench/rig-9', [1])
      expect((await drain(store, end)).map(({ commit }) => commit)).toEqual([fresh])
      expect(await drain(store, start)).toHaveLength(old.length + 1)
    })

    test('has nothing of an append that lost', async () => {
      const { store } = await open()
      const commits = await grow(store, bench, [1])
      await store.append([after(reservation), after(bench)])
      await store.append([after(other)], [{ stream: bench, version: 0 }])
      expect((await drain(store)).map(({ commit }) => commit)).toEqual(commits)
    })

    test('may deliver twice and in any order, and still delivers everything', async () => {
      const { store } = await open({ disorder: twiceAndBackwards })
      const commits = await tenCommits(store)
      const found = await drain(store, undefined, 3)
      expect(found).toHaveLength(2 * commits.length)
      expect(found.map(({ commit }) => named(commit))).not.toEqual(
        commits.flatMap((each) => [named(each), named(each)]),
      )
      expect(new Set(found.map(({ commit }) => named(commit)))).toEqual(new Set(commits.map(named)))
    })
  })

const twiceAndBackwards: Disorder = (page) => [...page, ...page].toReversed()

export const wakeLaws = (open: Open) =>
  describe('who listens for appends', () => {
    test('is called once they are in the feed', async () => {
      const { store } = await open()
      const seen = new Promise<number>((resolve) => {
        store.onAppend(() => {
          void store.feed(undefined, 10).then(({ commits }) => resolve(commits.length))
        })
      })
      await grow(store, bench, [1])
      expect(await seen).toBe(1)
    })

    test('is left alone after it has gone, and when nothing was written', async () => {
      const opened = await open()
      const { store } = opened
      const [gone, there] = [vi.fn<() => void>(), vi.fn<() => void>()]
      await grow(store, bench, [1])
      await opened.settled?.()
      await wait(20)
      const leave = store.onAppend(gone)
      store.onAppend(there)
      leave()
      await store.append([after(bench)])
      await store.append([], [{ stream: bench, version: 1 }])
      await wait(20)
      expect(there).not.toHaveBeenCalled()
      await grow(store, other, [1])
      await vi.waitFor(() => expect(there).toHaveBeenCalled())
      expect(gone).not.toHaveBeenCalled()
    })

    test('may fail without harm to the append or to the next who listens', async () => {
      const { store } = await open()
      const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
      const there = vi.fn<() => void>()
      store.onAppend(() => {
        throw new Error('a listener of bad manners')
      })
      store.onAppend(there)
      expect(await store.append([after(bench)])).toMatchObject({ kind: 'appended' })
      await vi.waitFor(() => expect(there).toHaveBeenCalled())
      expect(warned).toHaveBeenCalled()
      warned.mockRestore()
    })
  })

const scanned = async (store: EventStore, stream?: string): Promise<readonly ScannedCommit[]> => {
  const found: ScannedCommit[] = []
  for await (const page of store.scan(stream)) found.push(...page)
  return found
}

/** Streams in the order of their names, each as it was met; a stream met in two places would not be whole. */
const byStream = (found: readonly ScannedCommit[]): readonly ScannedCommit[] => {
  const changes = found.filter(({ stream }, index) => stream !== found[index - 1]?.stream).map(({ stream }) => stream)
  expect(new Set(changes).size).toBe(changes.length)
  return found.toSorted((a, b) => (a.stream < b.stream ? -1 : a.stream > b.stream ? 1 : 0))
}

export const scanLaws = (open: Open) =>
  describe('a scan', () => {
    test('meets every commit, stream by stream in the order of versions, with the hash of its bytes', async () => {
      const { store, isUnordered } = await open()
      const commits = await tenCommits(store)
      const found = await scanned(store)
      expect(isUnordered ? byStream(found).map(named) : found.map(named)).toEqual(commits.map(named).toSorted())
      for (const { commit, computedHash, storedHash } of found) {
        expect(computedHash).toBe(storedHash)
        expect(commit).toEqual(commits.find(({ hash }) => hash === storedHash))
      }
    })

    test('of one stream meets its commits only, with the states that ride on them', async () => {
      const { store } = await open()
      await tenCommits(store)
      await grow(store, 'acme/bench/rig-10', [1, 2], { 1: { reducerVersion: 3, state: { held: 3 } } })
      expect(await scanned(store, 'acme/bench/rig-10')).toMatchObject([
        { version: 1 },
        { version: 2, ride: { reducerVersion: 3, state: { held: 3 } } },
      ])
      expect((await scanned(store, bench)).map(({ version }) => version)).toEqual([1, 2, 4, 5])
      expect(await scanned(store, 'acme/bench/rig-0')).toEqual([])
    })

    test('of more than one page misses and repeats nothing, whatever is appended meanwhile', async () => {
      const { store, isUnordered } = await open()
      const streams = Array.from({ length: 1_200 }, (_, index) => `acme/bench/rig-${index}`)
      await Promise.all(streams.map((stream) => store.append([after(stream)])))
      const found: string[] = []
      for await (const page of store.scan()) {
        found.push(...page.map(({ stream }) => stream))
        await store.append([after(`acme/aside/${found.length}`)])
      }
      // Without an order it may meet what is appended meanwhile.
      const old = isUnordered ? found.filter((stream) => !stream.startsWith('acme/aside/')).toSorted() : found
      expect(old).toEqual(streams.toSorted())
    })

    test('meets bytes that were changed, with what they hash to now', async () => {
      const opened = await open()
      const [first] = await grow(opened.store, bench, [1, 1])
      const change = (body: string) => body.replace('"local"', '"eve"')
      const [found] = await scanned(await opened.tamper(bench, 1, { kind: 'body', change }))
      expect(found?.storedHash).toBe(first?.hash)
      expect(found?.computedHash).not.toBe(first?.hash)
      expect(found?.commit?.actor.id).toBe('eve')
    })

    test.each(['', 'not JSON', 'null', '[]', '{}', '"text"', '{"events":[{}]}'])(
      'meets bytes that are no commit (%s) without judging them',
      async (body) => {
        const opened = await open()
        const commits = await grow(opened.store, bench, [1, 1, 1])
        const found = await scanned(await opened.tamper(bench, 2, { kind: 'body', change: () => body }))
        expect(found.map(({ commit }) => commit)).toEqual([commits[0], undefined, commits[2]])
        expect(found[1]).toMatchObject({ stream: bench, version: 2, storedHash: commits[1]?.hash })
      },
    )

    test('passes over a commit that was removed, which a load refuses', async () => {
      const opened = await open()
      await grow(opened.store, bench, [1, 1, 1])
      const store = await opened.tamper(bench, 2, { kind: 'removed' })
      expect((await scanned(store)).map(({ version }) => version)).toEqual([1, 3])
      await expect(store.load(bench)).rejects.toMatchObject({ code: 'hole-in-history' })
    })
  })
