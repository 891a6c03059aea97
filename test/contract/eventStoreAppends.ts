import { describe, expect, test } from 'vitest'
import { after, appended, drain, grow, named, type Open } from './medium.ts'

const bench = 'acme/bench/rig-1'
const other = 'acme/bench/rig-2'
const reservation = 'acme/reservation/01KAGZ3QX0'

export const appendLaws = (open: Open) =>
  describe('appending', () => {
    test('what is appended is there for the next reader, as it was answered', async () => {
      const { store } = await open()
      const commits = appended(await store.append([after(bench)]))
      expect(commits).toMatchObject([after(bench)])
      expect(await store.load(bench)).toEqual(commits)
    })

    test('a commit of three events takes three versions', async () => {
      const { store } = await open()
      const [first] = await grow(store, bench, [3, 1])
      expect((await store.load(bench)).map(({ version }) => version)).toEqual([1, 4])
      expect(first?.events).toHaveLength(3)
    })

    test('a version that is taken is a conflict that names its winner, and writes nothing', async () => {
      const { store } = await open()
      const commits = await grow(store, bench, [1, 2])
      const late = after(bench, commits[0], { commandId: 'too-late' })
      expect(await store.append([late])).toEqual({ kind: 'conflict', winners: [commits[1]] })
      expect(await store.load(bench)).toEqual(commits)
    })

    test('commits on several streams are written together', async () => {
      const { store } = await open()
      const commits = appended(await store.append([after(reservation), after(bench), after(other)]))
      expect(commits.map(named)).toEqual([`${reservation}@1`, `${bench}@1`, `${other}@1`])
      for (const commit of commits) expect(await store.load(commit.stream)).toEqual([commit])
    })

    test('when one of several streams has moved, none is written, and who moved it is named', async () => {
      const { store } = await open()
      const [winner] = await grow(store, other, [1])
      const result = await store.append([after(reservation), after(bench), after(other)])
      expect(result).toEqual({ kind: 'conflict', winners: [winner] })
      expect(await store.load(reservation)).toEqual([])
      expect(await store.load(bench)).toEqual([])
      expect(await drain(store)).toHaveLength(1)
    })

    test('several winners are all named', async () => {
      const { store } = await open()
      const winners = [...(await grow(store, bench, [1])), ...(await grow(store, other, [1]))]
      const result = await store.append([after(bench), after(reservation), after(other)])
      expect(result).toEqual({ kind: 'conflict', winners })
    })

    test('a hundred members are one append, whatever their number of checks', async () => {
      const { store } = await open()
      const streams = Array.from({ length: 60 }, (_, index) => `acme/bench/rig-${index}`)
      const checks = Array.from({ length: 40 }, (_, index) => ({ stream: `acme/worker/w-${index}`, version: 0 }))
      const result = await store.append(
        streams.map((stream) => after(stream)),
        checks,
      )
      expect(appended(result)).toHaveLength(60)
    })

    test('commits appended together name each other, without their tenant', async () => {
      const { store } = await open()
      const [first] = await grow(store, bench, [2])
      await store.append([after(reservation), after(bench, first), after(other)])
      expect((await store.load(reservation)).at(-1)?.siblings).toEqual(['bench/rig-1@3', 'bench/rig-2@1'])
      expect((await store.load(bench)).at(-1)?.siblings).toEqual(['reservation/01KAGZ3QX0@1', 'bench/rig-2@1'])
    })

    test('a commit that goes alone, or with checks only, names no siblings', async () => {
      const { store } = await open()
      const [alone] = appended(await store.append([after(bench)]))
      const [checked] = appended(await store.append([after(other)], [{ stream: bench, version: 1 }]))
      expect(alone).not.toHaveProperty('siblings')
      expect(checked).not.toHaveProperty('siblings')
    })
  })

