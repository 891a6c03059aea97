/** Bytes on their way into the bucket, of which nobody knows yet what they are: at most a part of them is in memory. */
import { createHash, randomUUID } from 'node:crypto'
import { prefixes } from './keys.ts'
import { beginMultipart, type Multipart, partCountMax } from './multipart.ts'
import type { Bucket } from './objects.ts'

export interface Counted {
  bytes: number
  /** Lower-case hex. */
  sha256: string
}

/** All that came: what fits into one part is in memory, the rest an upload that waits to be completed. */
export type Taken = Counted & ({ kind: 'small'; body: Uint8Array } | { kind: 'large'; upload: Multipart })

export interface TakingLimits {
  bytesMax: number
  /** A part has so many bytes, or more where it must because of their number. */
  partBytesMin: number
}

/**
 * Takes `source` to its end, one part after the other. Of what fails nothing stays, unless the service cannot be told so: the
 * bucket removes uploads that were begun and never completed.
 */
export const taken = async (
  bucket: Bucket,
  source: AsyncIterable<Uint8Array>,
  { bytesMax, partBytesMin }: TakingLimits,
): Promise<Taken | 'too-large'> => {
  const counting = counted(source, bytesMax)
  const partBytes = Math.max(partBytesMin, Math.ceil(bytesMax / partCountMax))
  let upload: Multipart | undefined
  let partNumber = 0
  // What went wrong first is what is told.
  const abandoned = (): Promise<unknown> | undefined => upload?.abort().catch(() => undefined)
  try {
    for await (const { body, isLast } of inParts(counting.pieces, partBytes)) {
      if (counting.isTooLarge()) break
      if (isLast && upload === undefined) return { ...counting.counted(), kind: 'small', body }
      upload ??= await beginMultipart(bucket, prefixes.incoming + randomUUID())
      if (body.length > 0) await upload.send(++partNumber, body)
    }
  } catch (error) {
    await abandoned()
    throw error
  }
  if (upload !== undefined && !counting.isTooLarge()) return { ...counting.counted(), kind: 'large', upload }
  await abandoned()
  return 'too-large'
}

/** Ends early when there are more than `bytesMax`. */
const counted = (source: AsyncIterable<Uint8Array>, bytesMax: number) => {
  const hash = createHash('sha256')
  let bytes = 0
  async function* pieces(): AsyncGenerator<Uint8Array, void> {
    for await (const piece of source) {
      bytes += piece.length
      if (bytes > bytesMax) return
      hash.update(piece)
      yield piece
    }
  }
  return {
    pieces: pieces(),
    isTooLarge: () => bytes > bytesMax,
    /** Once. */
    counted: (): Counted => ({ bytes, sha256: hash.digest('hex') }),
  }
}

interface Part {
  body: Uint8Array
  isLast: boolean
}

/** Each of `partBytes`, but for the last, which has what is left: perhaps nothing. */
async function* inParts(source: AsyncIterable<Uint8Array>, partBytes: number): AsyncGenerator<Part, void> {
  let [pieces, bytes]: [Uint8Array[], number] = [[], 0]
  for await (const piece of source) {
    pieces.push(piece)
    bytes += piece.length
    if (bytes < partBytes) continue
    let body = Buffer.concat(pieces)
    for (; body.length >= partBytes; body = body.subarray(partBytes))
      yield { body: body.subarray(0, partBytes), isLast: false }
    ;[pieces, bytes] = [[body], body.length]
  }
  yield { body: Buffer.concat(pieces), isLast: true }
}
