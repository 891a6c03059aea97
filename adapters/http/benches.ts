import type { BenchState, RegisteredBench } from '../../domain/bench/state.ts'
import { firstFailing, indexKeyOf, parseQuery } from '../../domain/capabilities.ts'
import { calendarOf, connectedWithinMs } from '../../domain/decisions/places.ts'
import { plusMs } from '../../domain/ids.ts'
import { earliestPlacement } from '../../domain/reservation/placement.ts'
import { benchResource } from '../../projections/resources.ts'
import type { InputFault } from '../routes/faults.ts'
import type { AnyCall, Call } from './call.ts'
import type { House } from './house.ts'
import { invalid, notFound } from './problems.ts'
import { find, list, viewBehind } from './reads.ts'
import { etag, json, type Reply, resource } from './replies.ts'

const bench = (house: House, { tenant }: AnyCall, id: string, consistent: boolean, minVersion?: number) =>
  find(house, { view: 'benches', tenant, id }, { consistent, minVersion }, async () => {
    const { state, version } = await house.headOf(tenant, 'bench', id)
    return version === 0 ? undefined : { version, body: state }
  })

export const getBench =
  (house: House) =>
  async (call: Call<'getBench'>): Promise<Reply> => {
    const { benchId } = call.params
    const { consistent, minVersion } = call.query
    const found = await bench(house, call, benchId, consistent, minVersion)
    if (found === 'behind') return viewBehind()
    const state = found?.body as BenchState | undefined
    const shown = state && benchResource(benchId, state, found?.version ?? 0)
    if (shown === undefined) return notFound(`bench ${benchId}`)
    const seen = consistent ? {} : await lastSeen(house, call.tenant, state as RegisteredBench)
    return resource({ ...shown, ...seen }, 200, etag(shown.descriptionVersion))
  }

/** Liveness is not history: it stands in the lease of the session that serves the bench. */
const lastSeen = async (
  house: House,
  tenant: string,
  { session }: RegisteredBench,
): Promise<{ lastHeartbeatAt?: string }> => {
  const lease = session === null ? undefined : await house.leases.get(tenant, session.workerId)
  return lease !== undefined && lease.epoch === session?.epoch ? { lastHeartbeatAt: lease.lastSeenAt } : {}
}

interface Wanted {
  query: readonly string[]
  type?: string | undefined
  serviceability?: string | undefined
  connectivity?: string | undefined
}

/** The smallest index that holds all benches which can match. */
const indexFor = ({ query, type, serviceability, connectivity }: Wanted): { index: string; partition: string } => {
  const terms = parseQuery(query)
  const key = terms.ok ? terms.query.map(indexKeyOf).find((each) => each !== undefined) : undefined
  if (key !== undefined) return { index: 'capability_idx', partition: key }
  if (type !== undefined) return { index: 'type_idx', partition: type }
  if (connectivity !== undefined) return { index: 'connectivity_idx', partition: connectivity }
  if (serviceability !== undefined) return { index: 'serviceability_idx', partition: serviceability }
  return { index: 'all_idx', partition: 'benches' }
}

/** Whether a bench is one of those; the terms are parsed once. */
const matcher = ({ query, type, serviceability, connectivity }: Wanted): ((bench: RegisteredBench) => boolean) => {
  const parsed = parseQuery(query)
  const terms = parsed.ok ? parsed.query : []
  return (bench) =>
    (type === undefined || bench.description.type === type) &&
    (serviceability === undefined || bench.serviceability === serviceability) &&
    (connectivity === undefined || bench.connectivity === connectivity) &&
    firstFailing(terms, bench.description.capabilities) === undefined
}

export const listBenches =
  (house: House) =>
  (call: Call<'listBenches'>): Promise<Reply> => {
    const matches = matcher(call.query)
    const question = { view: 'benches', tenant: call.tenant, ...indexFor(call.query) }
    return list(house, question, call.query, async ({ id, version, body }) => {
      const state = body as BenchState
      if (state.status === 'absent' || !matches(state)) return undefined
      return { ...benchResource(id, state, version), ...(await lastSeen(house, call.tenant, state)) }
    })
  }

