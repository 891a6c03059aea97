import type { DomainEvent } from '../event.ts'

/** Storage format: frozen for ever once released. */
export type MessageEvent = DomainEvent<'MessageAccepted', { content: unknown; sha256: string }>

/** Every type of event that may lie in the history of this kind, with the version its data is written in. */
export const schemaVersions: Readonly<Record<MessageEvent['type'], number>> = {
  MessageAccepted: 1,
}
