import { conflictOf } from '../bench/rejections.ts'
import type { BenchState } from '../bench/state.ts'
import { isRejection, type Rejection } from '../decider.ts'
import { earlier, type Instant, msBetween, plusMs, streamName } from '../ids.ts'
import { decide, type Placed, queueHorizonMs, type ReservationCommand, windowAsked } from '../reservation/decide.ts'
import { assign, earliestPlacement, isFree, offersFor } from '../reservation/placement.ts'
import { horizonMs } from '../reservation/rejections.ts'
import type { Reservation, ReservationState } from '../reservation/state.ts'
import { askBenches, benchAsksOf } from './consequences.ts'
import { explain, type Places, placesFor } from './places.ts'
import { type AddressedCommand, type Decision, nothing, type Program, read, readAll } from './program.ts'

type Asked = Extract<ReservationCommand, { type: 'RequestReservation' }>['data']

/** RequestReservation: one atomic append of the reservation's commit and an interval on every bench, or a refusal with offers. */
export function* requestReservation(command: AddressedCommand): Program {
  const { tenant, id, at } = command
  const asked = command.data as Asked
  const state = yield* read(tenant, 'reservation', id)
  const window = windowAsked(asked, at)
  if (isRejection(window)) return window
  const places = yield* placesFor({ tenant, wanted: asked.benches, start: window.start, at, reservationId: id })
  if (isRejection(places)) return places
  const latestStart = earlier(asked.latestStart ?? plusMs(window.start, queueHorizonMs), plusMs(at, horizonMs))
  const placed = place(asked, places, window, latestStart)
  if (isRejection(placed)) return placed
  return commit(command, state, { type: 'RequestReservation', data: asked, id, at, placed }, places)
}

const place = (
  asked: Asked,
  places: Places,
  window: { start: Instant; end: Instant },
  latestStart: Instant,
): Placed | Rejection => {
  const { slots, calendars } = places
  const benchIds = assign(slots, (id) => isFreeOn(places, id, window))
  const rule = asked.benches.every((bench) => 'benchId' in bench) ? 'by-id' : 'by-query'
  const base = { earliestStart: window.start, latestStart }
  if (benchIds !== undefined) return { ...base, ...window, benchIds, queued: false, decision: explain(rule, places) }
  if (!asked.queue) return taken(places, window, latestStart)
  const durationMs = msBetween(window.start, window.end)
  const found = earliestPlacement({ slots, calendars, earliestStart: window.start, latestStart, durationMs })
  return found === undefined
    ? noWindow(latestStart)
    : { ...base, ...found, queued: true, decision: explain('earliest-window', places) }
}

const isFreeOn = (
  { calendars }: Places,
  benchId: string,
  { start, end }: { start: Instant; end: Instant },
): boolean => {
  const calendar = calendars.get(benchId)
  return calendar !== undefined && isFree(calendar, start, end)
}

/** Who is in the way, and at most five ways out. */
const taken = (places: Places, { start, end }: { start: Instant; end: Instant }, latestStart: Instant): Rejection => {
  const { slots, calendars } = places
  const conflicts = [...new Set(slots.flat())].flatMap((benchId) =>
    conflictsOn(places.benches.get(benchId), benchId, start, end),
  )
  const preferred = slots.map((slot) => slot.slice(0, 1))
  return {
    rejection: 'IntervalConflict',
    detail: 'no bench that could serve is free in that window',
    conflicts: conflicts.slice(0, 50),
    offers: offersFor({ slots: preferred, alternatives: [...slots], calendars, start, end, latestStart }),
  }
}

const conflictsOn = (bench: BenchState | undefined, benchId: string, start: Instant, end: Instant) => {
  if (bench?.status !== 'registered') return []
  const from = plusMs(start, -bench.description.setupMs)
  const until = plusMs(end, bench.description.teardownMs)
  return bench.intervals
    .filter((held) => held.heldFrom < until && from < held.heldUntil)
    .map((held) => conflictOf(benchId, held))
}

const noWindow = (latestStart: Instant): Rejection => ({
  rejection: 'NoWindow',
  detail: `there is no free window of that length that starts by ${latestStart}`,
  latestStart,
})

/** PullForward: a queued reservation is given an earlier window, on other benches where its query allows it. */
export function* pullForward(command: AddressedCommand): Program {
  const { tenant, id, at } = command
  const state = yield* read(tenant, 'reservation', id)
  if (state.status !== 'queued') return nothing
  const earliestStart = state.earliestStart > at ? state.earliestStart : at
  if (state.start <= earliestStart) return nothing
  const places = yield* placesFor({ tenant, wanted: state.benches, start: earliestStart, at, reservationId: id })
  if (isRejection(places)) return nothing
  const search = {
    slots: places.slots,
    calendars: places.calendars,
    earliestStart,
    latestStart: state.start,
    durationMs: msBetween(state.start, state.end),
    ignoring: id,
  }
  const found = earliestPlacement(search)
  if (found === undefined || found.start >= state.start) return nothing
  // The benches it leaves may no longer be what it asks for.
  const left = yield* readAll(tenant, 'bench', state.benchIds)
  const benches = new Map([
    ...places.benches,
    ...state.benchIds.map((benchId, index): [string, BenchState] => [benchId, left[index] ?? { status: 'absent' }]),
  ])
  const placed = {
    ...found,
    earliestStart,
    latestStart: state.start,
    queued: true,
    decision: explain('pulled-forward', places),
  }
  return commit(command, state, { type: 'PullForward', data: {}, id, at, placed }, { ...places, benches })
}

const commit = (
  { tenant, id, at }: AddressedCommand,
  state: ReservationState,
  command: ReservationCommand,
  { benches }: Places,
): Decision => {
  const events = decide(state, command)
  if (isRejection(events)) return events
  const before: Reservation | undefined = state.status === 'absent' ? undefined : state
  const asked = askBenches(
    tenant,
    benches,
    events.flatMap((event) => benchAsksOf(id, before, event)),
    at,
  )
  return isRejection(asked) ? asked : { changes: [{ stream: streamName(tenant, 'reservation', id), events }, ...asked] }
}
