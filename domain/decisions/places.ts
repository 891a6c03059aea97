import { isCalendarFull, refusesBooking } from '../bench/decide.ts'
import type { BenchState, RegisteredBench } from '../bench/state.ts'
import type { Rejection } from '../decider.ts'
import { type Instant, msBetween } from '../ids.ts'
import type { Explanation, WantedBench } from '../reservation/events.ts'
import type { Calendar, Slot } from '../reservation/placement.ts'
import { type Ask, candidatesFor, look } from './program.ts'

/** Where the wanted benches could be found: their calendars as they are, and why others were left out. */
export interface Places {
  /** For each wanted bench, the benches that could serve it, best first. */
  slots: readonly Slot[]
  benches: ReadonlyMap<string, BenchState>
  calendars: ReadonlyMap<string, Calendar>
  exclusions: ReadonlyMap<string, string>
}

/** For a window that starts within so long, benches that are lost or offline are left out. */
export const connectedWithinMs = 600_000
/** So many candidates, and as many exclusions, are named in an explanation; the rest is counted. */
export const namedCountMax = 50

/** What is looked for: since when it is asked, for a window that starts then, by which reservation. */
interface Sought {
  tenant: string
  wanted: readonly WantedBench[]
  start: Instant
  at: Instant
  reservationId: string
}

export function* placesFor(sought: Sought): Generator<Ask, Places | Rejection, unknown> {
  const { tenant, wanted } = sought
  const exclusions = new Map<string, string>()
  const choices: (readonly string[])[] = []
  for (const one of wanted) {
    if ('benchId' in one) choices.push([one.benchId])
    else {
      const { benchIds, excluded } = yield* candidatesFor({
        tenant,
        query: one.query,
        ...(one.type === undefined ? {} : { type: one.type }),
      })
      for (const [reason, ids] of Object.entries(excluded)) for (const id of ids) exclusions.set(id, reason)
      choices.push(benchIds)
    }
  }
  const ids = [...new Set(choices.flat())]
  const states = yield* look(tenant, 'bench', ids)
  const benches = new Map(ids.map((id, index) => [id, states[index] as BenchState]))
  return chosen(sought, choices, benches, exclusions)
}

const chosen = (
  sought: Sought,
  choices: readonly (readonly string[])[],
  benches: ReadonlyMap<string, BenchState>,
  exclusions: Map<string, string>,
): Places | Rejection => {
  const slots: Slot[] = []
  for (const [index, one] of sought.wanted.entries()) {
    const ids = choices[index] ?? []
    const [first = ''] = ids
    const refusal = 'benchId' in one ? refusesBooking(benches.get(first) ?? { status: 'absent' }, first) : undefined
    if (refusal !== undefined) return refusal
    const slot =
      'benchId' in one
        ? ids
        : ranked(
            ids.filter((id) => isEligible(id, benches.get(id), sought, exclusions)),
            benches,
          )
    if (slot.length === 0) return noBenchMatches(index, one, exclusions)
    slots.push(slot)
    for (const id of slot) exclusions.delete(id)
  }
  const ids = new Set(slots.flat())
  return {
    slots,
    benches,
    exclusions,
    calendars: new Map(
      [...benches].flatMap(([id, bench]) =>
        ids.has(id) && bench.status === 'registered' ? [[id, calendarOf(bench)]] : [],
      ),
    ),
  }
}

const isEligible = (
  id: string,
  bench: BenchState | undefined,
  sought: Sought,
  exclusions: Map<string, string>,
): boolean => {
  const reason = whyNot(bench, sought)
  if (reason !== undefined) exclusions.set(id, reason)
  return reason === undefined
}

const whyNot = (bench: BenchState | undefined, { start, at, reservationId }: Sought): string | undefined => {
  if (bench === undefined || bench.status === 'absent') return 'unknown'
  if (bench.serviceability !== 'in-service') return bench.serviceability
  const soon = msBetween(at, start) < connectedWithinMs
  if (soon && (bench.connectivity === 'lost' || bench.connectivity === 'offline')) return bench.connectivity
  const isItsOwn = bench.intervals.some((held) => held.reservationId === reservationId)
  return isItsOwn || !isCalendarFull(bench, at) ? undefined : 'calendar-full'
}

/** The rule by which benches that satisfy a query are preferred: the least capable, then the least booked, then by id. */
const ranked = (ids: readonly string[], benches: ReadonlyMap<string, BenchState>): Slot => {
  const weight = (id: string): readonly [number, number] => {
    const bench = benches.get(id)
    return bench?.status === 'registered' ? [bench.description.capabilities.length, bench.intervals.length] : [0, 0]
  }
  return ids
    .map((id) => ({ id, weight: weight(id) }))
    .sort((a, b) => a.weight[0] - b.weight[0] || a.weight[1] - b.weight[1] || (a.id < b.id ? -1 : 1))
    .map(({ id }) => id)
}

export const calendarOf = ({ benchId, description, intervals }: RegisteredBench): Calendar => ({
  benchId,
  setupMs: description.setupMs,
  teardownMs: description.teardownMs,
  held: intervals,
})

const noBenchMatches = (index: number, wanted: WantedBench, exclusions: ReadonlyMap<string, string>): Rejection => ({
  rejection: 'NoBenchMatches',
  detail: `no bench can serve benches.${index}`,
  wanted,
  exclusionCounts: countsOf(exclusions),
})

const countsOf = (exclusions: ReadonlyMap<string, string>): Record<string, number> => {
  const counts = new Map<string, number>()
  for (const reason of exclusions.values()) counts.set(reason, (counts.get(reason) ?? 0) + 1)
  return Object.fromEntries(counts)
}

/** The decision as it is kept: what was considered, and why the others were not. */
export const explain = (rule: Explanation['rule'], { slots, exclusions }: Places): Explanation => {
  const candidates = [...new Set(slots.flat())]
  return {
    rule,
    candidates: candidates.slice(0, namedCountMax),
    candidateCount: candidates.length,
    exclusions: [...exclusions].slice(0, namedCountMax).map(([benchId, reason]) => ({ benchId, reason })),
    exclusionCounts: countsOf(exclusions),
  }
}
