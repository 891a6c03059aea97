import { describe, expect, test } from 'vitest'
import { at, change, entry, idsIn, question, type Store } from './viewStoreGiven.ts'

/** The laws of rows, their guards and checkpoints. */
export const viewStoreRows = (store: () => Store): void => {
  const ids = (given: Parameters<typeof idsIn>[1] = {}) => idsIn(store(), given)

  describe('rows', () => {
    test('a row is read as it was written', async () => {
      const body = { text: 'ä€😀\u2028"\\', list: [1, null, { deep: [true] }], empty: {} }
      expect(await store().write([change('a', 1, { body, nextDue: at(5) })])).toEqual([])
      expect(await store().read('things', 'default', ['a'])).toEqual([{ id: 'a', version: 1, body, nextDue: at(5) }])
    })

    test('what was read before is read as it is now', async () => {
      await store().write([change('a', 1, { entries: [entry('1')] })])
      const versions = async () => [
        (await store().read('things', 'default', ['a']))[0]?.version,
        (await store().query(question())).rows[0]?.version,
      ]
      expect(await versions()).toEqual([1, 1])
      await store().write([change('a', 2, { entries: [entry('1')] })])
      expect(await versions()).toEqual([2, 2])
      await store().write([change('a', 3, { entries: [entry('3')] })])
      expect(await versions()).toEqual([3, 3])
    })

    test('a row without nextDue has none', async () => {
      await store().write([change('a', 1, { nextDue: at(1) })])
      await store().write([change('a', 2)])
      expect(Object.keys((await store().read('things', 'default', ['a']))[0] ?? {})).toEqual(['id', 'version', 'body'])
      expect(await store().due(undefined, 10)).toEqual([])
    })

    test('rows are answered in the order they are asked for, those that are not there left out', async () => {
      await store().write([change('a', 1), change('b', 1), change('c', 1)])
      const rows = await store().read('things', 'default', ['c', 'nobody', 'a'])
      expect(rows.map(({ id }) => id)).toEqual(['c', 'a'])
      expect(await store().read('things', 'default', [])).toEqual([])
    })

    test('views and tenants do not see each other’s rows', async () => {
      await store().write([
        change('a', 1, { body: 1 }),
        change('a', 1, { body: 2, view: 'others' }),
        change('a', 1, { body: 3, tenant: 'second' }),
      ])
      const bodyOf = async (view: string, tenant: string) => (await store().read(view, tenant, ['a']))[0]?.body
      expect(await bodyOf('things', 'default')).toBe(1)
      expect(await bodyOf('others', 'default')).toBe(2)
      expect(await bodyOf('things', 'second')).toBe(3)
      expect(await bodyOf('others', 'second')).toBeUndefined()
    })

    test('an id may hold whatever an id may hold', async () => {
      const id = 'A.b:c_d-9'.repeat(14)
      await store().write([change(id, 1, { entries: [entry('x')], nextDue: at(1) })])
      expect((await store().read('things', 'default', [id])).map((row) => row.id)).toEqual([id])
      expect(await ids()).toEqual([id])
      expect((await store().due(undefined, 1))[0]?.id).toBe(id)
    })

    test('rows are counted per view', async () => {
      await store().write([change('a', 1), change('b', 1), change('a', 1, { view: 'others' })])
      await store().write([change('a', 2), change('b', 7)])
      expect(await store().rowCount('things')).toBe(2)
      expect(await store().rowCount('others')).toBe(1)
      expect(await store().rowCount('nothing')).toBe(0)
    })

    test('a large body fits', async () => {
      const body = {
        tasks: Array.from({ length: 1_000 }, (_, index) => ({ name: `task-${index}`, text: 'x'.repeat(500) })),
      }
      await store().write([change('a', 1, { body })])
      await store().write([change('a', 2, { body })])
      expect((await store().read('things', 'default', ['a']))[0]).toEqual({ id: 'a', version: 2, body })
    })
  })

  describe('guards', () => {
    test('a new row is refused where there is one', async () => {
      await store().write([change('a', 1)])
      expect(await store().write([change('a', 1, { body: 'other' })])).toEqual(['things/a'])
      expect((await store().read('things', 'default', ['a']))[0]?.body).toEqual({ id: 'a', version: 1 })
    })

    test('a row that has moved on is not overwritten, and neither are its entries', async () => {
      await store().write([change('a', 1, { entries: [entry('1')] })])
      await store().write([change('a', 2, { entries: [entry('2')], nextDue: at(2) })])
      const stale = change('a', 3, { previousVersion: 1, entries: [entry('9')], nextDue: at(9) })
      expect(await store().write([stale])).toEqual(['things/a'])
      expect((await store().read('things', 'default', ['a']))[0]?.version).toBe(2)
      expect(await ids({ from: '9' })).toEqual([])
      expect(await ids({ from: '2', to: '2' })).toEqual(['a'])
      expect((await store().due(undefined, 9)).map(({ nextDue }) => nextDue)).toEqual([at(2)])
    })

    test('a row that is not there is not replaced', async () => {
      expect(await store().write([change('a', 5, { entries: [entry('1')] })])).toEqual(['things/a'])
      expect(await store().read('things', 'default', ['a'])).toEqual([])
      expect(await ids()).toEqual([])
      expect(await store().rowCount('things')).toBe(0)
    })

    test('one guard that fails does not hinder the other rows', async () => {
      await store().write([change('a', 1)])
      expect(await store().write([change('a', 5), change('b', 1), change('c', 4)])).toEqual(['things/a', 'things/c'])
      expect(await store().read('things', 'default', ['b'])).toHaveLength(1)
    })

    test('a version may skip: several events are one write', async () => {
      await store().write([change('a', 4, { previousVersion: 0 })])
      expect(await store().write([change('a', 9, { previousVersion: 4 })])).toEqual([])
      expect((await store().read('things', 'default', ['a']))[0]?.version).toBe(9)
    })

    test('a row may be written twice in one call, each on the one before', async () => {
      await store().write([change('a', 1, { entries: [entry('1')] }), change('a', 2, { entries: [entry('2')] })])
      expect(await ids()).toEqual(['a'])
      expect(await ids({ from: '2' })).toEqual(['a'])
      expect(await store().rowCount('things')).toBe(1)
    })

    test('of two that write the same version, one wins', async () => {
      await store().write([change('a', 1)])
      const answers = await Promise.all([
        store().write([change('a', 2, { body: 'first' })]),
        store().write([change('a', 2, { body: 'second' })]),
      ])
      expect(answers.flat()).toEqual(['things/a'])
    })
  })

  describe('checkpoints', () => {
    test('a consumer without a checkpoint has none; a saved one is told again, per consumer', async () => {
      expect(await store().checkpoint('project')).toBeUndefined()
      await store().saveCheckpoint('project', '17')
      await store().saveCheckpoint('react', '12')
      await store().saveCheckpoint('project', '18')
      expect(await store().checkpoint('project')).toBe('18')
      expect(await store().checkpoint('react')).toBe('12')
    })

    test('a checkpoint is saved with the rows, also without any', async () => {
      await store().write([change('a', 1)], { consumer: 'project', cursor: '1' })
      expect(await store().checkpoint('project')).toBe('1')
      await store().write([], { consumer: 'project', cursor: '2' })
      expect(await store().checkpoint('project')).toBe('2')
    })

    test('a checkpoint waits for every row: it is not saved where a guard has failed', async () => {
      await store().write([change('b', 1), change('a', 9)], { consumer: 'project', cursor: '1' })
      expect(await store().checkpoint('project')).toBeUndefined()
    })
  })
}
