import { type BenchCommand, decide } from '../bench/decide.ts'
import type { BenchState } from '../bench/state.ts'
import { isRejection, type Rejection } from '../decider.ts'
import { type Instant, streamName } from '../ids.ts'
import type { ReservationEvent } from '../reservation/events.ts'
import type { Reservation } from '../reservation/state.ts'
import type { Change } from './program.ts'

/** What an event of one stream asks of a bench in the same append: a command without its id and time. */
export type BenchAsk = {
  [Type in BenchCommand['type']]: { benchId: string; type: Type; data: Extract<BenchCommand, { type: Type }>['data'] }
}[BenchCommand['type']]

/** What a reservation's event asks of its benches. `before` is the reservation it happened to; undefined for a new one. */
export const benchAsksOf = (
  reservationId: string,
  before: Reservation | undefined,
  event: ReservationEvent,
): readonly BenchAsk[] => {
  const benchIds = before?.benchIds ?? []
  const free = (used: boolean) =>
    benchIds.map((benchId): BenchAsk => ({ benchId, type: 'FreeInterval', data: { reservationId, used } }))
  switch (event.type) {
    case 'ReservationConfirmed':
    case 'ReservationQueued':
      return event.data.benchIds.map((benchId) => hold(benchId, reservationId, event.data, event.data.holder))
    case 'ReservationPulledForward':
      return pulled(reservationId, before, event.data)
    case 'ReservationAmended':
      return benchIds.map((benchId) => move(benchId, reservationId, event.data))
    case 'ReservationTransferred':
      return benchIds.map((benchId) => ({
        benchId,
        type: 'TransferInterval',
        data: { reservationId, holder: event.data.holder },
      }))
    case 'ReservationReleased':
      return free(true)
    case 'ReservationExpired':
    case 'ReservationCancelled':
      return free(before?.status === 'active')
    case 'ReservationNoShow':
      return free(false)
    case 'ReservationGraceExtended':
      return benchIds.map((benchId) =>
        move(benchId, reservationId, { start: before?.start ?? '', end: event.data.until }),
      )
    case 'ReservationCheckedIn':
    case 'ReservationActivated':
    case 'ReservationEnding':
    case 'ReservationGraceEntered':
      return []
  }
}

interface Window {
  start: Instant
  end: Instant
}

const hold = (benchId: string, reservationId: string, { start, end }: Window, holder: string): BenchAsk => ({
  benchId,
  type: 'HoldInterval',
  data: { reservationId, start, end, holder },
})
const move = (benchId: string, reservationId: string, { start, end }: Window): BenchAsk => ({
  benchId,
  type: 'MoveInterval',
  data: { reservationId, start, end },
})

const pulled = (
  reservationId: string,
  before: Reservation | undefined,
  to: Window & { benchIds: readonly string[] },
): readonly BenchAsk[] => {
  const from = before?.benchIds ?? []
  const holder = before?.holder ?? ''
  return [
    ...from
      .filter((benchId) => !to.benchIds.includes(benchId))
      .map((benchId): BenchAsk => ({ benchId, type: 'FreeInterval', data: { reservationId, used: false } })),
    ...to.benchIds.map((benchId) =>
      from.includes(benchId) ? move(benchId, reservationId, to) : hold(benchId, reservationId, to, holder),
    ),
  ]
}

/** What the benches answer to all that is asked of them: changes to append, or the refusals as one. */
export const askBenches = (
  tenant: string,
  benches: ReadonlyMap<string, BenchState>,
  asks: readonly BenchAsk[],
  at: Instant,
): readonly Change[] | Rejection => {
  const refusals: Rejection[] = []
  const changes = asks.flatMap(({ benchId, ...ask }): readonly Change[] => {
    const answer = decide(benches.get(benchId) ?? { status: 'absent' }, { ...ask, id: benchId, at })
    if (!isRejection(answer))
      return answer.length === 0 ? [] : [{ stream: streamName(tenant, 'bench', benchId), events: answer }]
    refusals.push(answer)
    return []
  })
  return refusals.length === 0 ? changes : merged(refusals)
}

/** One refusal for the whole: overlaps are named together, anything else comes first. */
const merged = (refusals: readonly Rejection[]): Rejection => {
  const other = refusals.find(({ rejection }) => rejection !== 'IntervalConflict')
  if (other !== undefined) return other
  const conflicts = refusals.flatMap(({ conflicts }) => conflicts as readonly { benchId: string }[])
  const benchIds = [...new Set(conflicts.map(({ benchId }) => benchId))]
  return {
    rejection: 'IntervalConflict',
    detail: `${benchIds.join(', ')}: taken in that window`,
    conflicts: conflicts.slice(0, 50),
  }
}
