/**
 * Where a reservation can go: when its gang of benches is free, which bench serves which part of it, and what to offer
 * instead of what was asked. It knows benches only as calendars of held intervals. All windows are half-open.
 */
import { earlier, type Instant, later, msBetween, plusMs } from '../ids.ts'

/** What is held on one bench, its buffers included: sorted by heldFrom, not intersecting. The buffers are a new window's. */
export interface Calendar {
  benchId: string
  setupMs: number
  teardownMs: number
  held: readonly { heldFrom: Instant; heldUntil: Instant; reservationId: string }[]
}

/** The benches that could serve one wanted bench of the gang, most preferred first. */
export type Slot = readonly string[]

/** `benchIds[i]` serves `slots[i]`; all distinct. An offer is one in place of what was asked. */
export interface Placement {
  start: Instant
  end: Instant
  benchIds: string[]
}
export type Offer = Placement

/** 1..16 slots. A bench without a calendar is never free. */
interface Gang {
  slots: readonly Slot[]
  calendars: ReadonlyMap<string, Calendar>
  /** The reservation whose own intervals don't count, because it is to be moved. Default: none. */
  ignoring?: string | undefined
}

/** Both limits of the start are inclusive; without a start between them nothing is found. */
interface Search extends Gang {
  earliestStart: Instant
  latestStart: Instant
  durationMs: number
}

/** What was refused. `alternatives[i]` would do for `slots[i]` too; latestStart, inclusive, is the last worth offering. */
interface Asked extends Gang {
  alternatives: readonly Slot[]
  start: Instant
  end: Instant
  latestStart: Instant
}

const offerCountMax = 5

/** Whether the window with the bench's buffers around it intersects nothing held, except by `ignoring`. */
export const isFree = (calendar: Calendar, start: Instant, end: Instant, ignoring?: string): boolean => {
  const from = plusMs(start, -calendar.setupMs)
  const until = plusMs(end, calendar.teardownMs)
  return !calendar.held.some((one) => one.heldFrom < until && from < one.heldUntil && one.reservationId !== ignoring)
}

/**
 * A distinct free bench for every slot; undefined if there are none. Of all such gangs it is the first by preference:
 * slot 0 has the best bench with which the others can still be served, then slot 1 has, and so on.
 */
export const assign = (slots: readonly Slot[], free: (benchId: string) => boolean): string[] | undefined => {
  const benchIds = distinct(slots.flat()).filter(free)
  const numbers = new Map(benchIds.map((id, index) => [id, index]))
  const wants = slots.map((slot) => slot.map((id) => numbers.get(id)).filter((bench) => bench !== undefined))
  const holders: Holders = []
  if (!wants.every((_, slot) => seat(wants, holders, slot, []))) return undefined
  // Each slot in turn gives up its bench for the best one that is free or that a slot not yet settled can leave.
  const settled: boolean[] = []
  const chosen = wants.map((_, slot) => {
    holders[holders.indexOf(slot)] = undefined
    seat(wants, holders, slot, [...settled])
    const bench = holders.indexOf(slot)
    settled[bench] = true
    return benchIds[bench]
  })
  return chosen.filter((id) => id !== undefined)
}

/** The earliest start at which every slot has a bench, with the gang that `assign` takes then. */
export const earliestPlacement = (search: Search): Placement | undefined => {
  const at = earliestStart(search)
  if (at === undefined) return undefined
  const start = new Date(at).toISOString()
  const end = plusMs(start, search.durationMs)
  const isFreeThen = (benchId: string) => {
    const calendar = search.calendars.get(benchId)
    return calendar !== undefined && isFree(calendar, start, end, search.ignoring)
  }
  const benchIds = assign(search.slots, isFreeThen)
  return benchIds && { start, end, benchIds }
}

/**
 * At most five different offers, the most useful first: other benches now (asked ones kept where they are free), the
 * asked benches later, the asked benches now but shorter, then what comes next on either, soonest first.
 */
export const offersFor = (asked: Asked): Offer[] => {
  const wider = asked.slots.map((slot, index) => distinct([...slot, ...(asked.alternatives[index] ?? [])]))
  const anywhere = windowsFor(asked, wider)
  const same = windowsFor(asked, asked.slots)
  const byStart = [...same, ...anywhere].sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0))
  const now = byStart.filter((offer) => offer.start === asked.start)
  const offers = [...now, ...same.slice(0, 1), ...shorterNow(asked), ...byStart]
  return [...new Map(offers.map((offer) => [JSON.stringify(offer), offer])).values()].slice(0, offerCountMax)
}

/** Windows of the asked length one after the other, so that offers differ by more than a moment. */
const windowsFor = (asked: Asked, slots: readonly Slot[]): Offer[] => {
  const found: Offer[] = []
  const durationMs = msBetween(asked.start, asked.end)
  const latestStart = later(asked.start, asked.latestStart)
  let next = earliestPlacement({ ...asked, slots, durationMs, latestStart, earliestStart: asked.start })
  while (next !== undefined && found.push(next) < offerCountMax) {
    next = earliestPlacement({ ...asked, slots, durationMs, latestStart, earliestStart: next.end })
  }
  return found
}

/**
 * The longest window from the asked start on benches as asked, if it is shorter than asked. At least a second, which
 * is the shortest reservation there is, and a tenth of what was asked: whoever wants a day has no use for a minute.
 */
