import type { ServerMessage } from '../client/stream.ts'
import { type Context, valueOf } from './context.ts'
import { exit, exits } from './exits.ts'
import { exitOf } from './problems.ts'
import { startProgress } from './progress.ts'
import type { Reservation } from './reservation.ts'
import { shownInstant } from './times.ts'

/** A server that restarts meanwhile is waited for. */
const retryForMs = 60_000
/** Longest that a timer can wait: almost 25 days. */
const timerMsMax = 2_147_483_647
const redrawEveryMs = 1_000

/**
 * Waits until the reservation is active, told by its events rather than by asking again and again. What ended before ends
 * the command as lost, with its status; too long a wait as timed out, with its id: the reservation stays.
 */
export const untilActive = async (context: Context, booked: Reservation, timeoutMs: number): Promise<Reservation> => {
  if (booked.status === 'active') return booked
  const timeout = AbortSignal.timeout(Math.min(timeoutMs, timerMsMax))
  const progress = startProgress(context.terminal, !context.isJson)
  const begunMs = context.terminal.now().getTime()
  let known = booked
  const redraw = setInterval(() => {
    const now = context.terminal.now()
    const totalMs = Math.max(1, Date.parse(known.start) - begunMs)
    const doneMs = Math.min(totalMs, now.getTime() - begunMs)
    progress.at(Math.round(doneMs / 1_000), Math.round(totalMs / 1_000), `s until ${shownInstant(known.start, now)}`)
  }, redrawEveryMs)
  try {
    for await (const reservation of changes(context, booked.reservationId, timeout)) {
      known = reservation
      if (known.status === 'active') return known
      if (known.status !== 'confirmed' && known.status !== 'queued')
        throw exit(exits.lost, `reservation ${known.reservationId} was ${known.status} before it became active`)
    }
    return known
  } catch (error) {
    if (!timeout.aborted) throw error
    const { reservationId, status, start } = known
    throw exit(exits.timedOut, `reservation ${reservationId} is still ${status}, its start is ${start}`)
  } finally {
    clearInterval(redraw)
    progress.end()
  }
}

/** The reservation as it is once one listens, and again after each of its events. */
async function* changes(
  context: Context,
  reservationId: string,
  signal: AbortSignal,
): AsyncGenerator<Reservation, void> {
  const subject = `reservation/${reservationId}`
  const messages = context.client.followEvents({ query: { kind: 'reservation' } }, { signal, retryForMs })
  for await (const message of messages) {
    if (message.kind === 'refused') throw exitOf(message.problem, context.terminal.now())
    if (!concerns(message, subject)) continue
    const asked = { params: { reservationId }, query: { consistent: true } }
    yield valueOf(context, await context.client.getReservation(asked, { signal, retryForMs }))
  }
}

const concerns = (message: ServerMessage, subject: string): boolean =>
  message.kind === 'open' ||
  (message.kind === 'message' && (JSON.parse(message.data) as { subject?: string }).subject === subject)
