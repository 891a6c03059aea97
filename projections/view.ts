import type { RecordedEvent } from '../domain/event.ts'
import type { Instant, StreamKind } from '../domain/ids.ts'
import type { IndexEntry } from '../domain/ports.ts'

/**
 * A view of streams of one kind: one row per stream, a function of that stream's events alone, so that any delivery
 * converges and a rebuild is a fold. What spans streams is composed when it is read.
 */
export interface View<Body> {
  name: string
  kind: StreamKind
  /** The row's body after one more event; undefined before the first. */
  project(body: Body | undefined, event: RecordedEvent): Body
  /** Where the row is found. */
  entries(id: string, body: Body): readonly IndexEntry[]
  /** When the stream next needs a Tick. */
  nextDue(body: Body): Instant | undefined
}
