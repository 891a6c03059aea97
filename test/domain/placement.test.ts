import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { plusMs } from '../../domain/ids.ts'
import type { Slot } from '../../domain/reservation/placement.ts'
import { assign, earliestPlacement, isFree } from '../../domain/reservation/placement.ts'
import * as given from './calendars.ts'
import { at, byId, calendarOf, shown, slotsOf, unitMs } from './calendars.ts'

/** Every gang of distinct benches that the slots allow, most preferred first: the definition, without any cleverness. */
const gangsOf = (slots: readonly Slot[], taken: string[] = []): string[][] => {
  const [slot, ...rest] = slots
  if (slot === undefined) return [taken]
  return slot.filter((id) => !taken.includes(id)).flatMap((id) => gangsOf(rest, [...taken, id]))
}

describe('a window is free', () => {
  const calendar = calendarOf('a', '10-20', 2, 3)

  it('when it touches what is held with its buffers, and not when it intersects it', () => {
    expect(isFree(calendar, at(22), at(30))).toBe(true)
    expect(isFree(calendar, at(21), at(30))).toBe(false)
    expect(isFree(calendar, at(1), at(7))).toBe(true)
    expect(isFree(calendar, at(1), at(8))).toBe(false)
    expect(isFree(calendar, at(12), at(13))).toBe(false)
    expect(isFree(calendar, at(5), at(30))).toBe(false)
  })

  it('when only the reservation that is to be moved is in its way', () => {
    expect(isFree(calendar, at(12), at(13), 'r0')).toBe(true)
    expect(isFree(calendar, at(12), at(13), 'r1')).toBe(false)
  })

  it('exactly if no moment of it and its buffers is held', () => {
    const times = { from: fc.nat(30), length: fc.integer({ min: 1, max: 9 }), ignoring: given.anyIgnored }
    fc.assert(
      fc.property(given.anyCalendar('a'), fc.record(times), (one, { from, length, ignoring }) => {
        const first = from - one.setupMs / unitMs
        const count = from + length + one.teardownMs / unitMs - first
        const moments = Array.from({ length: count }, (_, index) => at(first + index))
        const others = one.held.filter(({ reservationId }) => reservationId !== ignoring)
        const isHeld = (moment: string) => others.some((held) => held.heldFrom <= moment && moment < held.heldUntil)
        expect(isFree(one, at(from), at(from + length), ignoring)).toBe(!moments.some(isHeld))
      }),
    )
  })
})

describe('a gang', () => {
  const always = () => true

  it('has the preferred bench for each slot, the first slot choosing first', () => {
    expect(assign(slotsOf('ba', 'bc'), always)).toEqual(['b', 'c'])
    expect(assign(slotsOf('ab', 'a'), always)).toEqual(['b', 'a'])
    expect(assign(slotsOf('abc', 'ab', 'a'), always)).toEqual(['c', 'b', 'a'])
    expect(assign(slotsOf('ab', 'bc'), (id) => id !== 'a')).toEqual(['b', 'c'])
  })

  it('is none without a bench for every slot', () => {
    expect(assign(slotsOf('a', 'a'), always)).toBeUndefined()
    expect(assign(slotsOf('ab', 'ba', 'ab'), always)).toBeUndefined()
    expect(assign(slotsOf('a', ''), always)).toBeUndefined()
  })

  it('is the first by preference of all that an exhaustive search finds', () => {
    fc.assert(
      fc.property(fc.array(given.anySlot, { maxLength: 5 }), fc.subarray(given.benches), (slots, freeOnes) => {
        const free = (id: string) => freeOnes.includes(id)
        expect(assign(slots, free)).toEqual(gangsOf(slots).find((ids) => ids.every(free)))
      }),
      { numRuns: 1_000 },
    )
  })

  it('of 16 is found where each bench has exactly one place', () => {
    const ids = Array.from({ length: 16 }, (_, index) => `b${index}`)
    const narrowing = ids.map((_, index) => ids.slice(0, 16 - index))
    const oneTooFew = ids.map(() => ids.slice(1))
    expect(assign(narrowing, always)).toEqual(ids.toReversed())
    expect(assign(oneTooFew, always)).toBeUndefined()
  })
})

