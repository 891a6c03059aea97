import { describe, expect, test } from 'vitest'
import { after, appended, grow, hold, independentHash, type Open } from './medium.ts'

const bench = 'acme/bench/rig-1'

export const loadLaws = (open: Open) =>
  describe('loading', () => {
    test('a stream that never was has no commits', async () => {
      const { store } = await open()
      expect(await store.load(bench)).toEqual([])
      expect(await store.loadLatest(bench, 1)).toEqual({ commits: [] })
    })

    test.each([
      ['all of it', {}, [1, 4, 5, 7]],
      ['from the middle of a commit on', { from: 3 }, [1, 4, 5, 7]],
      ['from the first version of a commit on', { from: 5 }, [5, 7]],
      ['from the last version of a commit on', { from: 6 }, [5, 7]],
      ['up to the first version of a commit', { to: 5 }, [1, 4, 5]],
      ['up to the version before it', { to: 4 }, [1, 4]],
      ['one version', { from: 2, to: 2 }, [1]],
      ['a stretch', { from: 4, to: 6 }, [4, 5]],
      ['what comes after the end', { from: 8 }, []],
      ['what comes long after the end', { from: 100, to: 200 }, []],
    ])('a range of versions is inclusive, and takes whole commits: %s', async (_, range, versions) => {
      const { store } = await open()
      await grow(store, bench, [3, 1, 2, 1])
      expect((await store.load(bench, range)).map(({ version }) => version)).toEqual(versions)
    })

    test('a thousand commits come all, in the order of their versions', async () => {
      const { store } = await open()
      const commits = await grow(
        store,
        bench,
        Array.from({ length: 1_000 }, () => 1),
      )
      const found = await store.load(bench)
      expect(found.map(({ version }) => version)).toEqual(Array.from({ length: 1_000 }, (_, index) => index + 1))
      expect(found.at(-1)).toEqual(commits.at(-1))
    })

    test('a hole is refused: no decision may be taken on a damaged history', async () => {
      const { store } = await open()
      const commits = await grow(store, bench, [1, 1])
      appended(await store.append([after(bench, commits[1], { version: 4 })]))
      const hole = { code: 'hole-in-history', message: expect.stringContaining('version 3 is missing, found 4') }
      await expect(store.load(bench)).rejects.toMatchObject(hole)
      await expect(store.load(bench, { from: 3 })).rejects.toMatchObject(hole)
      await expect(store.loadLatest(bench, 1)).rejects.toMatchObject(hole)
      expect(await store.load(bench, { to: 2 })).toEqual(commits)
    })

    test('a stream that has lost its beginning is refused', async () => {
      const { store } = await open()
      appended(await store.append([after(bench, undefined, { version: 2 })]))
      await expect(store.load(bench)).rejects.toMatchObject({ code: 'hole-in-history' })
      await expect(store.loadLatest(bench, 1)).rejects.toMatchObject({ code: 'hole-in-history' })
    })

    test('streams of the same name in two tenants do not mix, nor do names that begin alike', async () => {
      const { store } = await open()
      const streams = [
        'acme/bench/rig',
        'umbrella/bench/rig',
        'acme/bench/rig-1',
        'acme/worker/rig',
        'acme/bench/rig.1',
      ]
      for (const [index, stream] of streams.entries()) await grow(store, stream, [index + 1])
      for (const [index, stream] of streams.entries())
        expect(await store.load(stream)).toMatchObject([{ stream, version: 1, events: { length: index + 1 } }])
    })
  })

export const rideLaws = (open: Open) =>
  describe('the riding state', () => {
    const ride = (state: unknown, reducerVersion = 1) => ({ reducerVersion, state })

    test('spares the commits before it', async () => {
      const { store } = await open()
      const commits = await grow(store, bench, [1, 1, 1, 1], { 1: ride({ held: 2 }) })
      const base = { version: 2, hash: commits[1]?.hash, state: { held: 2 } }
      expect(await store.loadLatest(bench, 1)).toEqual({ base, commits: commits.slice(2) })
    })

    test('stands at the last version of the commit that carries it', async () => {
      const { store } = await open()
      const commits = await grow(store, bench, [1, 3], { 1: ride(['four']) })
      const base = { version: 4, hash: commits[1]?.hash, state: ['four'] }
      expect(await store.loadLatest(bench, 1)).toEqual({ base, commits: [] })
    })

    test('is the newest of several', async () => {
      const { store } = await open()
      await grow(store, bench, [1, 1, 1, 1, 1], { 0: ride('old'), 2: ride('newer'), 3: ride('newest') })
      const { base, commits } = await store.loadLatest(bench, 1)
      expect(base).toMatchObject({ version: 4, state: 'newest' })
      expect(commits).toHaveLength(1)
    })

    test('is ignored when another reducer has folded it, for an older one that is usable or for none', async () => {
      const { store } = await open()
      const all = await grow(store, bench, [1, 1, 1], { 0: ride('mine', 7), 1: ride('theirs', 8) })
      expect(await store.loadLatest(bench, 7)).toMatchObject({ base: { version: 1, state: 'mine' } })
      expect(await store.loadLatest(bench, 8)).toMatchObject({ base: { version: 2, state: 'theirs' } })
      expect(await store.loadLatest(bench, 9)).toEqual({ commits: all })
    })

    test('may be any JSON, also nothing', async () => {
      const { store } = await open()
      await grow(store, bench, [1, 1], { 1: ride(null) })
      expect(await store.loadLatest(bench, 1)).toMatchObject({ base: { version: 2, state: null }, commits: [] })
    })

    test('is a cache beside the commit: neither answered with it nor hashed', async () => {
      const { store } = await open()
      const [commit] = await grow(store, bench, [1], { 0: ride({ held: 1 }) })
      expect(commit).not.toHaveProperty('ride')
      expect(await store.load(bench)).toEqual([commit])
      expect(commit?.hash).toBe(independentHash(commit!))
    })
  })

export const lifeLaws = (open: Open) =>
  describe('a store that is closed and opened again', () => {
    test('has everything that was acknowledged, and goes on from there', async () => {
      const opened = await open()
      const commits = await grow(opened.store, bench, [2, 1], { 1: { reducerVersion: 1, state: 'ridden' } })
      const store = await opened.reopen()
      expect(await store.load(bench)).toEqual(commits)
      expect(await store.loadLatest(bench, 1)).toMatchObject({ base: { version: 3, state: 'ridden' } })
      expect(await store.append([after(bench)])).toMatchObject({ kind: 'conflict' })
      expect(await store.append([after(bench, commits[1])])).toMatchObject({ kind: 'appended' })
    })

    test('writes what it was asked to write before it closes', async () => {
      const opened = await open()
      const asked = Array.from({ length: 10 }, (_, index) => opened.store.append([after(`acme/bench/rig-${index}`)]))
      const store = await opened.reopen()
      for (const result of await Promise.all(asked)) {
        const [commit] = appended(result)
        expect(await store.load(commit!.stream)).toEqual([commit])
      }
    })

    test('closes twice as well as once, and writes nothing afterwards', async () => {
      const { store } = await open()
      await store.close()
      await store.close()
      await expect(store.append([after(bench)])).rejects.toMatchObject({ code: 'storage-unusable' })
    })

    test('tells bytes that are no commit from a commit', async () => {
      const opened = await open()
      await grow(opened.store, bench, [1])
      const store = await opened.tamper(bench, 1, { kind: 'body', change: () => JSON.stringify(hold()) })
      await expect(store.load(bench)).rejects.toMatchObject({ code: 'storage-unusable' })
    })
  })
