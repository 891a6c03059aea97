import type { BenchCommand } from '../../domain/bench/decide.ts'
import type { BenchEvent } from '../../domain/bench/events.ts'
import { plusMs } from '../../domain/ids.ts'

export const at = '2026-03-01T09:00:00.000Z'
export const hour = 3_600_000
export const inHours = (hours: number) => plusMs(at, hours * hour)
export const description = { type: 'hil', capabilities: ['can-fd'], setupMs: 0, teardownMs: 0, labels: {} }
export const registered: BenchEvent = { type: 'BenchRegistered', data: { benchId: 'hil-1', ...description } }
export const withBuffers: BenchEvent = {
  type: 'BenchRegistered',
  data: { benchId: 'hil-1', ...description, setupMs: hour / 4, teardownMs: hour / 2 },
}
export const held = (reservationId: string, from: number, to: number): BenchEvent => ({
  type: 'IntervalHeld',
  data: {
    reservationId,
    holder: 'ada',
    start: inHours(from),
    end: inHours(to),
    heldFrom: inHours(from),
    heldUntil: inHours(to),
  },
})
export const command = <Type extends BenchCommand['type']>(
  type: Type,
  data: Extract<BenchCommand, { type: Type }>['data'],
  when = at,
) => ({ type, data, id: 'hil-1', at: when }) as BenchCommand
export const hold = (reservationId: string, from: number, to: number) =>
  command('HoldInterval', { reservationId, holder: 'ada', start: inHours(from), end: inHours(to) })
