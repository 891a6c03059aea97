import { describe, expect, test } from 'vitest'
import { at, change, entry, idsIn, question, type Store } from './viewStoreGiven.ts'

/** The laws of indexes and of what is due. */
export const viewStoreIndexes = (store: () => Store): void => {
  const ids = (given: Parameters<typeof idsIn>[1] = {}) => idsIn(store(), given)

  describe('indexes', () => {
    const letters = ['d', 'a', 'c', 'b', 'e']
    const fill = () => store().write(letters.map((id) => change(id, 1, { entries: [entry(id)] })))

    test('rows are found in the order of their sort, or against it', async () => {
      await fill()
      expect(await ids()).toEqual(['a', 'b', 'c', 'd', 'e'])
      expect(await ids({ descending: true })).toEqual(['e', 'd', 'c', 'b', 'a'])
    })

    test('rows that sort alike are ordered by id', async () => {
      await store().write(letters.map((id) => change(id, 1, { entries: [entry('same')] })))
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
      const first = await store().query(question({ limit: 2 }))
      const second = await store().query(question({ limit: 2, cursor: first.nextCursor! }))
      const third = await store().query(question({ limit: 2, cursor: second.nextCursor! }))
      expect([first, second, third].map(({ rows }) => rows.map(({ id }) => id))).toEqual([
        ['a', 'b'],
        ['c', 'd'],
        ['e'],
      ])
      expect('nextCursor' in third).toBe(false)
      expect('nextCursor' in (await store().query(question({ limit: 5 })))).toBe(false)
    })

    test('a page goes on where the last one ended, whatever has come or gone since', async () => {
      await fill()
      const { nextCursor } = await store().query(question({ limit: 2, descending: true }))
      await store().write([
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
      await store().write([change('a', 1, { entries })])
      for (const partition of ['can-fd', 'ecu=x'])
        expect(await ids({ index: 'capability_idx', partition })).toEqual(['a'])
      expect(await ids()).toEqual(['a'])
    })

    test('a row leaves the places that its new version does not name', async () => {
      await store().write([change('a', 1, { entries: [entry('1'), entry('1', 'queued'), entry('1', 'bench')] })])
      await store().write([change('a', 2, { entries: [entry('2'), entry('1', 'active'), entry('1', 'bench')] })])
      expect(await ids({ to: '1' })).toEqual([])
      expect(await ids({ from: '2' })).toEqual(['a'])
      expect(await ids({ partition: 'queued' })).toEqual([])
      expect(await ids({ partition: 'active' })).toEqual(['a'])
      expect(await ids({ partition: 'bench' })).toEqual(['a'])
    })

    test('an entry named twice is one', async () => {
      await store().write([change('a', 1, { entries: [entry('1'), entry('1')] })])
      expect(await ids()).toEqual(['a'])
      await store().write([change('a', 2, { entries: [] })])
      expect(await ids()).toEqual([])
    })

    test('views, tenants, indexes and partitions are apart, whatever is in a partition’s name', async () => {
      await store().write([
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
        await expect(store().query(question({ limit }))).rejects.toThrow(RangeError)
    })
  })

  describe('due', () => {
    test('rows are due at their instant, the earliest first, whatever their view and tenant', async () => {
      await store().write([
        change('later', 1, { nextDue: at(3) }),
        change('now', 4, { previousVersion: 0, nextDue: at(2), tenant: 'second' }),
        change('past', 1, { nextDue: at(1), view: 'others' }),
        change('never', 1),
      ])
      expect(await store().due(at(2), 10)).toEqual([
        { view: 'others', tenant: 'default', id: 'past', version: 1, nextDue: at(1) },
        { view: 'things', tenant: 'second', id: 'now', version: 4, nextDue: at(2) },
      ])
      expect((await store().due(undefined, 10)).map(({ id }) => id)).toEqual(['past', 'now', 'later'])
      expect((await store().due(undefined, 1)).map(({ id }) => id)).toEqual(['past'])
    })

    test('a row is due when its newest version says so', async () => {
      await store().write([change('a', 1, { nextDue: at(1) }), change('b', 1, { nextDue: at(2) })])
      await store().write([change('a', 2, { nextDue: at(3) })])
      expect((await store().due(undefined, 10)).map(({ id, version }) => `${id}${version}`)).toEqual(['b1', 'a2'])
    })
  })
}
