import type { BenchState } from '../../domain/bench/state.ts'
import { later, streamName } from '../../domain/ids.ts'
import type { ViewQuestion } from '../../domain/ports.ts'
import type { Explanation } from '../../domain/reservation/events.ts'
import { isLive, type Reservation, type ReservationState } from '../../domain/reservation/state.ts'
import { reservationResource } from '../../projections/resources.ts'
import type { Call } from './call.ts'
import type { House } from './house.ts'
import { notFound } from './problems.ts'
import { find, list, viewBehind } from './reads.ts'
import { etag, json, type Reply, resource } from './replies.ts'

export const getReservation =
  (house: House) =>
  async (call: Call<'getReservation'>): Promise<Reply> => {
    const { tenant, params, query } = call
    const id = params.reservationId
    const found = await find(house, { view: 'reservations', tenant, id }, query, async () => {
      const { state, version } = await house.headOf(tenant, 'reservation', id)
      return version === 0 ? undefined : { version, body: state }
    })
    if (found === 'behind') return viewBehind()
    const shown = found && reservationResource(id, found.body as ReservationState, found.version)
    return shown === undefined ? notFound(`reservation ${id}`) : resource(shown, 200, etag(shown.version))
  }

export const listReservations =
  (house: House) =>
  (call: Call<'listReservations'>): Promise<Reply> => {
    const { benchId, holder, status } = call.query
    const question = {
      view: 'reservations',
      tenant: call.tenant,
      ...indexFor(call.query),
      descending: benchId === undefined,
    }
    return list(house, question, call.query, ({ id, version, body }) => {
      const state = body as ReservationState
      if (state.status === 'absent' || (status !== undefined && state.status !== status)) return undefined
      if (holder !== undefined && state.holder !== holder) return undefined
      if (benchId !== undefined && !state.benchIds.includes(benchId)) return undefined
      return reservationResource(id, state, version)
    })
  }

const indexFor = ({
  benchId,
  holder,
  status,
}: Call<'listReservations'>['query']): Pick<ViewQuestion, 'index' | 'partition'> => {
  if (benchId !== undefined) return { index: 'bench_reservations_idx', partition: benchId }
  if (holder !== undefined) return { index: 'holder_idx', partition: holder }
  return status === undefined
    ? { index: 'all_idx', partition: 'reservations' }
    : { index: 'status_idx', partition: status }
}

/** Why: as it was decided, from the stream's own events; and for one that waits, who is before it and what is in its way. */
export const explainReservation =
  (house: House) =>
  async (call: Call<'explainReservation'>): Promise<Reply> => {
    const { tenant, params } = call
    const id = params.reservationId
    const commits = await house.history.load(streamName(tenant, 'reservation', id))
    const decisions = commits.flatMap(({ events }) => events).flatMap(({ data }) => decisionIn(data))
    const decision = decisions.at(-1)
    if (decision === undefined) return notFound(`reservation ${id}`)
    const { state } = await house.headOf(tenant, 'reservation', id)
    const reservation = state as ReservationState
    const waits = isLive(reservation) && reservation.status === 'queued'
    return json({ ...decision, ...(waits ? await waiting(house, tenant, id, reservation, decision) : {}) })
  }

const decisionIn = (data: unknown): readonly Explanation[] =>
  typeof data === 'object' && data !== null && 'decision' in data ? [data.decision as Explanation] : []

/** More of the queue than this is not counted; more in the way than this is not named. */
const queueCountMax = 500
const blockedByCountMax = 50

const waiting = async (
  house: House,
  tenant: string,
  id: string,
  reservation: Reservation,
  { candidates }: Explanation,
): Promise<{ position: number; blockedBy: readonly unknown[] }> => {
  const benchIds = [...new Set([...reservation.benchIds, ...candidates])]
  const question = { view: 'reservations', tenant, index: 'queued_idx', partition: 'queued', limit: queueCountMax }
  const queue = (await house.views.query(question)).rows
  const place = queue.findIndex((row) => row.id === id)
  const before = queue
    .slice(0, place < 0 ? queue.length : place)
    .filter(({ body }) => (body as Reservation).benchIds.some((benchId) => benchIds.includes(benchId)))
  const states = await Promise.all(
    benchIds.map(async (benchId) => (await house.headOf(tenant, 'bench', benchId)).state as BenchState),
  )
  const from = later(reservation.earliestStart, house.now())
  const blockedBy = states.flatMap((state) => inTheWay(state, id, from, reservation.start))
  const soonestFirst = blockedBy.toSorted((a, b) => (a.heldUntil < b.heldUntil ? -1 : 1))
  return { position: before.length + 1, blockedBy: soonestFirst.slice(0, blockedByCountMax) }
}

/** What holds the bench between when it could be had at the earliest and when it will be. */
const inTheWay = (state: BenchState, ownId: string, from: string, until: string) =>
  state.status === 'absent'
    ? []
    : state.intervals
        .filter((held) => held.reservationId !== ownId && held.heldFrom < until && from < held.heldUntil)
        .map(({ reservationId, heldUntil }) => ({ benchId: state.benchId, reservationId, heldUntil }))
