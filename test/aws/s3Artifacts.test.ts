import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { type ArtifactsOptions, openArtifacts } from '../../adapters/s3/artifacts.ts'
import { openPayloads } from '../../adapters/s3/payloads.ts'
import type { ArtifactStore } from '../../domain/artifactStore.ts'
import { motoBuckets } from '../adapters/motoBuckets.ts'
import { artifactStoreContract } from '../contract/artifactStore.ts'

const s3 = motoBuckets()
const place = { tenant: 'default', executionId: 'e-1' }
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const mebibyte = 1024 * 1024

const opened = async (more: Partial<ArtifactsOptions> = {}) => {
  const bucket = await s3.fresh()
  return { ...bucket, store: openArtifacts({ ...bucket, ...more }) satisfies ArtifactStore }
}

/** The store's own room for what nobody knows yet is looked at, as the contract does it. */
artifactStoreContract('S3', async () => {
  const { store, keys } = await opened()
  return { store, left: keys }
})

async function* piecesOf(bytes: Uint8Array, size = 700_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
const large = Buffer.alloc(11 * mebibyte, Buffer.from('benchplane'))

const received = async (store: ArtifactStore, source: AsyncIterable<Uint8Array>, bytesMax = 1e9) => {
  const answer = await store.receive(place, source, bytesMax)
  if (answer === 'too-large') throw new Error(answer)
  return answer
}
const all = async (store: ArtifactStore, hash: string, to: number) =>
  Buffer.concat(await Array.fromAsync(store.read({ ...place, sha256: hash }, { from: 0, to })))

describe('an artifact that comes through the server', () => {
  test('lies under its hash after one request when it is small', async () => {
    const { store, keys } = await opened()
    const artifact = await received(store, piecesOf(Buffer.from('small')))
    expect(s3.proxy().operations()).toEqual([])
    await artifact.keep()
    expect(s3.proxy().operations()).toEqual(['PutObject'])
    expect(await keys()).toEqual([`default/e-1/artifacts/${artifact.sha256}`])
  })

  test.each([
    ['in one request', {}],
    ['in parts', { copyBytesMax: 5 * mebibyte }],
  ])('comes in parts when it is large, and is copied %s when it is kept', async (_, more) => {
    const { store, keys, uploads } = await opened(more)
    const artifact = await received(store, piecesOf(large))
    expect(artifact).toMatchObject({ bytes: large.length, sha256: sha256(large) })
    expect([await keys(), await uploads()]).toEqual([[], [expect.stringMatching(/^\.incoming\//)]])
    await artifact.keep()
    expect([await keys(), await uploads()]).toEqual([[`default/e-1/artifacts/${sha256(large)}`], []])
    expect((await all(store, artifact.sha256, large.length - 1)).equals(large)).toBe(true)
    const again = await received(store, piecesOf(large))
    await again.keep()
    expect([(await keys()).length, await uploads()]).toEqual([1, []])
  })

  test('is taken no faster than the bucket takes it', async () => {
    const { store } = await opened()
    const { promise: until, resolve: go } = Promise.withResolvers<void>()
    const held = Promise.withResolvers<void>()
    s3.proxy().follow(({ operation }) => {
      if (operation !== 'UploadPart') return undefined
      held.resolve()
      return { kind: 'held', until }
    })
    let takenBytes = 0
    async function* counted(): AsyncGenerator<Uint8Array> {
      for await (const piece of piecesOf(large)) {
        takenBytes += piece.length
        yield piece
      }
    }
    const receiving = received(store, counted())
    await held.promise
    expect(takenBytes).toBeLessThan(7 * mebibyte)
    go()
    expect((await receiving).bytes).toBe(large.length)
  })

  test.each([
    ['is too large', (store: ArtifactStore) => store.receive(place, piecesOf(large), 10 * mebibyte)],
    ['is given up', async (store: ArtifactStore) => (await received(store, piecesOf(large))).discard()],
  ])('leaves nothing when it %s', async (_, give) => {
    const { store, keys, uploads } = await opened()
    await give(store)
    expect([await keys(), await uploads()]).toEqual([[], []])
  })

  test('leaves nothing when its client goes, or the bucket fails in the middle', async () => {
    const { store, keys, uploads } = await opened()
    async function* breaking(): AsyncGenerator<Uint8Array> {
      yield large
      throw new Error('the client has gone')
    }
    await expect(store.receive(place, breaking(), 1e9)).rejects.toThrow('the client has gone')
    let parts = 0
    s3.proxy().follow(({ operation }) =>
      operation === 'UploadPart' && ++parts === 2 ? { kind: 'answer', status: 503, code: 'SlowDown' } : undefined,
    )
    await expect(store.receive(place, piecesOf(large), 1e9)).rejects.toMatchObject({ code: 'storage-unusable' })
    s3.proxy().follow(({ operation }) =>
      operation === 'CopyObject' ? { kind: 'answer', status: 503, code: 'SlowDown' } : undefined,
    )
    await expect((await received(store, piecesOf(large))).keep()).rejects.toMatchObject({ code: 'storage-unusable' })
    expect([await keys(), await uploads()]).toEqual([[], []])
  })

  test('goes on where a connection was lost after the service had it', async () => {
    const { store, keys } = await (async () => {
      const bucket = await s3.fresh({ attemptCountMax: 3 })
      return { ...bucket, store: openArtifacts(bucket) }
    })()
    let lost = 0
    s3.proxy().follow(({ method }) => (method === 'PUT' && ++lost === 1 ? { kind: 'cut' } : undefined))
    await (await received(store, piecesOf(Buffer.from('small')))).keep()
    expect([lost, (await keys()).length]).toEqual([2, 1])
  })

  test('that can’t be reached is an outage that names it; of what is not there the size is unknown', async () => {
    const { store } = await opened()
    const key = { ...place, sha256: sha256(Buffer.from('small')) }
    expect(await store.size(key)).toBeUndefined()
    s3.proxy().follow(() => ({ kind: 'answer', status: 503, code: 'SlowDown' }))
    await expect(store.size(key)).rejects.toMatchObject({ code: 'storage-unusable' })
    await expect(all(store, key.sha256, 1)).rejects.toThrow(
      /^s3:\/\/bucket-\d+\/default\/e-1\/artifacts\/[0-9a-f]{64}: /,
    )
    await expect((await received(store, piecesOf(large.subarray(0, 9)))).keep()).rejects.toMatchObject({
      code: 'storage-unusable',
    })
  })
})

describe('an artifact that its client brings', () => {
  const bytes = Buffer.from('brought')
  const key = { ...place, sha256: sha256(bytes) }
  const bring = async (store: ReturnType<typeof openArtifacts>, body = bytes, more: Record<string, string> = {}) => {
    const target = await store.bringTo(key, bytes.length)
    return fetch(target?.url ?? '', {
      method: 'PUT',
      headers: { ...target?.headers, ...more },
      body: new Uint8Array(body),
    })
  }

  test('is kept by that, and fetched by an address of its own', async () => {
    const { store } = await opened()
    expect((await bring(store)).status).toBe(200)
    expect(await store.size(key)).toBe(bytes.length)
    // The same again changes nothing.
    expect((await bring(store)).status).toBe(412)
    const url = await store.urlOf(key, { fileName: 'run 1.log', contentType: 'text/plain' })
    const whole = await fetch(url)
    expect([await whole.text(), whole.headers.get('content-type'), whole.headers.get('content-disposition')]).toEqual([
      'brought',
      'text/plain',
      'attachment; filename="run 1.log"',
    ])
    const part = await fetch(url, { headers: { range: 'bytes=2-4' } })
    expect([part.status, await part.text()]).toEqual([206, 'oug'])
  })

  test('is refused when it is another, longer, or told to be another', async () => {
    const { store, keys } = await opened()
    expect((await bring(store, Buffer.from('tampers'))).status).toBe(400)
    expect((await bring(store, Buffer.from('brought and more'))).status).toBe(403)
    const other = createHash('sha256').update('tampers').digest('base64')
    expect((await bring(store, Buffer.from('tampers'), { 'x-amz-checksum-sha256': other })).status).toBe(403)
    expect(await keys()).toEqual([])
  })

  test('is refused where its address was for another, for another use, or is too old', async () => {
    const { store } = await opened({ presignedMs: 0 })
    expect((await bring(store)).status).toBe(403)
    const { store: fresh } = await opened()
    const target = await fresh.bringTo(key, bytes.length)
    const elsewhere = (target?.url ?? '').replace('e-1', 'e-2')
    const answer = await fetch(elsewhere, {
      method: 'PUT',
      headers: { ...target?.headers },
      body: new Uint8Array(bytes),
    })
    expect(answer.status).toBe(403)
    expect((await fetch(target?.url ?? '')).status).toBe(403)
  })

  test('goes another way when it is too large for one request', async () => {
    const { store } = await opened()
    expect(await store.bringTo(key, 5 * 1024 * mebibyte)).toBeDefined()
    expect(await store.bringTo(key, 5 * 1024 * mebibyte + 1)).toBeUndefined()
  })
})

test('data that are too large for the bus lie where they are told to, written once', async () => {
  const { client, bucket, keys } = await s3.fresh()
  const { put } = openPayloads({ client, bucket })
  const uri = `s3://${bucket}/.payloads/default/execution/e1/5.json`
  expect(await put('default/execution/e1/5.json', '{"a":1}')).toBe(uri)
  expect(await put('default/execution/e1/5.json', '{"a":1}')).toBe(uri)
  expect(await keys()).toEqual(['.payloads/default/execution/e1/5.json'])
  s3.proxy().follow(() => ({ kind: 'answer', status: 500, code: 'InternalError' }))
  await expect(put('default/execution/e1/6.json', '{}')).rejects.toMatchObject({ code: 'storage-unusable' })
})
