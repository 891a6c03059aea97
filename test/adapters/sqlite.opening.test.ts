import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { openHistory } from '../../adapters/sqlite/history.ts'
import { grow } from '../contract/medium.ts'
import { temporaryDirectories } from './directories.ts'

const { fresh, closing } = temporaryDirectories()

const opened = (directory: string) => closing(openHistory({ directory }))
const rawOf = (directory: string) => closing(new DatabaseSync(join(directory, 'history.db')))

describe('a file of ours', () => {
  test('gives the same schema however often it is opened', async () => {
    const directory = fresh()
    const schemaOf = () => rawOf(directory).prepare('SELECT name, sql FROM sqlite_schema ORDER BY name').all()
    await opened(directory).close()
    const first = schemaOf()
    for (let round = 0; round < 3; round++) await opened(directory).close()
    expect(schemaOf()).toEqual(first)
  })
})

const overwrite = (file: string, position: number, bytes: Buffer): void => {
  const descriptor = openSync(file, 'r+')
  writeSync(descriptor, bytes, 0, bytes.length, position)
  closeSync(descriptor)
}

describe('a file that cannot be used', () => {
  const refusal = (message: string) =>
    expect.objectContaining({ code: 'storage-unusable', message: expect.stringContaining(message) })

  test('is refused by name when it is no database', () => {
    const directory = fresh()
    writeFileSync(join(directory, 'history.db'), 'no database at all'.repeat(1_000))
    expect(() => openHistory({ directory })).toThrow(refusal('history.db is not a database'))
  })

  test('is refused when it is somebody else’s database', () => {
    const directory = fresh()
    rawOf(directory).exec('CREATE TABLE invoices (id INTEGER)')
    expect(() => openHistory({ directory })).toThrow(refusal('not one of Benchplane'))
  })

  test('is refused when a newer Benchplane wrote it', async () => {
    const directory = fresh()
    await opened(directory).close()
    rawOf(directory).exec('PRAGMA user_version = 2')
    expect(() => openHistory({ directory })).toThrow(refusal('schema 2, this one knows 1'))
  })

  test('is a fault when it turns out to be damaged inside', async () => {
    const directory = fresh()
    const store = opened(directory)
    const eventCounts = Array.from({ length: 200 }, () => 5)
    await grow(store, 'acme/bench/rig-1', eventCounts)
    await store.close()
    overwrite(join(directory, 'history.db'), 5 * 4_096, Buffer.alloc(20 * 4_096, 7))
    const damaged = opened(directory)
    await expect(damaged.load('acme/bench/rig-1')).rejects.toEqual(refusal('history.db is damaged'))
    await expect(damaged.scan()[Symbol.asyncIterator]().next()).rejects.toEqual(refusal('history.db is damaged'))
  })

  test.each(['is a file', 'is below a file'])('is refused when its directory %s', (where) => {
    const file = join(fresh(), 'not-a-directory')
    writeFileSync(file, '')
    const directory = where === 'is a file' ? file : join(file, 'data')
    expect(() => openHistory({ directory })).toThrow(refusal(`cannot write in ${directory}`))
  })

  test('is refused to an auditor when it is not there', () => {
    expect(() => openHistory({ directory: fresh(), readOnly: true })).toThrow(refusal('history.db cannot be opened'))
  })

  test('does not keep its directory locked', () => {
    const directory = fresh()
    writeFileSync(join(directory, 'history.db'), 'no database at all'.repeat(1_000))
    expect(() => openHistory({ directory })).toThrow(refusal('is not a database'))
    expect(() => openHistory({ directory })).toThrow(refusal('is not a database'))
  })
})
