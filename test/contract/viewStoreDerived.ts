import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { change, entry, idsIn, type Store } from './viewStoreGiven.ts'

const derived = (id: string, version: number, given: Parameters<typeof change>[2] = {}) =>
  change(id, version, { ...given, previousVersion: 'older' })

/** The laws of rows derived from a stream beside its head: the newest wins, and nobody fails. */
export const viewStoreDerived = (store: () => Store): void => {
  const ids = (given: Parameters<typeof idsIn>[1] = {}) => idsIn(store(), given)
  const versionOf = async (id: string) => (await store().read('things', 'default', [id]))[0]?.version

  describe('derived rows', () => {
    test('a newer one replaces an older one, with its places, over any number of versions', async () => {
      expect(await store().write([derived('a', 3, { entries: [entry('3')] })])).toEqual([])
      expect(await store().write([derived('a', 9, { entries: [entry('9')] })])).toEqual([])
      expect(await versionOf('a')).toBe(9)
      expect(await ids({ to: '3' })).toEqual([])
      expect(await ids({ from: '9' })).toEqual(['a'])
      expect(await store().rowCount('things')).toBe(1)
    })

    test('one that comes late, or again, changes nothing and is no failure', async () => {
      await store().write([derived('a', 5, { entries: [entry('5')] })])
      const late = derived('a', 4, { body: 'late', entries: [entry('4')] })
      const again = derived('a', 5, { body: 'again', entries: [entry('6')] })
      expect(await store().write([late, again], { consumer: 'project', cursor: '7' })).toEqual([])
      expect(await store().read('things', 'default', ['a'])).toEqual([
        { id: 'a', version: 5, body: { id: 'a', version: 5 } },
      ])
      expect(await ids()).toEqual(['a'])
      expect(await ids({ from: '5', to: '5' })).toEqual(['a'])
      expect(await store().rowCount('things')).toBe(1)
      expect(await store().checkpoint('project')).toBe('7')
    })

    test('within one call, the newest wins too', async () => {
      await store().write([derived('a', 2), derived('a', 1), derived('a', 4), derived('a', 3)])
      expect(await versionOf('a')).toBe(4)
      expect(await store().rowCount('things')).toBe(1)
    })

    test('they are written though their head is not, which another has written', async () => {
      const head = (version: number, previousVersion: number) =>
        change('e', version, { view: 'heads', previousVersion })
      await store().write([head(1, 0), derived('e/a', 1)])
      await store().write([derived('e/a', 3), head(3, 1)])
      expect(await store().write([derived('e/a', 2), derived('e/b', 2), head(2, 1)])).toEqual(['heads/e'])
      expect([await versionOf('e/a'), await versionOf('e/b')]).toEqual([3, 2])
    })

    test('whatever the order, each is what its newest version was, and stands only there', async () => {
      const anyVersions = fc.array(fc.tuple(fc.constantFrom('a', 'b'), fc.integer({ min: 1, max: 9 })), {
        minLength: 1,
        maxLength: 20,
      })
      await fc.assert(
        fc.asyncProperty(anyVersions, fc.nat(3), fc.uuid(), async (versions, size, tenant) => {
          for (let at = 0; at < versions.length; at += size + 1)
            await store().write(
              versions.slice(at, at + size + 1).map(([id, n]) => derived(id, n, { tenant, entries: [entry(`${n}`)] })),
            )
          for (const id of new Set(versions.map(([one]) => one))) {
            const newest = Math.max(...versions.filter(([one]) => one === id).map(([, n]) => n))
            const found = await store().query({
              view: 'things',
              tenant,
              index: 'all_idx',
              partition: 'all',
              limit: 500,
            })
            expect(found.rows.filter((row) => row.id === id)).toEqual([
              { id, version: newest, body: { id, version: newest } },
            ])
          }
        }),
        { numRuns: 40 },
      )
    })
  })
}
