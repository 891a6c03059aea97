import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { discardGeneration, generationsIn, viewsFile } from '../../adapters/sqlite/generations.ts'
import { openViews } from '../../adapters/sqlite/views.ts'
import { viewStoreContract } from '../contract/viewStore.ts'

const temporary = () => mkdtempSync(join(tmpdir(), 'benchplane-views-'))

viewStoreContract('sqlite', async () => {
  const directory = temporary()
  let store = openViews({ directory, generation: 1 })
  return {
    store,
    reopen: async () => {
      await store.close()
      store = openViews({ directory, generation: 1 })
      return store
    },
    end: async () => {
      await store.close()
      rmSync(directory, { recursive: true })
    },
  }
})

let directory: string
beforeEach(() => (directory = temporary()))
afterEach(() => rmSync(directory, { recursive: true, force: true }))

test('each generation has a file of its own, and goes with all that belongs to it', async () => {
  expect(generationsIn(join(directory, 'not', 'yet'))).toEqual([])
  const stores = [1, 2, 10].map((generation) => openViews({ directory, generation }))
  writeFileSync(join(directory, 'views-x.db'), '')
  expect(generationsIn(directory)).toEqual([10, 2, 1])
  await stores[1]?.close()
  discardGeneration(directory, 2)
  expect(generationsIn(directory)).toEqual([10, 1])
  expect(existsSync(`${viewsFile(directory, 2)}-wal`)).toBe(false)
  for (const store of stores) await store.close()
})

test('a file that is none of ours is refused by name', () => {
  writeFileSync(viewsFile(directory, 1), 'not a database, whatever its name says'.repeat(100))
  expect(() => openViews({ directory, generation: 1 })).toThrow('views-1.db is not a database')
})

test('what the engine refuses is a fault that names the file, and leaves rows and cache as they were', async () => {
  const store = openViews({ directory, generation: 1 })
  const change = (version: number, sort: string) => ({
    view: 'things',
    tenant: 'default',
    previousVersion: version - 1,
    row: { id: 'a', version, body: version },
    entries: [{ index: 'all_idx', partition: 'all', sort }],
  })
  await store.write([change(1, '1')])
  const saboteur = new DatabaseSync(viewsFile(directory, 1))
  saboteur.exec(`CREATE TRIGGER sabotage BEFORE INSERT ON index_entries BEGIN SELECT raise(ABORT, 'no'); END`)
  await expect(store.write([change(2, '2')])).rejects.toMatchObject({ code: 'storage-unusable' })
  expect((await store.read('things', 'default', ['a']))[0]?.version).toBe(1)
  saboteur.exec('DROP TRIGGER sabotage')
  saboteur.close()
  expect(await store.write([change(2, '2')])).toEqual([])
  await store.close()
})
