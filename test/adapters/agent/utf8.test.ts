import { isUtf8 } from 'node:buffer'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cutText } from '../../../adapters/agent/utf8.ts'

test('a character that is cut in two waits for its other half', () => {
  const bytes = Buffer.from('Prüfstand ✓ 𝛺')
  for (let cut = 0; cut <= bytes.length; cut++) {
    const first = cutText(bytes.subarray(0, cut), false)
    const second = cutText(bytes.subarray(first.byteCount), true)
    expect(first.text + second.text).toBe('Prüfstand ✓ 𝛺')
    expect(first.byteCount).toBe(Buffer.byteLength(first.text))
  }
})

test('at the very end half a character is shown as what it is: no character', () => {
  expect(cutText(Buffer.from([0x61, 0xe2, 0x9c]), false)).toEqual({ text: 'a', byteCount: 1 })
  expect(cutText(Buffer.from([0x61, 0xe2, 0x9c]), true)).toEqual({ text: 'a??', byteCount: 3 })
})

test('any bytes at all become text of their own length, and whole text stays itself', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.boolean(), (array, isLast) => {
      const bytes = Buffer.from(array)
      const { text, byteCount } = cutText(bytes, isLast)
      expect(Buffer.byteLength(text)).toBe(byteCount)
      expect(byteCount).toBeGreaterThanOrEqual(isLast ? bytes.length : bytes.length - 3)
      expect(isUtf8(bytes) ? text : '').toBe(isUtf8(bytes) ? bytes.toString() : '')
    }),
  )
})

test('bytes that are read in any pieces give the text of the whole', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 30 }), fc.integer({ min: 4, max: 9 }), (text, size) => {
      const bytes = Buffer.from(text.toWellFormed())
      let read = ''
      for (let offset = 0; offset < bytes.length; ) {
        const piece = cutText(bytes.subarray(offset, offset + size), offset + size >= bytes.length)
        read += piece.text
        offset += piece.byteCount
      }
      expect(read).toBe(text.toWellFormed())
    }),
  )
})
