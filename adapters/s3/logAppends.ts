/** Appends to logs, and what this process remembers of them so that most are one request. */
import { fault } from '../../domain/faults.ts'
import { type LogAppended, logBytesMax } from '../../domain/ports.ts'
import { uriOf } from './faults.ts'
import { type Chunk, type Chunks, endOf, listChunks, readChunk, writeChunk } from './logChunks.ts'
import type { Bucket } from './objects.ts'

export interface AppendOptions extends Bucket {
  /** From so many bytes on, a chunk is never written again. Default 256 KiB: a full log has at most 256 of them, or so. */
  chunkBytesMin?: number
  /** Logs of which the last chunk is remembered. Default 200. */
  rememberedCountMax?: number
}

/** What this process knows of a log. It may have grown since. */
interface Known {
  chunks: Chunks
  /** The bytes of the last chunk, while it is still to grow. */
  tail?: Buffer
}

interface Outcome {
  appended: LogAppended
  known: Known
  hasGrown: boolean
}

/** An append that meets with others' so often gives up. */
const attemptCountMax = 10

/** Those to one log go one after the other. */
export const openAppends = (options: AppendOptions) => {
  const remembered = new Map<string, Known>()
  const inTurn = openTurns()

  /** The least recently used is forgotten. */
  const remember = (prefix: string, known: Known): void => {
    remembered.set(prefix, known)
    const [oldest] = remembered.keys()
    if (remembered.size > (options.rememberedCountMax ?? 200) && oldest !== undefined) remembered.delete(oldest)
  }

  const append = async (prefix: string, offset: number, bytes: Uint8Array): Promise<Outcome> => {
    let known = remembered.get(prefix)
    // Whatever goes wrong from here on: what is there is not known any more.
    remembered.delete(prefix)
    for (let attempt = 1; attempt <= attemptCountMax; attempt++) {
      const isFresh = known === undefined
      known ??= { chunks: await listChunks(options, prefix) }
      const outcome = judged(known, offset, bytes) ?? (await grown(options, prefix, known, offset, bytes))
      if (outcome !== 'taken' && (isFresh || outcome.appended.kind === 'appended')) {
        remember(prefix, outcome.known)
        return outcome
      }
      known = undefined
    }
    throw fault('storage-unusable', `${uriOf(options.bucket, prefix)}: too many write to it at once`)
  }
  return {
    append: (prefix: string, offset: number, bytes: Uint8Array): Promise<Outcome> =>
      inTurn(prefix, () => append(prefix, offset, bytes)),
    /** As it was when this process last wrote to it. */
    known: (prefix: string): Chunks | undefined => remembered.get(prefix)?.chunks,
  }
}

/** After whoever is at it now; the last one leaves no trace. */
const openTurns = () => {
  const turns = new Map<string, Promise<unknown>>()
  return async <Value>(name: string, work: () => Promise<Value>): Promise<Value> => {
    const mine = (turns.get(name) ?? Promise.resolve()).then(work, work)
    turns.set(name, mine)
    try {
      return await mine
    } finally {
      if (turns.get(name) === mine) turns.delete(name)
    }
  }
}

/** Where nothing is to be written. */
const judged = (known: Known, offset: number, bytes: Uint8Array): Outcome | undefined => {
  const size = endOf(known.chunks)
  const told = (appended: LogAppended): Outcome => ({ appended, known, hasGrown: false })
  if (offset > size) return told({ kind: 'gap', expected: size })
  const end = offset + bytes.length
  if (end <= size) return told({ kind: 'appended', size })
  return end > logBytesMax ? told({ kind: 'full', size }) : undefined
}

/** With what is new written behind it. */
const grown = async (
  options: AppendOptions,
  prefix: string,
  known: Known,
  offset: number,
  bytes: Uint8Array,
): Promise<Outcome | 'taken'> => {
  const { chunkBytesMin = 256 * 1024 } = options
  const size = endOf(known.chunks)
  const last = known.chunks.at(-1)
  const growing = last !== undefined && last.bytes < chunkBytesMin ? last : undefined
  const tail = growing === undefined ? Buffer.alloc(0) : (known.tail ?? (await tailOf(options, prefix, growing)))
  const body = Buffer.concat([tail, bytes.subarray(size - offset)])
  const chunk = await writeChunk(options, prefix, { offset: size - tail.length, before: growing?.etag, body })
  if (chunk === 'taken') return 'taken'
  const chunks = [...(growing === undefined ? known.chunks : known.chunks.slice(0, -1)), chunk]
  const after = body.length < chunkBytesMin ? { chunks, tail: body } : { chunks }
  return { appended: { kind: 'appended', size: endOf(chunks) }, known: after, hasGrown: true }
}

const tailOf = async (bucket: Bucket, prefix: string, chunk: Chunk): Promise<Buffer> =>
  Buffer.from(await readChunk(bucket, prefix, chunk, { from: chunk.offset, to: endOf([chunk]) - 1 }))
