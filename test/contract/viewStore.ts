import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { viewStoreDerived } from './viewStoreDerived.ts'
import { at, change, entry, idsIn, type Store } from './viewStoreGiven.ts'
import { viewStoreIndexes } from './viewStoreIndexes.ts'
import { viewStoreRows } from './viewStoreRows.ts'

export interface ViewStoreUnderTest {
  store: Store
  /** The same rows after a restart; undefined when they live no longer than their process. */
  reopen?: () => Promise<Store>
  end: () => Promise<void>
}

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
    const ids = (given: Parameters<typeof idsIn>[1] = {}) => idsIn(store, given)

    viewStoreRows(() => store)
    viewStoreDerived(() => store)
    viewStoreIndexes(() => store)

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
