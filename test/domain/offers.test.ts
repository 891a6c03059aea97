import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { plusMs } from '../../domain/ids.ts'
import type { Calendar, Slot } from '../../domain/reservation/placement.ts'
import { assign, earliestPlacement, offersFor } from '../../domain/reservation/placement.ts'
import { anyGang, anySlot, at, byId, calendarOf, isFreeOn, shown, slotsOf, unitMs } from './calendars.ts'

const offered = (slots: Slot[], alternatives: Slot[], calendars: Calendar[], end: number, latestStart = at(500)) =>
  offersFor({ slots, alternatives, calendars: byId(...calendars), start: at(0), end: at(end), latestStart }).map(shown)

describe('offers', () => {
  it('are another bench now, this one later, this one shorter, then what comes next on either', () => {
    const calendars = [calendarOf('a', '40-90'), calendarOf('b', '130-200')]
    const offers = ['0-60 b', '90-150 a', '0-40 a', '60-120 b', '120-180 a']
    expect(offered(slotsOf('a'), slotsOf('b'), calendars, 60)).toEqual(offers)
  })

  it('keep the benches of a gang that are free', () => {
    const calendars = [calendarOf('a', ''), calendarOf('b', '0-600'), calendarOf('c', '')]
    expect(offered(slotsOf('a', 'b'), slotsOf('ca', 'ca'), calendars, 60)[0]).toBe('0-60 a+c')
  })

  it('are shorter for the whole gang, until the first of its benches is held', () => {
    const calendars = [calendarOf('a', '40-600', 0, 2), calendarOf('b', '30-600', 0, 3)]
    expect(offered(slotsOf('a', 'b'), [], calendars, 60)).toEqual(['0-27 a+b'])
  })

  it('are shorter on the bench of a slot that is free the longest', () => {
    const calendars = [calendarOf('a', '20-600'), calendarOf('b', '30-600'), calendarOf('c', '0-1 50-600', 1)]
    expect(offered(slotsOf('abc'), [], calendars, 60)).toEqual(['0-30 b'])
  })

  it('leave out a shorter window of less than a tenth of what was asked, or than a second', () => {
    const secondsInUnits = (count: number) => (count * 1_000) / unitMs
    expect(offered(slotsOf('a'), [], [calendarOf('a', '5-600')], 60)).toEqual([])
    expect(offered(slotsOf('a'), [], [calendarOf('a', '6-600')], 60)).toEqual(['0-6 a'])
    expect(offered(slotsOf('a'), [], [calendarOf('a', `${secondsInUnits(0.9)}-600`)], secondsInUnits(5))).toEqual([])
  })

  it('start by latestStart, but for the asked window itself', () => {
    const calendars = [calendarOf('a', '1-90'), calendarOf('b', '')]
    expect(offered(slotsOf('a'), slotsOf('b'), calendars, 60, at(-1))).toEqual(['0-60 b'])
    expect(offered(slotsOf('a'), [], calendars, 60, at(89))).toEqual([])
  })

  const times = { from: fc.nat(12), length: fc.integer({ min: 1, max: 9 }), span: fc.nat(40) }
  const anyAsked = fc
    .record({ ...anyGang, ...times, alternatives: fc.array(anySlot, { maxLength: 3 }) })
    .map(({ from, length, span, ...rest }) => ({
      ...rest,
      start: at(from),
      end: at(from + length),
      latestStart: at(from + span),
      durationMs: length * unitMs,
    }))

  it('are at most five, different, of distinct benches as asked or alternative, and really free', () => {
    fc.assert(
      fc.property(anyAsked, (asked) => {
        const offers = offersFor(asked)
        expect(offers.length).toBeLessThanOrEqual(5)
        expect(new Set(offers.map(shown)).size).toBe(offers.length)
        for (const { start, end, benchIds } of offers) {
          expect(new Set(benchIds).size).toBe(asked.slots.length)
          expect(asked.start <= start && start <= asked.latestStart && start < end).toBe(true)
          for (const [slot, id] of benchIds.entries()) {
            expect([...(asked.slots[slot] ?? []), ...(asked.alternatives[slot] ?? [])]).toContain(id)
            expect(isFreeOn(id, { ...asked, start, end })).toBe(true)
          }
        }
      }),
      { numRuns: 1_000 },
    )
  })

  it('begin with a gang that fits now, if there is one, and name the soonest window of the benches as asked', () => {
    fc.assert(
      fc.property(anyAsked, (asked) => {
        const offers = offersFor(asked)
        const wider = asked.slots.map((slot, index) => [...slot, ...(asked.alternatives[index] ?? [])])
        const now = assign(wider, (id) => isFreeOn(id, asked))
        const soonest = earliestPlacement({ ...asked, earliestStart: asked.start })
        expect(offers[0]?.start === asked.start && offers[0].end === asked.end).toBe(now !== undefined)
        expect([undefined, ...offers.slice(0, 2)]).toContainEqual(soonest)
      }),
    )
  })

  it('have one shorter window, the longest there is of at least a tenth', () => {
    fc.assert(
      fc.property(anyAsked, (asked) => {
        const count = asked.durationMs / unitMs
        const ends = Array.from({ length: count - 1 }, (_, index) => plusMs(asked.end, -(index + 1) * unitMs))
        const longest = ends.find((end) => assign(asked.slots, (id) => isFreeOn(id, { ...asked, end })))
        const shorter = offersFor(asked).filter((offer) => offer.end < asked.end && offer.start === asked.start)
        const isWhole = assign(asked.slots, (id) => isFreeOn(id, asked)) !== undefined
        expect(shorter.map(({ end }) => end)).toEqual(longest === undefined || isWhole ? [] : [longest])
      }),
      { numRuns: 1_000 },
    )
  })
})
