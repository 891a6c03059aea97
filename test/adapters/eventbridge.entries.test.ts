import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  bytesOf,
  callBytesMax,
  callEntriesMax,
  callsOf,
  type Entry,
  referringEntry,
  wholeEntry,
} from '../../adapters/eventbridge/entries.ts'
import { eventsOf } from '../../domain/event.ts'
import { commitOf, storedEvent } from './published.ts'

const [event] = eventsOf(commitOf('e1', [storedEvent({ workerId: 'w', epoch: 1 })], 3))

const entryOf = (detailBytes: number): Entry => ({
  EventBusName: 'bus',
  Source: 'benchplane/default',
  DetailType: 'AttemptPassed',
  Detail: 'x'.repeat(detailBytes),
  Resources: ['default/execution/e1'],
  Time: new Date(0),
})
const overheadBytes = 14 + 'benchplane/default'.length + 'AttemptPassed'.length + 'default/execution/e1'.length
const job = (detailBytes: number, isAlone = false) => ({ entry: entryOf(detailBytes), isAlone })

describe('an event on the bus', () => {
  test('is a CloudEvent, found by its type, its tenant and its stream', () => {
    const { Detail, ...rest } = wholeEntry(event!, 'bus')
    expect(rest).toEqual({
      EventBusName: 'bus',
      Source: 'benchplane/default',
      DetailType: 'ExecutionInterrupted',
      Time: new Date('2026-03-02T08:00:00.000Z'),
      Resources: ['default/execution/e1'],
    })
    expect(JSON.parse(Detail)).toMatchObject({
      specversion: '1.0',
      id: 'execution/e1/3',
      source: 'benchplane/default',
      type: 'benchplane.ExecutionInterrupted',
      subject: 'execution/e1',
      time: '2026-03-02T08:00:00.000Z',
      correlationid: 'about-e1',
      data: { workerId: 'w', epoch: 1 },
    })
  })

  test('that is too large carries where its data are, and all else', () => {
    const detail: unknown = JSON.parse(referringEntry(event!, 'bus', 's3://payloads/x').Detail)
    expect(detail).toMatchObject({ id: 'execution/e1/3', dataref: 's3://payloads/x', correlationid: 'about-e1' })
    expect(detail).not.toHaveProperty('data')
  })

  test('names a message by its hash only', () => {
    const message = { ...event!, type: 'MessageAccepted', data: { sha256: 'abc', content: 'not for everybody' } }
    expect(wholeEntry(message, 'bus').Detail).not.toContain('not for everybody')
  })

  test('is as large as the bus says: its texts in UTF-8, and 14 for the instant', () => {
    expect(bytesOf(entryOf(100))).toBe(overheadBytes + 100)
    expect(bytesOf({ ...entryOf(0), Detail: 'ü€😀' })).toBe(overheadBytes + 2 + 3 + 4)
  })
})

describe('calls', () => {
  test('are as full as both limits allow, to the byte', () => {
    expect(callsOf(Array.from({ length: 21 }, () => job(10))).map((call) => call.length)).toEqual([10, 10, 1])
    const half = (callBytesMax - 1) / 2 - overheadBytes
    expect(callsOf([job(half), job(half + 1), job(1)]).map((call) => call.length)).toEqual([2, 1])
    expect(callsOf([job(half), job(half + 2)]).map((call) => call.length)).toEqual([1, 1])
  })

  test('hold what is to be alone, alone', () => {
    expect(callsOf([job(1), job(1, true), job(1), job(1)]).map((call) => call.length)).toEqual([1, 1, 2])
  })

  test('lose nothing, double nothing, keep the order and stay within both limits, whatever the sizes', () => {
    const sizes = fc.array(fc.record({ bytes: fc.nat(callBytesMax - overheadBytes), isAlone: fc.boolean() }), {
      maxLength: 60,
    })
    const property = fc.property(sizes, (given) => {
      const jobs = given.map(({ bytes, isAlone }) => job(bytes, isAlone))
      const calls = callsOf(jobs)
      expect(calls.flat()).toEqual(jobs)
      for (const call of calls) {
        expect(call.length).toBeLessThanOrEqual(callEntriesMax)
        expect(call.reduce((sum, { entry }) => sum + bytesOf(entry), 0)).toBeLessThanOrEqual(callBytesMax)
      }
    })
    fc.assert(property, { numRuns: 50 })
  })
})
