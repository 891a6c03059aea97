import type { RegisteredBench } from '../../domain/bench/state.ts'
import { parseCommand } from '../../domain/contract.ts'
import type { AddressedCommand } from '../../domain/decisions/program.ts'
import type { Execution } from '../../domain/execution/state.ts'
import { plusMs, type StreamKind, streamName } from '../../domain/ids.ts'
import { programOf } from '../../domain/registry.ts'
import type { Reservation } from '../../domain/reservation/state.ts'
import { world } from '../given.ts'

/** A lab with its benches, in plain objects: commands go through the registry's own programs. */
export const t0 = '2026-03-01T09:00:00.000Z'
export const hour = 3_600_000
export const inHours = (hours: number) => plusMs(t0, hours * hour)

export const lab = (...benches: readonly Record<string, unknown>[]) => {
  const { decide, stateOf } = world()
  const send = (kind: StreamKind, id: string, type: string, data: unknown, at = t0) => {
    const parsed = parseCommand(kind, type, data)
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors))
    const command: AddressedCommand = { tenant: 't', kind, id, type, data: parsed.data, at }
    return decide(programOf(command), at)
  }
  for (const bench of benches) send('bench', String(bench['benchId']), 'RegisterBench', { type: 'hil', ...bench })
  return {
    send,
    book: (id: string, body: Record<string, unknown>, at = t0) =>
      send('reservation', id, 'RequestReservation', { holder: id, ...body }, at),
    tick: (id: string, at: string) => send('reservation', id, 'Tick', {}, at),
    bench: (id: string) => stateOf(streamName('t', 'bench', id)) as RegisteredBench,
    execution: (id: string) => stateOf(streamName('t', 'execution', id)) as Execution,
    reservation: (id: string) => stateOf(streamName('t', 'reservation', id)) as Reservation,
  }
}
export const bench = (benchId: string, more: Record<string, unknown> = {}) => ({ benchId, ...more })
export const window = (from: number, to: number) => ({ start: inHours(from), end: inHours(to) })
