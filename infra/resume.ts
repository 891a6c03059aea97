import type { EventStore, ViewStore } from '../domain/ports.ts'
import { type CallbackCursors, callbackConsumer, callbackLoss } from './callbacks/callbackConsumer.ts'
import type { Log } from './log.ts'
import { reactConsumer } from './reactor.ts'
import { positionOf, projectConsumer } from './views/projector.ts'

export interface Cursors {
  project: string | undefined
  react: string | undefined
  callbacks: CallbackCursors
  /** Where history ends. */
  end: string
}

/**
 * Where the consumers go on. A history that ends before what they have seen has lost commits: they go on with what comes
 * then, and the rows stay as evidence for the audit until they are rebuilt.
 */
export const resumeAt = async (history: Pick<EventStore, 'feedEnd'>, views: ViewStore, log: Log): Promise<Cursors> => {
  const end = await history.feedEnd()
  const seen = await views.checkpoint(projectConsumer)
  const reacted = await views.checkpoint(reactConsumer)
  if (positionOf(seen) > positionOf(end))
    log.error(
      { seen, end, count: 1 },
      'history ends before what the views have seen of it: verify it, then rebuild the views',
    )
  const within = (cursor: string | undefined) => (positionOf(cursor) > positionOf(end) ? end : cursor)
  return {
    project: within(seen),
    react: within(reacted),
    callbacks: await callbacksAt(views, within(reacted), end),
    end,
  }
}

/**
 * Rows that know of no callbacks were written before there were any, or are new: then callbacks begin where the policies do,
 * and that is kept at once, since from here on the policies may be ahead.
 */
const callbacksAt = async (views: ViewStore, reacted: string | undefined, end: string): Promise<CallbackCursors> => {
  const known = await views.checkpoint(callbackConsumer)
  if (known === undefined) {
    await views.saveCheckpoint(callbackLoss, end)
    await views.saveCheckpoint(callbackConsumer, reacted ?? '0')
  }
  const cursor = known ?? reacted ?? '0'
  return {
    cursor: positionOf(cursor) > positionOf(end) ? end : cursor,
    lossEnd: positionOf(await views.checkpoint(callbackLoss)),
  }
}
