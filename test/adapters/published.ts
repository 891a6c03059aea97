import type { Commit, RecordedEvent, StoredEvent } from '../../domain/event.ts'

/** An event as it would lie in history; its data are what matters. */
export const storedEvent = (data: object = {}, type = 'ExecutionInterrupted'): StoredEvent => ({
  type,
  schemaVersion: 1,
  data,
})

/** A commit as the feed has it. */
export const commitOf = (id: string, events: readonly StoredEvent[], version = 1): Commit => ({
  stream: `default/execution/${id}`,
  version,
  events,
  at: '2026-03-02T08:00:00.000Z',
  actor: { kind: 'user', id: 'ada' },
  commandId: `command-${id}`,
  commandHash: '0'.repeat(64),
  correlationId: `about-${id}`,
  previousHash: null,
  hash: '1'.repeat(64),
})

/** The end of an execution, for a state machine that waits. */
export const finished = (verdict: string, taskToken: string, id = 'e1'): RecordedEvent => {
  const { events: _, commandHash: __, previousHash: ___, hash: ____, ...rest } = commitOf(id, [])
  const data = { verdict, releaseReservation: false, reservationId: 'r1', callback: { taskToken } }
  return { ...rest, ...storedEvent(data, 'ExecutionFinished'), version: 7 }
}
