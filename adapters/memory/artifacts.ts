import { createHash } from 'node:crypto'
import type { ArtifactKey, ArtifactStore } from '../../domain/artifactStore.ts'
import { fault } from '../../domain/faults.ts'

export interface ArtifactsOptions {
  /** All of them together. Default 256 MiB. */
  bytesTotalMax?: number
}

const pieceBytesMax = 256 * 1024

/** Artifacts in this process's memory: for tests and try-outs. */
export const openArtifacts = ({ bytesTotalMax = 256 * 1024 * 1024 }: ArtifactsOptions = {}) => {
  const artifacts = new Map<string, Buffer>()
  let bytesTotal = 0

  const keep = (key: ArtifactKey, bytes: Buffer): void => {
    const name = nameOf(key)
    if (artifacts.has(name)) return
    if (bytesTotal + bytes.length > bytesTotalMax) throw full(bytesTotalMax)
    bytesTotal += bytes.length
    artifacts.set(name, bytes)
  }

  return {
    receive: async (place, source, bytesMax) => {
      const bytes = await gathered(source, bytesMax, bytesTotalMax)
      if (bytes === 'too-large') return bytes
      const sha256 = createHash('sha256').update(bytes).digest('hex')
      return {
        bytes: bytes.length,
        sha256,
        keep: async () => keep({ ...place, sha256 }, bytes),
        discard: async () => {},
      }
    },
    size: async (key) => artifacts.get(nameOf(key))?.length,
    read: (key, { from, to }) => read(artifacts.get(nameOf(key)), from, to),
  } satisfies ArtifactStore
}

const full = (bytesTotalMax: number) => fault('storage-full', `more than ${bytesTotalMax} bytes of artifacts in memory`)

const nameOf = ({ tenant, executionId, sha256 }: ArtifactKey): string => {
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw fault('storage-unusable', `${sha256.slice(0, 100)} is no SHA-256`)
  return [tenant, executionId, sha256].join('/')
}

const gathered = async (
  source: AsyncIterable<Uint8Array>,
  bytesMax: number,
  bytesTotalMax: number,
): Promise<Buffer | 'too-large'> => {
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of source) {
    length += piece.length
    if (length > bytesMax) return 'too-large'
    if (length > bytesTotalMax) throw full(bytesTotalMax)
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

async function* read(bytes: Buffer | undefined, from: number, to: number): AsyncGenerator<Uint8Array> {
  if (bytes === undefined || bytes.length <= to) throw fault('storage-unusable', 'there are no such bytes')
  for (let at = from; at <= to; at += pieceBytesMax) yield bytes.subarray(at, Math.min(at + pieceBytesMax, to + 1))
}
