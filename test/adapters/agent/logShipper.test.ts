import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { shipLog } from '../../../adapters/agent/logShipper.ts'

let folder = ''
let path = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'benchplane-log-'))
  path = join(folder, 'log')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A server's side of it: what is there already is skipped, a gap is refused. */
const newSink = () => {
  let kept = Buffer.alloc(0)
  const pieces: { offset: number; text: string }[] = []
  return {
    pieces,
    text: () => kept.toString(),
    lose: (byteCount: number) => (kept = kept.subarray(0, kept.length - byteCount)),
    send: async (offset: number, text: string) => {
      pieces.push({ offset, text })
      if (offset > kept.length) return kept.length
      kept = Buffer.concat([kept.subarray(0, offset), Buffer.from(text)])
      return kept.length
    },
  }
}

test('what is written while it grows arrives in order, at offsets in bytes', async () => {
  const sink = newSink()
  const shipping = shipLog(path, sink.send)
  appendFileSync(path, 'Prüfung ✓\n')
  await vi.waitFor(() => expect(sink.text()).toBe('Prüfung ✓\n'))
  appendFileSync(path, 'und weiter\n')
  await vi.waitFor(() => expect(sink.pieces).toHaveLength(2))
  await shipping.finish()
  expect(sink.pieces).toEqual([
    { offset: 0, text: 'Prüfung ✓\n' },
    { offset: 13, text: 'und weiter\n' },
  ])
})

test('a character that is written in two halves is sent once it is whole', async () => {
  const sink = newSink()
  const shipping = shipLog(path, sink.send)
  const [first, rest] = [Buffer.from('✓').subarray(0, 2), Buffer.from('✓').subarray(2)]
  appendFileSync(path, Buffer.concat([Buffer.from('ok '), first]))
  await vi.waitFor(() => expect(sink.text()).toBe('ok '))
  appendFileSync(path, rest)
  await vi.waitFor(() => expect(sink.text()).toBe('ok ✓'))
  await shipping.finish()
})

test('a large log goes in pieces, none of which cuts a character', async () => {
  const sink = newSink()
  const text = 'a✓'.repeat(100_000)
  writeFileSync(path, text)
  await shipLog(path, sink.send).finish()
  expect(sink.text()).toBe(text)
  expect(sink.pieces.length).toBeGreaterThan(4)
  for (const piece of sink.pieces) expect(Buffer.byteLength(piece.text)).toBeLessThanOrEqual(65_536)
})

test('bytes that are no text do not move the offsets', async () => {
  const sink = newSink()
  writeFileSync(path, Buffer.from([0x61, 0xff, 0xfe, 0x62, 0xc3]))
  await shipLog(path, sink.send).finish()
  expect(sink.pieces).toEqual([{ offset: 0, text: 'a??b?' }])
})

test('a server that has lost the end of it gets it again', async () => {
  const sink = newSink()
  const shipping = shipLog(path, sink.send)
  appendFileSync(path, 'one two ')
  await vi.waitFor(() => expect(sink.text()).toBe('one two '))
  sink.lose(4)
  appendFileSync(path, 'three')
  await shipping.finish()
  expect(sink.text()).toBe('one two three')
})

test('a log that is not wanted any more is not sent', async () => {
  const send = vi.fn(async () => undefined)
  writeFileSync(path, 'something')
  const shipping = shipLog(path, send)
  await shipping.finish()
  expect(send).toHaveBeenCalledTimes(1)
})

test('a log that can not be read is told at the end', async () => {
  await expect(shipLog(join(folder, 'nowhere', 'log'), newSink().send).finish()).rejects.toThrow(/ENOENT/)
})
