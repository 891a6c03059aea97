import type { z } from 'zod'
import type { Command, Decider, Rejection } from '../decider.ts'
import type { AcceptMessage } from './commands.ts'
import type { MessageEvent } from './events.ts'
import { evolve, initial, type MessageState } from './state.ts'

export type MessageCommand = Command<'AcceptMessage', z.output<typeof AcceptMessage>>

const messageDiffers = (messageId: string): Rejection => ({
  rejection: 'MessageDiffers',
  detail: `message ${messageId} was accepted with other content`,
  messageId,
})

export const decide = (state: MessageState, { id, data }: MessageCommand): readonly MessageEvent[] | Rejection => {
  if (state.status === 'absent') return [{ type: 'MessageAccepted', data }]
  return state.sha256 === data.sha256 ? [] : messageDiffers(id)
}

export const decider: Decider<MessageState, MessageCommand, MessageEvent> = {
  initial,
  decide,
  evolve,
  nextDue: () => undefined,
}
