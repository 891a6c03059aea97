import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { ArtifactStore, ReceivedArtifact } from '../../domain/artifactStore.ts'

const place = { tenant: 'default', executionId: 'e-1' }
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const bytesMax = 10_000_000

async function* piecesOf(bytes: Uint8Array, size = 7_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function* breakingOff(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('half of ')
  throw new Error('the client has gone')
}

const received = async (store: ArtifactStore, bytes: Uint8Array): Promise<ReceivedArtifact> => {
  const answer = await store.receive(place, piecesOf(bytes), bytesMax)
  if (answer === 'too-large') throw new Error(answer)
  return answer
}

const put = async (store: ArtifactStore, bytes: Uint8Array) => {
  const artifact = await received(store, bytes)
  await artifact.keep()
  return { ...place, sha256: artifact.sha256 }
}

interface Opened {
  store: ArtifactStore
  /** The names of all files it has, where it has any. */
  left: () => readonly string[] | Promise<readonly string[]>
}

/** What every store of artifacts promises. */
export const artifactStoreContract = (medium: string, open: () => Opened | Promise<Opened>) => {
  describe(`artifacts in ${medium}`, () => {
    const some = Buffer.from(Array.from({ length: 100_000 }, (_, n) => n % 251))
    const read = async (store: ArtifactStore, hash: string, from: number, to: number) =>
      Buffer.concat(await Array.fromAsync(store.read({ ...place, sha256: hash }, { from, to })))

    test('are counted and hashed as they come, and come back as they are', async () => {
      const { store } = await open()
      const artifact = await received(store, some)
      expect(artifact).toMatchObject({ bytes: 100_000, sha256: sha256(some) })
      expect(await store.size({ ...place, sha256: artifact.sha256 })).toBeUndefined()
      await artifact.keep()
      expect(await store.size({ ...place, sha256: artifact.sha256 })).toBe(100_000)
      expect((await read(store, artifact.sha256, 0, 99_999)).equals(some)).toBe(true)
    })

    test('give any range of their bytes, both ends inclusive', async () => {
      const { store } = await open()
      const key = await put(store, some)
      expect([...(await read(store, key.sha256, 0, 0))]).toEqual([0])
      expect([...(await read(store, key.sha256, 99_998, 99_999))]).toEqual([...some.subarray(99_998)])
      expect((await read(store, key.sha256, 10, 60_000)).equals(some.subarray(10, 60_001))).toBe(true)
      await expect(read(store, key.sha256, 99_999, 100_000)).rejects.toMatchObject({ code: 'storage-unusable' })
    })

    test('may be empty', async () => {
      const { store } = await open()
      const key = await put(store, Buffer.alloc(0))
      expect(key.sha256).toBe(sha256(Buffer.alloc(0)))
      expect(await store.size(key)).toBe(0)
    })

    test('lie once, however many bring the same bytes at once', async () => {
      const { store, left } = await open()
      const keys = await Promise.all(Array.from({ length: 8 }, () => put(store, some)))
      expect(new Set(keys.map((key) => key.sha256)).size).toBe(1)
      expect((await read(store, sha256(some), 0, 99_999)).equals(some)).toBe(true)
      expect((await left()).filter((name) => name.includes('incoming/'))).toEqual([])
      await put(store, some)
      expect(await store.size({ ...place, sha256: sha256(some) })).toBe(100_000)
    })

    test('of one execution are not those of another', async () => {
      const { store } = await open()
      const key = await put(store, some)
      expect(await store.size({ ...key, executionId: 'e-2' })).toBeUndefined()
      expect(await store.size({ ...key, tenant: 'other' })).toBeUndefined()
      await expect(
        Array.fromAsync(store.read({ ...key, executionId: 'e-2' }, { from: 0, to: 1 })),
      ).rejects.toMatchObject({
        code: 'storage-unusable',
      })
    })

    test('that break off, are too large, or are given up leave nothing', async () => {
      const { store, left } = await open()
      await expect(store.receive(place, breakingOff(), bytesMax)).rejects.toThrow('the client has gone')
      expect(await store.receive(place, piecesOf(some), 99_999)).toBe('too-large')
      expect(await store.receive(place, piecesOf(some), 100_000)).toMatchObject({ bytes: 100_000 })
      await (await received(store, some)).discard()
      expect(await store.size({ ...place, sha256: sha256(some) })).toBeUndefined()
      expect((await left()).filter((name) => name.includes('incoming/')).length).toBeLessThanOrEqual(1)
    })

    test('are asked for by a SHA-256 and nothing else', async () => {
      const { store } = await open()
      for (const hostile of ['../../history.db', 'A'.repeat(64), '', `${'0'.repeat(63)}/`, '.'.repeat(64)]) {
        await expect((async () => store.size({ ...place, sha256: hostile }))()).rejects.toMatchObject({
          code: 'storage-unusable',
        })
        await expect(
          (async () => Array.fromAsync(store.read({ ...place, sha256: hostile }, { from: 0, to: 0 })))(),
        ).rejects.toMatchObject({ code: 'storage-unusable' })
      }
    })
  })
}