const shorterNow = (asked: Asked): Offer[] => {
  const { slots, start, end } = asked
  const shortest = plusMs(start, Math.max(1_000, Math.ceil(msBetween(start, end) / 10)))
  const limits = new Map(distinct(slots.flat()).map((id) => [id, limitOf(asked, id)]))
  const ends = distinct([...limits.values()]).filter((limit) => shortest <= limit)
  for (const until of ends.sort((a, b) => (a < b ? 1 : -1))) {
    const benchIds = assign(slots, (id) => (limits.get(id) ?? '') >= until)
    if (benchIds !== undefined) return until < end ? [{ start, end: until, benchIds }] : []
  }
  return []
}

/** Until when the bench is free from the asked start on, if not longer than asked; not after the start: not at all. */
const limitOf = ({ calendars, start, end, ignoring }: Asked, benchId: string): Instant => {
  const calendar = calendars.get(benchId)
  if (calendar === undefined) return ''
  const from = plusMs(start, -calendar.setupMs)
  const next = calendar.held.find((one) => one.heldUntil > from && one.reservationId !== ignoring)
  return next === undefined ? end : earlier(end, plusMs(next.heldFrom, -calendar.teardownMs))
}

/** In ms since 1970. Looks at a day first, then at ever longer stretches: what is found soon costs little. */
const earliestStart = (search: Search): number | undefined => {
  if (assign(search.slots, (id) => search.calendars.has(id)) === undefined) return undefined
  const last = Date.parse(search.latestStart)
  for (let from = Date.parse(search.earliestStart), spanMs = 864e5; from <= last; from += spanMs + 1, spanMs *= 4) {
    const found = sweep(search, from, Math.min(last, from + spanMs))
    if (found !== undefined) return found
  }
  return undefined
}

/**
 * The earliest start from..until, both inclusive: goes through the benches' openings in order of time and keeps the
 * largest matching of open benches to slots. So an instant costs about one look at what opens and what has closed,
 * however often the slots almost fit.
 */
const sweep = (search: Search, from: number, until: number): number | undefined => {
  const benchIds = distinct(search.slots.flat())
  const choices = search.slots.map((slot) => new Set(slot))
  const serves = benchIds.map((id) => choices.flatMap((choice, slot) => (choice.has(id) ? [slot] : [])))
  const openings = benchIds.flatMap((id, bench) => openingsOf(search, id, bench, from, until))
  const holders: Holders = search.slots.map(() => undefined)
  const openUntil = benchIds.map(() => -Infinity)
  for (const opening of openings.sort((a, b) => a.from - b.from)) {
    replaceClosed(serves, holders, openUntil, opening.from)
    openUntil[opening.bench] = opening.until
    seat(serves, holders, opening.bench, [])
    if (!holders.includes(undefined)) return opening.from
  }
  return undefined
}

/** Starts in ms since 1970, both inclusive, at which a bench (by number) is free for the whole window. */
type Opening = { from: number; until: number; bench: number }

const openingsOf = (search: Search, benchId: string, bench: number, first: number, last: number): Opening[] => {
  const calendar = search.calendars.get(benchId)
  if (calendar === undefined) return []
  const afterMs = search.durationMs + calendar.teardownMs
  const horizonFrom = new Date(first - calendar.setupMs).toISOString()
  const horizonUntil = new Date(last + afterMs).toISOString()
  const openings: Opening[] = []
  let from = first
  for (const held of calendar.held) {
    if (held.heldUntil <= horizonFrom || held.reservationId === search.ignoring) continue
    if (held.heldFrom >= horizonUntil) break
    const until = Date.parse(held.heldFrom) - afterMs
    if (from <= until) openings.push({ from, until, bench })
    from = Date.parse(held.heldUntil) + calendar.setupMs
  }
  if (from <= last) openings.push({ from, until: last, bench })
  return openings
}

/**
 * Unseats the benches that have closed by `at`, and seats others for them as far as there are any. No slot that was
 * empty before can gain by it: the matching was as large as could be.
 */
const replaceClosed = (serves: Wants, holders: Holders, openUntil: readonly number[], at: number): void => {
  const isClosed = (bench: number) => (openUntil[bench] ?? 0) < at
  let vacated = 0
  for (const [slot, bench] of holders.entries()) {
    if (bench === undefined || !isClosed(bench)) continue
    holders[slot] = undefined
    vacated++
  }
  // What one bench has tried in vain leads nowhere for the next either, until the matching has changed.
  let tried: boolean[] = []
  for (let bench = 0; vacated > 0 && bench < openUntil.length; bench++) {
    if (isClosed(bench) || holders.includes(bench) || !seat(serves, holders, bench, tried)) continue
    vacated--
    tried = []
  }
}

/** The two sides of a matching go by number: which right ones a left one wants, best first; who holds a right one. */
type Wants = readonly (readonly number[])[]
type Holders = (number | undefined)[]

/**
 * Gives `left` the first it can have of those it wants and nobody has tried, moving on who holds it if need be (an
 * augmenting path). false: nothing has moved, and nothing that is tried now can be had while the matching stays.
 */
const seat = (wants: Wants, holders: Holders, left: number, tried: boolean[]): boolean => {
  for (const right of wants[left] ?? []) {
    if (tried[right]) continue
    tried[right] = true
    const other = holders[right]
    if (other !== undefined && !seat(wants, holders, other, tried)) continue
    holders[right] = left
    return true
  }
  return false
}

const distinct = <Item>(items: readonly Item[]): Item[] => [...new Set(items)]