export const checkLaws = (open: Open) =>
  describe('checks', () => {
    test('an append passes while the streams it checks are where they were', async () => {
      const { store } = await open()
      await grow(store, bench, [1, 2])
      expect(await store.append([after(other)], [{ stream: bench, version: 3 }])).toMatchObject({ kind: 'appended' })
      expect((await store.load(bench)).map(({ version }) => version)).toEqual([1, 2])
    })

    test('a check on a stream that has moved is a conflict that names who moved it, and nothing is written', async () => {
      const { store } = await open()
      const commits = await grow(store, bench, [1, 1])
      const result = await store.append([after(other), after(reservation)], [{ stream: bench, version: 1 }])
      expect(result).toEqual({ kind: 'conflict', winners: [commits[1]] })
      expect(await store.load(other)).toEqual([])
    })

    test('a check of version 0 demands that the stream does not exist', async () => {
      const { store } = await open()
      const commits = await grow(store, bench, [1])
      const absent = { stream: reservation, version: 0 }
      expect(await store.append([after(other)], [absent])).toMatchObject({ kind: 'appended' })
      expect(await store.append([after(reservation)], [{ stream: bench, version: 0 }])).toEqual({
        kind: 'conflict',
        winners: commits,
      })
    })

    test('checks can be appended alone: they answer, and write nothing', async () => {
      const { store } = await open()
      await grow(store, bench, [1])
      expect(await store.append([], [{ stream: bench, version: 1 }])).toEqual({ kind: 'appended', commits: [] })
      expect(await store.append([], [{ stream: bench, version: 0 }])).toMatchObject({ kind: 'conflict' })
      expect(await drain(store)).toHaveLength(1)
    })
  })

export const raceLaws = (open: Open) =>
  describe('races', () => {
    test('of many appends to one version exactly one wins, and the others are told which', async () => {
      const { store } = await open()
      const racers = Array.from({ length: 50 }, (_, index) => after(bench, undefined, { commandId: `racer-${index}` }))
      const results = await Promise.all(racers.map((racer) => store.append([racer])))
      const winners = results.filter(({ kind }) => kind === 'appended').flatMap(appended)
      expect(winners).toHaveLength(1)
      const told = results.filter((result) => result.kind === 'conflict').map((result) => result.winners)
      expect(told).toEqual(Array.from({ length: 49 }, () => winners))
      expect(await store.load(bench)).toEqual(winners)
    })

    test('of appends whose streams overlap each is all or nothing', async () => {
      const { store } = await open()
      const rigs = Array.from({ length: 10 }, (_, index) => `acme/bench/rig-${index}`)
      const results = await Promise.all(
        rigs.map((rig, index) => store.append([after(rig), after(rigs[(index + 1) % rigs.length]!)])),
      )
      const won = results.filter(({ kind }) => kind === 'appended').flatMap(appended)
      const stored = (await Promise.all(rigs.map((rig) => store.load(rig)))).flat()
      expect(stored.map(named)).toEqual(won.map(named).toSorted())
      expect(won.length).toBeGreaterThanOrEqual(2)
      expect(new Set(won.map(named)).size).toBe(won.length)
    })

    test('writers that go on after their conflicts leave one chain of all their commits', async () => {
      const { store } = await open()
      const write = async (writer: number): Promise<void> => {
        for (let written = 0; written < 10; ) {
          const head = (await store.load(bench)).at(-1)
          const result = await store.append([after(bench, head, { commandId: `${writer}-${written}` })])
          if (result.kind === 'appended') written++
        }
      }
      await Promise.all(Array.from({ length: 5 }, (_, writer) => write(writer)))
      const commits = await store.load(bench)
      expect(commits).toHaveLength(50)
      expect(new Set(commits.map(({ commandId }) => commandId)).size).toBe(50)
    })

    test('a reader never sees a part of an append', async () => {
      const { store } = await open()
      const pair = ['acme/bench/left', 'acme/bench/right'] as const
      const heads = async () => Promise.all(pair.map(async (stream) => (await store.load(stream)).at(-1)))
      for (let round = 0; round < 20; round++) {
        const [left, right] = await heads()
        const writing = store.append([after(pair[0], left), after(pair[1], right)])
        const page = await store.feed(undefined, 100)
        expect(page.commits.length % 2).toBe(0)
        await writing
      }
    })
  })
