import type { Happened } from '../decider.ts'
import type { MessageEvent } from './events.ts'

/** The content stays in its event: decisions need only its hash. */
export type MessageState = { status: 'absent' } | { status: 'accepted'; sha256: string }

export const initial: MessageState = { status: 'absent' }

export const evolve = (_: MessageState, event: Happened<MessageEvent>): MessageState => ({
  status: 'accepted',
  sha256: event.data.sha256,
})
