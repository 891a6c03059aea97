import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openViews } from '../../adapters/dynamodb/views.ts'
import type { IndexEntry, RowChange, ViewStore } from '../../domain/ports.ts'
import { at, change, entry } from '../contract/viewStoreGiven.ts'
import { openDice } from '../dice.ts'
import { localEngine } from './dynamodbLocal.ts'

const engine = localEngine()
const versionMax = 8
const partitions = ['p', 'q']
const indexes = ['all_idx', 'holder_idx', 'claimable_idx']

/** A story: of each row, where it stands at each version. Rows come from one stream: a head and two that are derived. */
type Story = Readonly<Record<'head' | 'one' | 'two', readonly (readonly IndexEntry[])[]>>

const anyEntries = fc
  .subarray(indexes.flatMap((index) => partitions.map((partition) => ({ index, partition }))))
  .chain((places) =>
    fc.tuple(
      ...places.map(({ index, partition }) => fc.constantFrom('1', '2').map((sort) => entry(sort, partition, index))),
    ),
  )
const anyVersions = fc.array(anyEntries, { minLength: versionMax + 1, maxLength: versionMax + 1 })
const anyStory: fc.Arbitrary<Story> = fc.record({ head: anyVersions, one: anyVersions, two: anyVersions })

const dueAt = (version: number) => (version % 3 === 0 ? {} : { nextDue: at(version % 2) })

/** As the projector asks: derived rows of the last version that has changed them, then the head. */
const changesOf = (story: Story, since: number, version: number): readonly RowChange[] => {
  const derived = (['one', 'two'] as const).map((id) =>
    change(id, version, { previousVersion: 'older', entries: story[id][version] ?? [], body: { id, version } }),
  )
  const head = change('head', version, {
    previousVersion: since,
    entries: story.head[version] ?? [],
    body: { id: 'head', version },
    ...dueAt(version),
  })
  return [...derived, head]
}

const headOf = async (store: ViewStore): Promise<number> =>
  (await store.read('things', 'default', ['head']))[0]?.version ?? 0

/** How many versions are made one write, of so many that are left. */
const stridesOf = (seed: number) => {
  const { next } = openDice(seed)
  return (most: number): number => 1 + Math.floor(next() * most)
}

/** One who projects to the end, in strides; a crash throws. */
const projectTo = async (store: ViewStore, story: Story, stride: (most: number) => number): Promise<void> => {
  for (let since = await headOf(store); since < versionMax; since = await headOf(store))
    await store.write(changesOf(story, since, since + stride(versionMax - since)))
}

const placesIn = async (store: ViewStore, index: string): Promise<readonly string[]> => {
  const pages = await Promise.all(
    partitions.map(async (partition) => {
      const { rows } = await store.query({ view: 'things', tenant: 'default', index, partition, limit: 500 })
      return rows.map(({ id, version }) => `${index}/${partition}/${id}@${version}`)
    }),
  )
  return pages.flat()
}

const expectedIn = (story: Story, index: string): readonly string[] =>
  Object.entries(story).flatMap(([id, versions]) =>
    (versions[versionMax] ?? [])
      .filter((own) => own.index === index)
      .map(({ partition }) => `${index}/${partition}/${id}@${versionMax}`),
  )

const sorted = (texts: readonly string[]): readonly string[] => texts.toSorted()

/** A process that ends when it has sent so many requests: those under way may or may not take effect. */
const mortal = (tablePrefix: string, requestCount: number): ViewStore => {
  const client = engine.client({})
  let left = requestCount
  client.middlewareStack.add(
    (next) => async (args) => {
      if (left-- <= 0) throw new Error('the process has ended')
      return next(args)
    },
    { step: 'initialize', name: 'mortal' },
  )
  return openViews({ client, tablePrefix, generation: 1 })
}

const lives = async (store: ViewStore, story: Story, stride: (most: number) => number): Promise<void> =>
  projectTo(store, story, stride).catch((error: unknown) => {
    if (!String(error).includes('the process has ended')) throw error
  })

const open = (tablePrefix: string) => openViews({ client: engine.client(), tablePrefix, generation: 1 })

const judge = async (tablePrefix: string, story: Story): Promise<void> => {
  const store = open(tablePrefix)
  expect(await headOf(store)).toBe(versionMax)
  for (const index of indexes) {
    expect(sorted(await placesIn(store, index))).toEqual(sorted(expectedIn(story, index)))
  }
  const due = await store.due(undefined, 10)
  expect(due).toEqual(
    'nextDue' in dueAt(versionMax)
      ? [expect.objectContaining({ id: 'head', version: versionMax, ...dueAt(versionMax) })]
      : [],
  )
}

test('whoever races whom, each row is found just where its last version stands', async () => {
  await fc.assert(
    fc.asyncProperty(anyStory, fc.nat(), async (story, seed) => {
      const tablePrefix = await engine.tables()
      const stride = stridesOf(seed)
      await Promise.all([1, 2, 3].map(async () => projectTo(open(tablePrefix), story, stride)))
      await judge(tablePrefix, story)
    }),
    { numRuns: 30 },
  )
})

test('wherever a process ends, the next one brings each row to just where its last version stands', async () => {
  await fc.assert(
    fc.asyncProperty(anyStory, fc.nat(), fc.array(fc.nat(40), { maxLength: 6 }), async (story, seed, ends) => {
      const tablePrefix = await engine.tables()
      const stride = stridesOf(seed)
      for (const end of ends) await lives(mortal(tablePrefix, end), story, stride)
      await projectTo(open(tablePrefix), story, stride)
      await judge(tablePrefix, story)
    }),
    { numRuns: 30 },
  )
})

test('of processes that end while they race, too, each row is found just where its last version stands', async () => {
  await fc.assert(
    fc.asyncProperty(
      anyStory,
      fc.nat(),
      fc.array(fc.nat(40), { minLength: 2, maxLength: 6 }),
      async (story, seed, ends) => {
        const tablePrefix = await engine.tables()
        const stride = stridesOf(seed)
        await Promise.all(ends.map(async (end) => lives(mortal(tablePrefix, end), story, stride)))
        await projectTo(open(tablePrefix), story, stride)
        await judge(tablePrefix, story)
      },
    ),
    { numRuns: 30 },
  )
})
