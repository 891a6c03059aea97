import { plusMs } from '../../domain/ids.ts'
import { RequestReservation } from '../../domain/reservation/commands.ts'
import type { Placed, ReservationCommand } from '../../domain/reservation/decide.ts'
import type { BenchesSeen } from '../../domain/reservation/due.ts'
import type { ReservationEvent } from '../../domain/reservation/events.ts'

export const t0 = '2026-03-01T09:00:00.000Z'
export const hour = 3_600_000
export const inHours = (hours: number) => plusMs(t0, hours * hour)
export const decision = {
  rule: 'by-id' as const,
  candidates: ['b1'],
  candidateCount: 1,
  exclusions: [],
  exclusionCounts: {},
}
export const placed: Placed = {
  start: inHours(1),
  end: inHours(2),
  benchIds: ['b1'],
  queued: false,
  decision,
  earliestStart: inHours(1),
  latestStart: inHours(25),
}
export const data = RequestReservation.parse({
  holder: 'ada',
  benches: [{ benchId: 'b1' }],
  start: inHours(1),
  end: inHours(2),
})
export const request: Extract<ReservationCommand, { type: 'RequestReservation' }> = {
  type: 'RequestReservation',
  data,
  id: 'r1',
  at: t0,
  placed,
}
export const asked = {
  holder: 'ada',
  benches: [{ benchId: 'b1' }],
  benchIds: ['b1'],
  start: inHours(1),
  end: inHours(2),
  earliestStart: inHours(1),
  priority: 50,
  queue: false,
  checkInWithinMs: 300_000,
  graceMs: 60_000,
  decision,
}
export const confirmed: ReservationEvent = { type: 'ReservationConfirmed', data: asked }
export const queued: ReservationEvent = {
  type: 'ReservationQueued',
  data: { ...asked, queue: true, latestStart: inHours(25), earliestStart: t0 },
}
export const activated: ReservationEvent & { at?: string } = { type: 'ReservationActivated', data: {}, at: inHours(1) }
export const checkedIn: ReservationEvent = { type: 'ReservationCheckedIn', data: { by: 'request' } }
export const ending: ReservationEvent = { type: 'ReservationEnding', data: { end: inHours(2) } }
export const extended: ReservationEvent = {
  type: 'ReservationGraceExtended',
  data: { until: plusMs(inHours(2), 60_000) },
}
export const nobody: BenchesSeen = { occupied: false, occupiedByOther: false, everOccupied: false }
export type Seen = Exclude<ReservationCommand, { placed: unknown }>
export const command = <Type extends Seen['type']>(
  type: Type,
  body: Extract<Seen, { type: Type }>['data'],
  at: string,
  seen: Partial<BenchesSeen> = {},
) => ({ type, data: body, id: 'r1', at, seen: { ...nobody, ...seen } }) as ReservationCommand
export const tick = (at: string, seen?: Partial<BenchesSeen>) => command('Tick', {}, at, seen)