/** A window of a query, `[from, to)`; a fault when it is none. */
const notAWindow = (from: string, to: string): InputFault | undefined =>
  from < to ? undefined : { path: 'to', message: `must be after from, ${from}` }

export const getCalendar =
  (house: House) =>
  async (call: Call<'getCalendar'>): Promise<Reply> => {
    const { benchId } = call.params
    const { from = house.now(), to = '9999', consistent } = call.query
    const fault = notAWindow(from, to)
    if (fault !== undefined) return invalid([fault])
    const found = await bench(house, call, benchId, consistent)
    if (found === 'behind') return viewBehind()
    const state = found?.body as BenchState | undefined
    if (state === undefined || state.status === 'absent') return notFound(`bench ${benchId}`)
    const items = state.intervals
      .filter(({ heldFrom, heldUntil }) => heldFrom < to && from < heldUntil)
      .map(({ start, end, heldFrom, heldUntil, reservationId, holder }) => ({
        start,
        end,
        heldFrom,
        heldUntil,
        reservationId,
        holder,
      }))
    return json({ items }, 200, etag(found?.version ?? 0))
  }

const dayMs = 86_400_000
/** More benches that would do than this are not looked for. */
const candidateCountMax = 1_000

export const findAvailability =
  (house: House) =>
  async (call: Call<'findAvailability'>): Promise<Reply> => {
    const now = house.now()
    const { durationMs, limit, query } = call.query
    const from = call.query.from === undefined || call.query.from < now ? now : call.query.from
    const to = call.query.to ?? plusMs(from, 7 * dayMs)
    const fault = notAWindow(from, to)
    if (fault !== undefined) return invalid([fault])
    const wanted = { query, type: call.query.type, serviceability: 'in-service' }
    const benches = await candidates(house, call.tenant, wanted)
    const connectedFrom = plusMs(now, connectedWithinMs)
    const openings = benches.flatMap((each) => openingOf(each, from, to, durationMs, connectedFrom))
    return json({
      items: openings
        .toSorted(byPreference)
        .slice(0, limit)
        .map(({ opening }) => opening),
    })
  }

const candidates = async (house: House, tenant: string, wanted: Wanted): Promise<readonly RegisteredBench[]> => {
  const matches = matcher(wanted)
  const found: RegisteredBench[] = []
  let cursor: string | undefined
  do {
    const page = await house.views.query({
      view: 'benches',
      tenant,
      ...indexFor(wanted),
      limit: 500,
      ...(cursor === undefined ? {} : { cursor }),
    })
    const benches = page.rows.map(({ body }) => body as BenchState)
    found.push(...benches.filter((bench) => bench.status === 'registered').filter(matches))
    cursor = page.nextCursor
  } while (cursor !== undefined && found.length < candidateCountMax)
  return found
}

interface Ranked {
  opening: { benchId: string; start: string; end: string }
  weight: readonly [capabilityCount: number, intervalCount: number]
}

/** The first window of the wanted length; for a bench that nobody serves, not sooner than it could be back. */
const openingOf = (
  state: RegisteredBench,
  from: string,
  to: string,
  durationMs: number,
  connectedFrom: string,
): readonly Ranked[] => {
  const { benchId, description, intervals, connectivity } = state
  const isAway = connectivity === 'lost' || connectivity === 'offline'
  const earliestStart = isAway && from < connectedFrom ? connectedFrom : from
  const latestStart = plusMs(to, -durationMs)
  if (latestStart < earliestStart) return []
  const calendars = new Map([[benchId, calendarOf(state)]])
  const placed = earliestPlacement({ slots: [[benchId]], calendars, earliestStart, latestStart, durationMs })
  if (placed === undefined) return []
  const { start, end } = placed
  return [{ opening: { benchId, start, end }, weight: [description.capabilities.length, intervals.length] }]
}

/** The soonest; among those the least capable, the least booked, then by id: as a reservation by query would choose. */
const byPreference = (a: Ranked, b: Ranked): number => {
  if (a.opening.start !== b.opening.start) return a.opening.start < b.opening.start ? -1 : 1
  return a.weight[0] - b.weight[0] || a.weight[1] - b.weight[1] || (a.opening.benchId < b.opening.benchId ? -1 : 1)
}
