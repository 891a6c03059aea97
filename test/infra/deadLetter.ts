import type { ViewStore } from '../../domain/ports.ts'
import { openDeadLetters } from '../../infra/deadLetters.ts'

/** Puts one command of a policy aside. */
export const putAsideForTest = (views: Pick<ViewStore, 'write'>): Promise<void> =>
  openDeadLetters(
    () => views,
    0,
    () => '2026-03-02T08:00:00.000Z',
  ).keep(
    {
      policy: 'p',
      tenant: 'default',
      kind: 'bench',
      id: 'b1',
      type: 'Tick',
      data: {},
      commandId: 'p:bench/b1/1:bench/b1',
      actor: { kind: 'system', id: 'p' },
      causationId: 'bench/b1/1',
      correlationId: 'x',
      lane: 'default/bench/b1',
      place: 0,
    },
    new Error('the store is gone'),
  )
