import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { IndexEntry, RowChange, ViewQuestion, ViewStore } from '../../domain/ports.ts'

type Store = ViewStore & { rowCount(view: string): Promise<number> }

export interface ViewStoreUnderTest {
  store: Store
  /** The same rows after a restart; undefined when they live no longer than their process. */
  reopen?(): Promise<Store>
  end(): Promise<void>
}

const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString()

const change = (
  id: string,
  version: number,
  given: Partial<RowChange> & { nextDue?: string; body?: unknown } = {},
): RowChange => {
  const { nextDue, body, ...rest } = given
  const row = { id, version, body: body ?? { id, version }, ...(nextDue === undefined ? {} : { nextDue }) }
  return { view: 'things', tenant: 'default', previousVersion: version - 1, entries: [], ...rest, row }
}
const entry = (sort: string, partition = 'all', index = 'all_idx'): IndexEntry => ({ index, partition, sort })
const question = (given: Partial<ViewQuestion> = {}): ViewQuestion => ({
  view: 'things',
  tenant: 'default',
  index: 'all_idx',
  partition: 'all',
  limit: 500,
  ...given,
})

/** What every view store promises, whichever engine is behind it. */
export const viewStoreContract = (name: string, open: () => Promise<ViewStoreUnderTest>): void => {
  describe(`${name} as a view store`, () => {
    let under: ViewStoreUnderTest
    let store: Store
    beforeEach(async () => {
      under = await open()
      store = under.store
    })
    afterEach(() => under.end())
    const ids = async (given: Partial<ViewQuestion> = {}) =>
      (await store.query(question(given))).rows.map(({ id }) => id)

    describe('rows', () => {
      test('a row is read as it was written', async () => {
        const body = { text: 'ä€😀\u2028"\\', list: [1, null, { deep: [true] }], empty: {} }
        expect(await store.write([change('a', 1, { body, nextDue: at(5) })])).toEqual([])
        expect(await store.read('things', 'default', ['a'])).toEqual([{ id: 'a', version: 1, body, nextDue: at(5) }])
      })

      test('a row without nextDue has none', async () => {
        await store.write([change('a', 1, { nextDue: at(1) })])
        await store.write([change('a', 2)])
        expect(Object.keys((await store.read('things', 'default', ['a']))[0] ?? {})).toEqual(['id', 'version', 'body'])
        expect(await store.due(undefined, 10)).toEqual([])
      })

      test('rows are answered in the order they are asked for, those that are not there left out', async () => {
        await store.write([change('a', 1), change('b', 1), change('c', 1)])
        const rows = await store.read('things', 'default', ['c', 'nobody', 'a'])
        expect(rows.map(({ id }) => id)).toEqual(['c', 'a'])
        expect(await store.read('things', 'default', [])).toEqual([])
      })

      test('views and tenants do not see each other’s rows', async () => {
        await store.write([
          change('a', 1, { body: 1 }),
          change('a', 1, { body: 2, view: 'others' }),
          change('a', 1, { body: 3, tenant: 'second' }),
        ])
        const bodyOf = async (view: string, tenant: string) => (await store.read(view, tenant, ['a']))[0]?.body
        expect(await bodyOf('things', 'default')).toBe(1)
        expect(await bodyOf('others', 'default')).toBe(2)
        expect(await bodyOf('things', 'second')).toBe(3)
        expect(await bodyOf('others', 'second')).toBeUndefined()
      })

      test('an id may hold whatever an id may hold', async () => {
        const id = 'A.b:c_d-9'.repeat(14)
        await store.write([change(id, 1, { entries: [entry('x')], nextDue: at(1) })])
        expect((await store.read('things', 'default', [id])).map((row) => row.id)).toEqual([id])
        expect(await ids()).toEqual([id])
        expect((await store.due(undefined, 1))[0]?.id).toBe(id)
      })

      test('rows are counted per view', async () => {
        await store.write([change('a', 1), change('b', 1), change('a', 1, { view: 'others' })])
        await store.write([change('a', 2), change('b', 7)])
        expect(await store.rowCount('things')).toBe(2)
        expect(await store.rowCount('others')).toBe(1)
        expect(await store.rowCount('nothing')).toBe(0)
      })

      test('a large body fits', async () => {
        const body = {
          tasks: Array.from({ length: 1_000 }, (_, index) => ({ name: `task-${index}`, text: 'x'.repeat(500) })),
        }
        await store.write([change('a', 1, { body })])
        await store.write([change('a', 2, { body })])
        expect((await store.read('things', 'default', ['a']))[0]).toEqual({ id: 'a', version: 2, body })
      })
    })

    describe('guards', () => {
      test('a new row is refused where there is one', async () => {
        await store.write([change('a', 1)])
        expect(await store.write([change('a', 1, { body: 'other' })])).toEqual(['things/a'])
        expect((await store.read('things', 'default', ['a']))[0]?.body).toEqual({ id: 'a', version: 1 })
      })

      test('a row that has moved on is not overwritten, and neither are its entries', async () => {
        await store.write([change('a', 1, { entries: [entry('1')] })])
        await store.write([change('a', 2, { entries: [entry('2')], nextDue: at(2) })])
        const stale = change('a', 3, { previousVersion: 1, entries: [entry('9')], nextDue: at(9) })
        expect(await store.write([stale])).toEqual(['things/a'])
        expect((await store.read('things', 'default', ['a']))[0]?.version).toBe(2)
        expect(await ids({ from: '9' })).toEqual([])
        expect(await ids({ from: '2', to: '2' })).toEqual(['a'])
        expect((await store.due(undefined, 9)).map(({ nextDue }) => nextDue)).toEqual([at(2)])
      })

      test('a row that is not there is not replaced', async () => {
        expect(await store.write([change('a', 5, { entries: [entry('1')] })])).toEqual(['things/a'])
        expect(await store.read('things', 'default', ['a'])).toEqual([])
        expect(await ids()).toEqual([])
        expect(await store.rowCount('things')).toBe(0)
      })

      test('one guard that fails does not hinder the other rows', async () => {
        await store.write([change('a', 1)])
        expect(await store.write([change('a', 5), change('b', 1), change('c', 4)])).toEqual(['things/a', 'things/c'])
        expect(await store.read('things', 'default', ['b'])).toHaveLength(1)
      })

      test('a version may skip: several events are one write', async () => {
        await store.write([change('a', 4, { previousVersion: 0 })])
        expect(await store.write([change('a', 9, { previousVersion: 4 })])).toEqual([])
        expect((await store.read('things', 'default', ['a']))[0]?.version).toBe(9)
      })

      test('a row may be written twice in one call, each on the one before', async () => {
        await store.write([change('a', 1, { entries: [entry('1')] }), change('a', 2, { entries: [entry('2')] })])
        expect(await ids()).toEqual(['a'])
        expect(await ids({ from: '2' })).toEqual(['a'])
        expect(await store.rowCount('things')).toBe(1)
      })

      test('of two that write the same version, one wins', async () => {
        await store.write([change('a', 1)])
        const answers = await Promise.all([
          store.write([change('a', 2, { body: 'first' })]),
          store.write([change('a', 2, { body: 'second' })]),
        ])
        expect(answers.flat()).toEqual(['things/a'])
      })
    })

    describe('checkpoints', () => {
      test('a consumer without a checkpoint has none; a saved one is told again, per consumer', async () => {
        expect(await store.checkpoint('project')).toBeUndefined()
        await store.saveCheckpoint('project', '17')
        await store.saveCheckpoint('react', '12')
        await store.saveCheckpoint('project', '18')
        expect(await store.checkpoint('project')).toBe('18')
        expect(await store.checkpoint('react')).toBe('12')
      })

      test('a checkpoint is saved with the rows, also without any', async () => {
        await store.write([change('a', 1)], { consumer: 'project', cursor: '1' })
        expect(await store.checkpoint('project')).toBe('1')
        await store.write([], { consumer: 'project', cursor: '2' })
        expect(await store.checkpoint('project')).toBe('2')
      })

      test('a checkpoint waits for every row: it is not saved where a guard has failed', async () => {
        await store.write([change('b', 1), change('a', 9)], { consumer: 'project', cursor: '1' })
        expect(await store.checkpoint('project')).toBeUndefined()
      })
    })

    describe('indexes', () => {
      const letters = ['d', 'a', 'c', 'b', 'e']
      const fill = () => store.write(letters.map((id) => change(id, 1, { entries: [entry(id)] })))

      test('rows are found in the order of their sort, or against it', async () => {
        await fill()
        expect(await ids()).toEqual(['a', 'b', 'c', 'd', 'e'])
        expect(await ids({ descending: true })).toEqual(['e', 'd', 'c', 'b', 'a'])
      })

      test('rows that sort alike are ordered by id', async () => {
        await store.write(letters.map((id) => change(id, 1, { entries: [entry('same')] })))
        expect(await ids()).toEqual(['a', 'b', 'c', 'd', 'e'])
        expect(await ids({ descending: true, limit: 2 })).toEqual(['e', 'd'])
      })

      test('from and to are inclusive, in both directions', async () => {
        await fill()
        expect(await ids({ from: 'b', to: 'd' })).toEqual(['b', 'c', 'd'])
        expect(await ids({ from: 'b', to: 'd', descending: true })).toEqual(['d', 'c', 'b'])
        expect(await ids({ from: 'bb', to: 'bbb' })).toEqual([])
        expect(await ids({ from: 'd', to: 'b' })).toEqual([])
      })

      test('pages follow one another, and the last has no cursor', async () => {
        await fill()
        const first = await store.query(question({ limit: 2 }))
        const second = await store.query(question({ limit: 2, cursor: first.nextCursor! }))
        const third = await store.query(question({ limit: 2, cursor: second.nextCursor! }))
        expect([first, second, third].map(({ rows }) => rows.map(({ id }) => id))).toEqual([
          ['a', 'b'],
          ['c', 'd'],
          ['e'],
        ])
        expect('nextCursor' in third).toBe(false)
        expect('nextCursor' in (await store.query(question({ limit: 5 })))).toBe(false)
      })

      test('a page goes on where the last one ended, whatever has come or gone since', async () => {
        await fill()
        const { nextCursor } = await store.query(question({ limit: 2, descending: true }))
        await store.write([
          change('dd', 1, { entries: [entry('dd')] }),
          change('cc', 1, { entries: [entry('cc')] }),
          change('d', 2, { entries: [] }),
        ])
        expect(await ids({ descending: true, cursor: nextCursor! })).toEqual(['cc', 'c', 'b', 'a'])
      })

      test('a cursor that is none is an error of nobody', async () => {
        await fill()
        for (const cursor of ['', 'x', '☃', 'AAAA', 'eyJ9']) expect(await ids({ cursor })).toBeInstanceOf(Array)
      })

      test('a row is found through each of its entries, several in one index', async () => {
        const entries = [entry('1', 'can-fd', 'capability_idx'), entry('1', 'ecu=x', 'capability_idx'), entry('1')]
        await store.write([change('a', 1, { entries })])
        for (const partition of ['can-fd', 'ecu=x'])
          expect(await ids({ index: 'capability_idx', partition })).toEqual(['a'])
        expect(await ids()).toEqual(['a'])
      })

      test('a row leaves the places that its new version does not name', async () => {
        await store.write([change('a', 1, { entries: [entry('1'), entry('1', 'queued'), entry('1', 'bench')] })])
        await store.write([change('a', 2, { entries: [entry('2'), entry('1', 'active'), entry('1', 'bench')] })])
        expect(await ids({ to: '1' })).toEqual([])
        expect(await ids({ from: '2' })).toEqual(['a'])
        expect(await ids({ partition: 'queued' })).toEqual([])
        expect(await ids({ partition: 'active' })).toEqual(['a'])
        expect(await ids({ partition: 'bench' })).toEqual(['a'])
      })

      test('an entry named twice is one', async () => {
        await store.write([change('a', 1, { entries: [entry('1'), entry('1')] })])
        expect(await ids()).toEqual(['a'])
        await store.write([change('a', 2, { entries: [] })])
        expect(await ids()).toEqual([])
      })

      test('views, tenants, indexes and partitions are apart, whatever is in a partition’s name', async () => {
        await store.write([
          change('a', 1, { entries: [entry('1', 'x/y'), entry('1', 'x')] }),
          change('b', 1, { entries: [entry('1', 'x/y', 'x')], tenant: 'second' }),
          change('c', 1, { entries: [entry('1', 'y', 'x')], view: 'others' }),
        ])
        expect(await ids({ partition: 'x/y' })).toEqual(['a'])
        expect(await ids({ partition: 'y' })).toEqual([])
        expect(await ids({ index: 'x', partition: 'x/y', tenant: 'second' })).toEqual(['b'])
        expect(await ids({ index: 'x', partition: 'y', view: 'others' })).toEqual(['c'])
      })

      test('a page has 1 to 500 rows', async () => {
        for (const limit of [0, 501, 1.5, -1])
          await expect(store.query(question({ limit }))).rejects.toThrow(RangeError)
      })
    })

    describe('due', () => {
      test('rows are due at their instant, the earliest first, whatever their view and tenant', async () => {
        await store.write([
          change('later', 1, { nextDue: at(3) }),
          change('now', 4, { previousVersion: 0, nextDue: at(2), tenant: 'second' }),
          change('past', 1, { nextDue: at(1), view: 'others' }),
          change('never', 1),
        ])
        expect(await store.due(at(2), 10)).toEqual([
          { view: 'others', tenant: 'default', id: 'past', version: 1, nextDue: at(1) },
          { view: 'things', tenant: 'second', id: 'now', version: 4, nextDue: at(2) },
        ])
        expect((await store.due(undefined, 10)).map(({ id }) => id)).toEqual(['past', 'now', 'later'])
        expect((await store.due(undefined, 1)).map(({ id }) => id)).toEqual(['past'])
      })

      test('a row is due when its newest version says so', async () => {
        await store.write([change('a', 1, { nextDue: at(1) }), change('b', 1, { nextDue: at(2) })])
        await store.write([change('a', 2, { nextDue: at(3) })])
        expect((await store.due(undefined, 10)).map(({ id, version }) => `${id}${version}`)).toEqual(['b1', 'a2'])
      })
    })

    test('any writes leave every row in just the places of its last version', async () => {
      const anyChange = fc.record({
        id: fc.constantFrom('a', 'b', 'c'),
        sorts: fc.array(fc.tuple(fc.constantFrom('p', 'q'), fc.constantFrom('1', '2', '3')), { maxLength: 4 }),
        due: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
      })
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(anyChange, { maxLength: 3 }), { maxLength: 8 }),
          fc.uuid(),
          async (calls, tenant) => {
            const last = new Map<string, { version: number; sorts: [string, string][]; due: number | undefined }>()
            for (const changes of calls) {
              const wanted = changes.map(({ id, sorts, due }) => {
                const version = (last.get(id)?.version ?? 0) + 1
                last.set(id, { version, sorts, due })
                const entries = sorts.map(([partition, sort]) => entry(sort, partition))
                return change(id, version, { tenant, entries, ...(due === undefined ? {} : { nextDue: at(due) }) })
              })
              expect(await store.write(wanted)).toEqual([])
            }
            for (const partition of ['p', 'q']) {
              const expected = [...last].flatMap(([id, { sorts }]) =>
                [...new Set(sorts.filter(([own]) => own === partition).map(([, sort]) => sort))].map(
                  (sort) => `${sort}${id}`,
                ),
              )
              expect(await ids({ tenant, partition })).toEqual(expected.toSorted().map((place) => place.slice(1)))
            }
            const due = [...last].filter(([, row]) => row.due !== undefined).map(([id, row]) => `${row.due}${id}`)
            const found = (await store.due(undefined, 10_000))
              .filter((row) => row.tenant === tenant)
              .map(({ id }) => id)
            expect(found).toEqual(due.toSorted().map((place) => place.slice(1)))
          },
        ),
        { numRuns: 60 },
      )
    })

    test('what is durable is there after a restart: rows, places, what is due, checkpoints, counts', async () => {
      await store.write([change('a', 1, { entries: [entry('1')] })])
      await store.write([change('a', 2, { entries: [entry('2')], nextDue: at(1) })], {
        consumer: 'project',
        cursor: '7',
      })
      if (under.reopen === undefined) return
      store = await under.reopen()
      expect(await store.read('things', 'default', ['a'])).toEqual([
        { id: 'a', version: 2, body: { id: 'a', version: 2 }, nextDue: at(1) },
      ])
      expect(await ids()).toEqual(['a'])
      expect(await store.due(at(1), 1)).toHaveLength(1)
      expect(await store.checkpoint('project')).toBe('7')
      expect(await store.rowCount('things')).toBe(1)
      expect(await store.write([change('a', 3, { entries: [entry('3')] })])).toEqual([])
      expect(await ids()).toEqual(['a'])
    })

    test('closing twice is closing', async () => {
      await store.close()
      await store.close()
    })
  })
}
