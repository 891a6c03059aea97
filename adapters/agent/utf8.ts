import { isUtf8 } from 'node:buffer'

/** Bytes as text of the very same length in UTF-8, so that an offset in the file is an offset in the log. */

export interface Cut {
  text: string
  /** How many of the bytes the text stands for; the rest is the beginning of a character whose end is not here yet. */
  byteCount: number
}

/** A byte that belongs to no character. One byte long itself, unlike U+FFFD. */
const notText = 0x3f

/** The longest text that the bytes hold. `isLast`: nothing will follow, so half a character at the end is no character. */
export const cutText = (bytes: Buffer, isLast: boolean): Cut => {
  const byteCount = isLast ? bytes.length : wholeLength(bytes)
  const whole = bytes.subarray(0, byteCount)
  return { text: (isUtf8(whole) ? whole : mended(whole)).toString('utf8'), byteCount }
}

/** Without a character at the end that has only begun: of at most 3 bytes, so what is longer is not waited for. */
const wholeLength = (bytes: Buffer): number => {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0
    if (!isContinuation(byte)) return lengthFrom(byte) > back ? bytes.length - back : bytes.length
  }
  return bytes.length
}

const isContinuation = (byte: number): boolean => (byte & 0xc0) === 0x80

/** How long a character is that starts with this byte; 1 also for a byte that starts none. */
const lengthFrom = (byte: number): number => {
  if (byte >= 0xf0 && byte <= 0xf4) return 4
  if (byte >= 0xe0 && byte < 0xf0) return 3
  return byte >= 0xc2 && byte < 0xe0 ? 2 : 1
}

const mended = (bytes: Buffer): Buffer => {
  const copy = Buffer.from(bytes)
  for (let at = 0; at < copy.length; ) {
    const length = lengthFrom(copy[at] ?? 0)
    const isCharacter = at + length <= copy.length && isUtf8(copy.subarray(at, at + length))
    if (!isCharacter) copy[at] = notText
    at += isCharacter ? length : 1
  }
  return copy
}
