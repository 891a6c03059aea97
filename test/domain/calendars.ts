import fc from 'fast-check'
import type { Calendar, Slot } from '../../domain/reservation/placement.ts'
import { isFree } from '../../domain/reservation/placement.ts'

/** Small numbers stand for instants, six hours apart, so that a search soon goes beyond the day it looks at first. */
export const unitMs = 21_600_000
const originMs = Date.parse('2026-11-21T00:00:00.000Z')
export const at = (unit: number): string => new Date(originMs + unit * unitMs).toISOString()
const unitOf = (instant: string) => (Date.parse(instant) - originMs) / unitMs

/** A placement as `start-end bench+bench`. */
export const shown = (placement: { start: string; end: string; benchIds: string[] } | undefined): string =>
  placement === undefined
    ? 'none'
    : `${unitOf(placement.start)}-${unitOf(placement.end)} ${placement.benchIds.join('+')}`

/** One slot a text, one bench a letter. */
export const slotsOf = (...texts: string[]): Slot[] => texts.map((text) => text.split(''))

/** `held` as `from-until from-until`, for reservations r0, r1, … in this order; all in units. */
export const calendarOf = (benchId: string, held: string, setup = 0, teardown = 0): Calendar => {
  const intervals = held.split(' ').filter((interval) => interval !== '')
  return {
    benchId,
    setupMs: setup * unitMs,
    teardownMs: teardown * unitMs,
    held: intervals.map((interval, index) => {
      const [from = 0, until = 0] = interval.split('-').map(Number)
      return { heldFrom: at(from), heldUntil: at(until), reservationId: `r${index}` }
    }),
  }
}

export const byId = (...calendars: Calendar[]) => new Map(calendars.map((calendar) => [calendar.benchId, calendar]))

interface Window {
  calendars: ReadonlyMap<string, Calendar>
  ignoring: string | undefined
  start: string
  end: string
}
export const isFreeOn = (benchId: string, { calendars, ignoring, start, end }: Window): boolean => {
  const calendar = calendars.get(benchId)
  return calendar !== undefined && isFree(calendar, start, end, ignoring)
}

export const benches = ['a', 'b', 'c', 'd']
export const anySlot: fc.Arbitrary<Slot> = fc.shuffledSubarray(benches, { minLength: 1 })
export const anyIgnored = fc.constantFrom(undefined, 'r0', 'r2')

/** Alternating gaps and lengths make intervals that are sorted and don't intersect; with a gap of 0 they touch. */
export const anyCalendar = (benchId: string): fc.Arbitrary<Calendar> =>
  fc
    .tuple(fc.array(fc.tuple(fc.nat(4), fc.integer({ min: 1, max: 5 })), { maxLength: 6 }), fc.nat(2), fc.nat(2))
    .map(([steps, setup, teardown]) => {
      let unit = 0
      const held = steps.map(([gap, length]) => {
        const from = unit + gap
        unit = from + length
        return `${from}-${unit}`
      })
      return calendarOf(benchId, held.join(' '), setup, teardown)
    })

export const anyGang = {
  slots: fc.array(anySlot, { minLength: 1, maxLength: 3 }),
  calendars: fc.tuple(...benches.map(anyCalendar)).map((calendars) => byId(...calendars)),
  ignoring: anyIgnored,
}
