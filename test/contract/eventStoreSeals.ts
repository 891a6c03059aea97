import { describe, expect, test } from 'vitest'
import { isFault } from '../../domain/faults.ts'
import { type Check, commitBytesMax, type NewCommit } from '../../domain/ports.ts'
import { after, drain, grow, hold, independentHash, type Open } from './medium.ts'

const bench = 'acme/bench/rig-1'
const other = 'acme/bench/rig-2'
const reservation = 'acme/reservation/01KAGZ3QX0'

export const sealLaws = (open: Open) =>
  describe('seals', () => {
    test('a commit carries the hash of its export, computed by anybody', async () => {
      const { store } = await open()
      const [first] = await grow(store, bench, [1])
      await store.append([
        after(bench, first, { causationId: 'bench/rig-1/1', traceparent: '00-1-2-01' }),
        after(reservation, undefined, { actor: { kind: 'service', id: 'ci', onBehalfOf: 'mia' } }),
      ])
      const commits = [...(await store.load(bench)), ...(await store.load(reservation))]
      expect(commits).toHaveLength(3)
      for (const commit of commits) expect(commit.hash).toBe(independentHash(commit))
    })

    test('each commit names the hash of the one before it, the first of a stream names none', async () => {
      const { store } = await open()
      await grow(store, bench, [1, 2, 1, 1])
      const commits = await store.load(bench)
      expect(commits.map(({ previousHash }) => previousHash)).toEqual([
        null,
        ...commits.slice(0, -1).map(({ hash }) => hash),
      ])
    })

    test.each<[string, unknown]>([
      [
        'text in any script, quotes and controls',
        { text: '"\\/\b\n\u0000\u001fé\u2028漢字🚀\\ud800', 'schlüssel "ä"': 1 },
      ],
      [
        'numbers at the ends of their range',
        [0, -0, 1e-7, 5e-324, 1.7976931348623157e308, 9007199254740991, 0.1, 1e21],
      ],
      ['names that look like indexes', { 10: 'a', 9: 'b', '!': 'c', '-1': 'd', '00': 'e' }],
      ['a member named __proto__', JSON.parse('{"a":1,"__proto__":{"z":1,"b":[]},"constructor":null}')],
      ['nothing, and nothing in something', [null, {}, [], '', [[]], { a: {} }]],
    ])('%s come back as they were, and their hash is anybody’s', async (_, data) => {
      const { store } = await open()
      await store.append([after(bench, undefined, { events: [hold(data)] })])
      const [commit] = await store.load(bench)
      expect(JSON.stringify(commit?.events[0]?.data)).toBe(JSON.stringify(sortedKeys(data)))
      expect(commit?.hash).toBe(independentHash(commit!))
    })

    test('what a caller does to its data after the append changes nothing that is stored', async () => {
      const { store } = await open()
      const data = { labels: ['a'] }
      await store.append([after(bench, undefined, { events: [hold(data)] })])
      data.labels.push('b')
      expect((await store.load(bench))[0]?.events[0]?.data).toEqual({ labels: ['a'] })
    })
  })

/** What JSON.parse makes of the canonical text. */
const sortedKeys = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value), (_, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  )

export const refusalLaws = (open: Open) =>
  describe('what is refused before any write', () => {
    const sized = (bytes: number) => after(other, undefined, { events: [hold('x'.repeat(bytes))] })

    test('a commit of more than 256 KB, with everything that was to be appended with it', async () => {
      const { store } = await open()
      const error: unknown = await store
        .append([after(bench), sized(commitBytesMax)])
        .catch((thrown: unknown) => thrown)
      expect(isFault(error, 'too-large')).toBe(true)
      expect(await drain(store)).toEqual([])
    })

    test('not a commit of just 256 KB, in bytes, its riding state aside', async () => {
      const { store } = await open()
      const overhead = 1_000
      const text = 'é'.repeat((commitBytesMax - overhead) / 2)
      const ride = { reducerVersion: 1, state: 'x'.repeat(2 * commitBytesMax) }
      const large = after(other, undefined, { events: [hold(text)], ride })
      expect(await store.append([large])).toMatchObject({ kind: 'appended' })
      expect((await store.load(other))[0]?.events[0]?.data).toBe(text)
    })

    test.each<[string, () => [NewCommit[], Check[]]]>([
      ['no members', () => [[], []]],
      ['more than a hundred members', () => [Array.from({ length: 101 }, (_, n) => after(`acme/bench/rig-${n}`)), []]],
      ['a commit without events', () => [[after(bench, undefined, { events: [] })], []]],
      ['a commit before version 1', () => [[after(bench, undefined, { version: 0 })], []]],
      ['a commit at no whole version', () => [[after(bench, undefined, { version: 1.5 })], []]],
      ['a check before version 0', () => [[after(bench)], [{ stream: other, version: -1 }]]],
      ['two commits on one stream', () => [[after(bench), after(bench, undefined, { version: 2 })], []]],
      ['a check on the stream of a commit', () => [[after(bench)], [{ stream: bench, version: 0 }]]],
      ['commits of two tenants', () => [[after(bench), after('umbrella/bench/rig-1')], []]],
      ['a number that JSON has not', () => [[after(bench, undefined, { events: [hold({ ms: Number.NaN })] })], []]],
      ['half a character', () => [[after(bench, undefined, { events: [hold('\ud800')] })], []]],
      ['a date that is no text', () => [[after(bench, undefined, { events: [hold({ at: new Date(0) })] })], []]],
    ])('an append with %s is a bug, and throws', async (_, members) => {
      const { store } = await open()
      const [commits, checks] = members()
      await expect(store.append(commits, checks)).rejects.toThrow(Error)
      expect(await drain(store)).toEqual([])
    })
  })