describe('the earliest placement', () => {
  const calendars = byId(calendarOf('a', '0-10 12-20', 1), calendarOf('b', '5-15'))
  const search = { calendars, earliestStart: at(0), latestStart: at(60), durationMs: 2 * unitMs }
  const found = (slots: Slot[], more: Partial<Parameters<typeof earliestPlacement>[0]> = {}) =>
    shown(earliestPlacement({ ...search, ...more, slots }))

  it('starts at once where a bench is free, else when one becomes free, its setup included', () => {
    expect(found(slotsOf('ab'))).toBe('0-2 b')
    expect(found(slotsOf('a'))).toBe('21-23 a')
    expect(found(slotsOf('a', 'b'))).toBe('21-23 a+b')
  })

  it('finds others for all benches that have closed while the last slot waited', () => {
    const waiting = byId(...['a', 'b'].map((id) => calendarOf(id, '1-90')), calendarOf('c', ''), calendarOf('d', ''))
    waiting.set('x', calendarOf('x', '0-2'))
    expect(found(slotsOf('x', 'abcd', 'abc'), { calendars: waiting, durationMs: unitMs })).toBe('2-3 x+d+c')
  })

  it('goes over the reservation that is to be moved', () => {
    expect(found(slotsOf('a'), { ignoring: 'r1' })).toBe('11-13 a')
  })

  it('starts by latestStart, inclusive, or is none', () => {
    expect(found(slotsOf('a'), { latestStart: at(21) })).toBe('21-23 a')
    expect(found(slotsOf('a'), { latestStart: at(20) })).toBe('none')
    expect(found(slotsOf('b'), { earliestStart: at(3), latestStart: at(2) })).toBe('none')
  })

  it('is none for benches without a calendar and for one bench in two slots', () => {
    expect(found(slotsOf('x'))).toBe('none')
    expect(found(slotsOf('b', 'b'))).toBe('none')
  })

  it('is found months ahead, between windows that are too tight', () => {
    const tight = Array.from({ length: 200 }, (_, index) => `${5 * index}-${5 * index + 4}`).join(' ')
    expect(found(slotsOf('a'), { calendars: byId(calendarOf('a', tight)), latestStart: at(1_080) })).toBe('999-1001 a')
  })

  it('is found on the very millisecond after the first day that is looked at', () => {
    const held = [
      { heldFrom: at(0), heldUntil: plusMs(at(4), 1), reservationId: 'r0' },
      { heldFrom: plusMs(at(6), 1), heldUntil: at(90), reservationId: 'r1' },
    ]
    const exact = byId({ ...calendarOf('a', ''), held })
    expect(earliestPlacement({ ...search, calendars: exact, slots: slotsOf('a') })?.start).toBe(plusMs(at(4), 1))
  })

  it('of a larger gang starts where its benches are first free together', () => {
    const many = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
    const wanted = fc.array(fc.shuffledSubarray(many, { minLength: 2, maxLength: 5 }), { minLength: 4, maxLength: 6 })
    const booked = fc.tuple(...many.map(given.anyCalendar)).map((each) => byId(...each))
    fc.assert(
      fc.property(wanted, booked, (slots, benches) => {
        const starts = Array.from({ length: 40 }, (_, index) => at(index))
        const isStart = (start: string) =>
          assign(slots, (id) =>
            given.isFreeOn(id, { calendars: benches, ignoring: undefined, start, end: plusMs(start, unitMs) }),
          ) !== undefined
        const limits = { latestStart: at(39), durationMs: unitMs }
        const placement = earliestPlacement({ ...search, ...limits, slots, calendars: benches })
        expect(placement?.start).toBe(starts.find(isStart))
      }),
      { numRuns: 1_000 },
    )
  })

  it('is the one that trying every start and every gang finds', () => {
    const times = { from: fc.nat(12), span: fc.integer({ min: -1, max: 40 }), length: fc.integer({ min: 1, max: 6 }) }
    fc.assert(
      fc.property(fc.record({ ...given.anyGang, ...times }), ({ from, span, length, slots, ...booked }) => {
        const windows = Array.from({ length: span + 1 }, (_, index) => ({
          start: at(from + index),
          end: at(from + index + length),
        }))
        const placements = windows.flatMap((window) =>
          gangsOf(slots)
            .filter((ids) => ids.every((id) => given.isFreeOn(id, { ...booked, ...window })))
            .map((benchIds) => ({ ...window, benchIds })),
        )
        const limits = { earliestStart: at(from), latestStart: at(from + span), durationMs: length * unitMs }
        expect(earliestPlacement({ slots, ...booked, ...limits })).toEqual(placements[0])
      }),
      { numRuns: 2_000 },
    )
  })
})
