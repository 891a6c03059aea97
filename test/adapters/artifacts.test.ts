import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openArtifacts as openFileArtifacts } from '../../adapters/files/artifacts.ts'
import { openArtifacts as openMemoryArtifacts } from '../../adapters/memory/artifacts.ts'
import { artifactStoreContract } from '../contract/artifactStore.ts'
import { temporaryDirectories } from './directories.ts'

const { fresh } = temporaryDirectories()

const filesIn = (directory: string): string[] =>
  existsSync(directory)
    ? readdirSync(directory, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
    : []

artifactStoreContract('memory', () => ({ store: openMemoryArtifacts(), left: () => [] }))
artifactStoreContract('files', () => {
  const directory = fresh()
  return { store: openFileArtifacts({ directory, freeBytesMin: 0 }), left: () => filesIn(directory) }
})

async function* bytes(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text)
}
const place = { tenant: 'default', executionId: 'e-1' }

test('what a process that died had received without keeping it is gone when the store is opened again', async () => {
  const directory = fresh()
  const before = openFileArtifacts({ directory, freeBytesMin: 0 })
  const kept = await before.receive(place, bytes('kept'), 10)
  if (kept !== 'too-large') await kept.keep()
  await before.receive(place, bytes('not kept'), 10)
  expect(filesIn(directory)).toHaveLength(2)
  const after = openFileArtifacts({ directory, freeBytesMin: 0 })
  expect(filesIn(directory)).toEqual([expect.stringMatching(/artifacts\/default\/e-1\/[0-9a-f]{64}$/)])
  expect(await after.size({ ...place, sha256: kept === 'too-large' ? '' : kept.sha256 })).toBe(4)
})

test('a disk on which nothing is left for history takes no artifact', async () => {
  const directory = fresh()
  const store = openFileArtifacts({ directory, freeBytesMin: Number.MAX_SAFE_INTEGER })
  await expect(store.receive(place, bytes('x'), 10)).rejects.toMatchObject({ code: 'storage-full' })
  expect(filesIn(directory)).toEqual([])
})

test('memory takes so much and no more', async () => {
  const store = openMemoryArtifacts({ bytesTotalMax: 10 })
  const first = await store.receive(place, bytes('12345678'), 10)
  if (first !== 'too-large') await first.keep()
  const second = await store.receive(place, bytes('1234'), 10)
  await expect(second === 'too-large' ? second : second.keep()).rejects.toMatchObject({ code: 'storage-full' })
})

test('a store that can’t be written is an outage that names its file', async () => {
  const directory = fresh()
  writeFileSync(join(directory, 'artifacts'), 'in the way')
  const store = openFileArtifacts({ directory })
  await expect(store.receive(place, bytes('x'), 10)).rejects.toMatchObject({ code: 'storage-unusable' })
})
