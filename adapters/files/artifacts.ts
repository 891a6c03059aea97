import { createHash, randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { type FileHandle, mkdir, open, rename, rm, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { ArtifactKey, ArtifactStore, ReceivedArtifact } from '../../domain/artifactStore.ts'
import { fault } from '../../domain/faults.ts'
import { isMissing, named } from './faults.ts'

export interface ArtifactsOptions {
  /** The data directory; artifacts lie in `artifacts/{tenant}/{executionId}/{sha256}` below. */
  directory: string
  /** So much of the disk is left to history: an artifact that would take it is refused. Default 256 MiB. */
  freeBytesMin?: number
}

const pieceBytesMax = 256 * 1024
/** How much may come before the disk is looked at again. */
const lookEveryBytes = 32 * 1024 * 1024

/**
 * Artifacts as plain files. What comes is written beside the others and moved among them when it is kept: whole, or not
 * there. Names come validated: they hold no separator and begin with a letter or a digit.
 */
export const openArtifacts = ({ directory, freeBytesMin = 256 * 1024 * 1024 }: ArtifactsOptions) => {
  const root = join(directory, 'artifacts')
  const incoming = join(root, '.incoming')
  rmSync(incoming, { recursive: true, force: true })
  return {
    receive: async (place, source, bytesMax) => {
      const path = join(incoming, randomUUID())
      const file = await named(path, create(path))
      try {
        const received = await taken(file, path, source, { bytesMax, freeBytesMin })
        if (received !== 'too-large') return kept(path, received, (sha256) => pathOf(root, { ...place, sha256 }))
      } catch (error) {
        await rm(path, { force: true })
        throw error
      } finally {
        await file.close()
      }
      await named(path, rm(path, { force: true }))
      return 'too-large'
    },
    size: (key) => {
      const path = pathOf(root, key)
      return named(path, sizeOf(path))
    },
    read: (key, { from, to }) => read(pathOf(root, key), from, to),
  } satisfies ArtifactStore
}

const hex = /^[0-9a-f]{64}$/

const pathOf = (root: string, { tenant, executionId, sha256 }: ArtifactKey): string => {
  if (!hex.test(sha256)) throw fault('storage-unusable', `${sha256.slice(0, 100)} is no SHA-256`)
  return join(root, tenant, executionId, sha256)
}

const create = async (path: string): Promise<FileHandle> => {
  await mkdir(dirname(path), { recursive: true })
  return open(path, 'wx')
}

const sizeOf = async (path: string): Promise<number | undefined> => {
  try {
    return (await stat(path)).size
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

type Counted = Pick<ReceivedArtifact, 'bytes' | 'sha256'>

/** To the source's end and on the disk. */
const taken = async (
  file: FileHandle,
  path: string,
  source: AsyncIterable<Uint8Array>,
  { bytesMax, freeBytesMin }: { bytesMax: number; freeBytesMin: number },
): Promise<Counted | 'too-large'> => {
  const hash = createHash('sha256')
  let bytes = 0
  let lookAt = 0
  for await (const piece of source) {
    bytes += piece.length
    if (bytes > bytesMax) return 'too-large'
    if (bytes > lookAt) {
      await demandSpace(path, freeBytesMin)
      lookAt = bytes + lookEveryBytes
    }
    hash.update(piece)
    await named(path, file.appendFile(piece))
  }
  await named(path, file.sync())
  return { bytes, sha256: hash.digest('hex') }
}

const demandSpace = async (path: string, freeBytesMin: number): Promise<void> => {
  const { bavail, bsize } = await named(path, statfs(dirname(path)))
  if (bavail * bsize < freeBytesMin)
    throw fault('storage-full', `${path}: fewer than ${freeBytesMin} bytes are left, which history needs`)
}

const kept = (path: string, counted: Counted, placeOf: (sha256: string) => string): ReceivedArtifact => ({
  ...counted,
  keep: () => {
    const place = placeOf(counted.sha256)
    return named(place, moved(path, place))
  },
  discard: () => named(path, rm(path, { force: true })),
})

/** The same bytes may lie there already: then they are the same afterwards. */
const moved = async (from: string, to: string): Promise<void> => {
  await mkdir(dirname(to), { recursive: true })
  await rename(from, to)
  const directories = [dirname(to), dirname(dirname(to)), dirname(dirname(dirname(to)))]
  await Promise.all(directories.map(synced))
}

const synced = async (directory: string): Promise<void> => {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function* read(path: string, from: number, to: number): AsyncGenerator<Uint8Array> {
  const file = await named(path, open(path, 'r'))
  try {
    for (let at = from; at <= to; ) {
      const length = Math.min(pieceBytesMax, to + 1 - at)
      const { bytesRead, buffer } = await named(path, file.read(Buffer.allocUnsafe(length), 0, length, at))
      if (bytesRead === 0) throw fault('storage-unusable', `${path}: ends at byte ${at}`)
      at += bytesRead
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
  }
}
