import { describe, expect, test } from 'vitest'
import { type LogStore, logBytesMax } from '../../domain/ports.ts'

const key = { tenant: 'default', executionId: 'e-1', taskName: 'a', attempt: 1 }
const bytes = (text: string) => Buffer.from(text)

/** What every store of logs promises. Each test has one of its own. */
export const logStoreContract = (medium: string, open: () => LogStore | Promise<LogStore>) => {
  describe(`logs in ${medium}`, () => {
    const text = async (logs: LogStore, offset = 0, limit = 1_000) =>
      Buffer.from(await logs.read(key, offset, limit)).toString()

    test('grow at their end, skip what is there, and refuse a gap', async () => {
      const logs = await open()
      expect(await logs.append(key, 0, bytes('eins\n'))).toEqual({ kind: 'appended', size: 5 })
      expect(await logs.append(key, 2, bytes('ns\nzwei'))).toEqual({ kind: 'appended', size: 9 })
      expect(await logs.append(key, 0, bytes('eins\n'))).toEqual({ kind: 'appended', size: 9 })
      expect(await logs.append(key, 10, bytes('x'))).toEqual({ kind: 'gap', expected: 9 })
      expect(await logs.append({ ...key, attempt: 2 }, 1, bytes('x'))).toEqual({ kind: 'gap', expected: 0 })
      expect(await text(logs)).toBe('eins\nzwei')
      expect(await text(logs, 5, 3)).toBe('zwe')
      expect(await text(logs, 9)).toBe('')
      expect(await text(logs, 99)).toBe('')
    })

    test('are nothing where nothing was written', async () => {
      const logs = await open()
      expect(await text(logs)).toBe('')
      expect(await logs.append(key, 0, bytes(''))).toEqual({ kind: 'appended', size: 0 })
    })

    test('have an end', async () => {
      const logs = await open()
      await logs.append(key, 0, bytes('x'))
      expect(await logs.append(key, 1, Buffer.alloc(logBytesMax))).toEqual({ kind: 'full', size: 1 })
      expect(await text(logs)).toBe('x')
    })

    test('hold each byte once, however many append the same at once', async () => {
      const logs = await open()
      const pieces = Array.from({ length: 40 }, (_, index) => ({
        offset: index * 4,
        piece: bytes(`${index}`.padStart(4, '0')),
      }))
      for (const { offset, piece } of pieces) await Promise.all([1, 2, 3].map(() => logs.append(key, offset, piece)))
      expect(await text(logs)).toBe(pieces.map(({ piece }) => piece.toString()).join(''))
    })

    test('tell who follows that they grew, and nobody else', async () => {
      const logs = await open()
      let grown = 0
      const stop = logs.follow(key, () => {
        grown += 1
      })
      await logs.append(key, 0, bytes('a'))
      await logs.append({ ...key, taskName: 'b' }, 0, bytes('a'))
      await logs.append(key, 5, bytes('gap'))
      await logs.append(key, 0, bytes('a'))
      expect(grown).toBe(1)
      stop()
      await logs.append(key, 1, bytes('b'))
      expect(grown).toBe(1)
    })
  })
}
