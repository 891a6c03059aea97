import type { RecordedEvent } from '../domain/event.ts'
import type { Instant, StreamKind } from '../domain/ids.ts'
import type { IndexEntry, ViewRow } from '../domain/ports.ts'

/**
 * A view of streams of one kind: one row per stream, a function of that stream's events alone, so that any delivery
 * converges and a rebuild is a fold. What spans streams is composed when it is read.
 */
export interface View<Body> {
  name: string
  kind: StreamKind
  /** The stream's fold after one more event; undefined before the first. It is the row's body, unless the view is split. */
  project(body: Body | undefined, event: RecordedEvent): Body
  /** Where the row is found. */
  entries(id: string, body: Body): readonly IndexEntry[]
  /** When the stream next needs a Tick. */
  nextDue(body: Body): Instant | undefined
  /** A view of streams whose folds are too large to be written with each event. */
  split?: Split<Body>
}

/**
 * A fold shown as a small head row and many rows derived from the same stream, of which only those are written that an
 * event touches. The fold itself is kept in memory, and folded again from history when it is not there.
 */
export interface Split<Body> {
  /** The view that the derived rows are in; its name. */
  view: string
  /** The head row's body. */
  head(body: Body): unknown
  /**
   * The derived rows that have changed since a version of the stream (0: all of them). A row's version is that of the event
   * which last changed it: its content is a function of the stream up to there, whoever writes it, and how often.
   */
  rows(id: string, body: Body, since: number): readonly DerivedRow[]
  /** What the fold takes in memory, about. */
  bytes(body: Body): number
}

export interface DerivedRow {
  row: Omit<ViewRow, 'nextDue'>
  entries: readonly IndexEntry[]
}
