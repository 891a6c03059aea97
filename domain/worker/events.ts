import type { DomainEvent } from '../event.ts'
import type { Instant } from '../ids.ts'

/** Storage formats: frozen for ever once released. */
export type WorkerEvent =
  | DomainEvent<'WorkerEnrolled', { labels: Readonly<Record<string, string>> }>
  | DomainEvent<'WorkerSessionOpened', { epoch: number; benchIds: readonly string[]; agentVersion: string }>
  | DomainEvent<
      'WorkerSessionClosed',
      { epoch: number; benchIds: readonly string[]; reason: 'closed' | 'forced' | 'superseded' }
    >
  | DomainEvent<'WorkerSessionExpired', { epoch: number; benchIds: readonly string[]; lastSeenAt: Instant }>

/** Every type of event that may lie in the history of this kind, with the version its data is written in. */
export const schemaVersions: Readonly<Record<WorkerEvent['type'], number>> = {
  WorkerEnrolled: 1,
  WorkerSessionOpened: 1,
  WorkerSessionClosed: 1,
  WorkerSessionExpired: 1,
}
