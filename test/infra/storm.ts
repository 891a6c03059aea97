/** A small lab of which many want many things at once: what they share. */
import { setImmediate } from 'node:timers/promises'
import type { Outcome } from '../../domain/handle.ts'
import type { Request } from '../../projections/services.ts'
import type { openDice } from '../dice.ts'
import type { openTime, Voiced } from './house.ts'

/** A command that was sent, under a key of its own, and what came of it. */
export interface Sent {
  kind: Request['kind']
  id: string
  type: string
  data: unknown
  key: string
  outcome: Outcome
}

export interface Storm {
  all: Voiced
  time: ReturnType<typeof openTime>
  dice: ReturnType<typeof openDice>
  sent: Sent[]
  made: { reservations: string[]; executions: string[]; bookings: number; plans: number; keys: number }
}

export const benches = ['b1', 'b2', 'b3', 'b4', 'b5']
export const minuteMs = 60_000
/** So often is a command sent twice at once, as a client does that was not answered in time. */
const twiceShare = 0.15

export const chance = ({ dice }: Storm, share: number): boolean => dice.next() < share
export const some = <Item>({ dice }: Storm, items: readonly Item[], count: number): Item[] =>
  items.toSorted(() => dice.next() - 0.5).slice(0, count)

export const send = async (
  storm: Storm,
  kind: Request['kind'],
  id: string,
  type: string,
  data: unknown = {},
): Promise<Outcome> => {
  const key = `${type}-${++storm.made.keys}`
  for (let turns = storm.dice.next() * 3; turns > 1; turns--) await setImmediate()
  const once = async (): Promise<Outcome> => {
    const outcome = await storm.all.send(kind, id, type, data, { idempotencyKey: key })
    storm.sent.push({ kind, id, type, data, key, outcome })
    return outcome
  }
  const [outcome] = await Promise.all(chance(storm, twiceShare) ? [once(), once()] : [once()])
  return outcome
}

/** As it is now, folded from history. */
export const stateIn = async <State>({ all }: Storm, kind: Request['kind'], id: string): Promise<State> =>
  (await all.services.headOf('default', kind, id)).state as State
