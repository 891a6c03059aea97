import type { EventStore, ViewStore } from '../domain/ports.ts'
import type { Log } from './log.ts'
import { positionOf, projectConsumer } from './projector.ts'
import { reactConsumer } from './reactor.ts'

export interface Cursors {
  project: string | undefined
  react: string | undefined
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
  return { project: within(seen), react: within(reacted), end }
}
