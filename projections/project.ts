/**
 * The projector: commits, duplicated, disordered and gapped as they may be, become rows. An event is applied to a stream's
 * fold only at the head row's version + 1; lower is a duplicate, higher a gap, and what is missing is read from history
 * first. So whatever is delivered, rows are what the fold of their stream says.
 */
import type { Commit } from '../domain/event.ts'
import { partsOf, type StreamName } from '../domain/ids.ts'
import type { EventStore, RowChange, ViewRow, ViewStore } from '../domain/ports.ts'
import { advanced, type Target } from './advance.ts'
import type { Folded, Folds } from './folds.ts'
import { viewsOf } from './views.ts'

export interface ProjectPorts {
  views: Pick<ViewStore, 'read' | 'write'>
  load: EventStore['load']
  /** What split views have folded; belongs to one set of rows. */
  folds: Folds<unknown>
  viewsOf?: typeof viewsOf
}

export interface Projected {
  /** The head rows that were written: those whose guard failed for good are not among them. */
  changes: readonly RowChange[]
  eventCount: number
  /** Head rows and those derived with them. */
  rowCount: number
  /** Streams that can't be folded (a hole, an event of a later version): their rows stay as they are. To be logged. */
  failures: readonly StreamFailure[]
}

export interface StreamFailure {
  stream: StreamName
  error: unknown
}

/** Somebody else writes the same rows: so many times in a row, and something is wrong. */
const attemptCountMax = 10
/** Derived rows that are more than this are written ahead of their heads, so many at a time: others get their turn. */
const derivedCountMax = 250

/**
 * Writes what the commits change, and the checkpoint with it. Several commits of one stream become one write of its row.
 * Throws for an outage of either store: nothing is lost, the same commits are to be projected again.
 */
export const project = async (
  ports: ProjectPorts,
  commits: readonly Commit[],
  checkpoint?: { consumer: string; cursor: string },
): Promise<Projected> => {
  let pending = targetsOf(ports.viewsOf ?? viewsOf, commits)
  const written: Advance[] = []
  const failures = new Map<StreamName, unknown>()
  let derivedCount = 0
  for (let attempt = 1; attempt <= attemptCountMax; attempt++) {
    const { advances, rest, rowCount } = await advancesOf(ports, pending, failures)
    derivedCount += rowCount
    const lost = new Set(await ports.views.write([...rest, ...advances.map(({ change }) => change)], checkpoint))
    written.push(...advances.filter(({ change }) => !lost.has(keyOf(change.view, change.row.id))))
    if (lost.size === 0) return answer(written, derivedCount, failures)
    pending = pending.filter(({ view, id }) => lost.has(keyOf(view.name, id)))
  }
  throw new Error(`${pending.length} rows keep changing under the projector, such as ${pending[0]?.stream}`)
}

const keyOf = (view: string, id: string): string => `${view}/${id}`

const answer = (
  written: readonly Advance[],
  derivedCount: number,
  failures: ReadonlyMap<StreamName, unknown>,
): Projected => ({
  changes: written.map(({ change }) => change),
  eventCount: written.reduce((count, { eventCount }) => count + eventCount, 0),
  rowCount: written.length + derivedCount,
  failures: [...failures].map(([stream, error]) => ({ stream, error })),
})

/** What only split views need to be told again: other rows hold their own fold. One whose row is then not written is left alone. */
const remember = (folds: Folds<unknown>, { view, stream }: Target, folded: Folded<unknown>): void => {
  if (view.split !== undefined) folds.set(stream, folded, view.split.bytes(folded.body))
}

const targetsOf = (viewsOfKind: typeof viewsOf, commits: readonly Commit[]): readonly Target[] => {
  const byStream = new Map<StreamName, Commit[]>()
  for (const commit of commits) {
    const known = byStream.get(commit.stream)
    if (known === undefined) byStream.set(commit.stream, [commit])
    else known.push(commit)
  }
  return [...byStream].flatMap(([stream, own]) => {
    const parts = partsOf(stream)
    const sorted = own.sort((a, b) => a.version - b.version)
    return viewsOfKind(parts.kind).map((view) => ({ ...parts, stream, view, commits: sorted }))
  })
}

/** A stream's head row to be. */
interface Advance {
  change: RowChange
  eventCount: number
}

/** Folds each stream on. Derived rows that are many are written as they come; the rest is answered. */
const advancesOf = async (
  ports: ProjectPorts,
  targets: readonly Target[],
  failures: Map<StreamName, unknown>,
): Promise<{ advances: readonly Advance[]; rest: readonly RowChange[]; rowCount: number }> => {
  const rows = await rowsOf(ports.views, targets)
  const advances: Advance[] = []
  let rest: RowChange[] = []
  let rowCount = 0
  for (const target of targets) {
    const since = rows.get(target)?.version ?? 0
    const folded = await advanced(ports, target, rows.get(target))
    if (folded === undefined) continue
    if ('error' in folded) {
      failures.set(target.stream, folded.error)
      continue
    }
    remember(ports.folds, target, folded)
    advances.push({ change: headChange(target, folded, since), eventCount: folded.version - since })
    for (const change of derivedChanges(target, folded, since)) {
      rowCount += 1
      if (rest.push(change) < derivedCountMax) continue
      await ports.views.write(rest)
      rest = []
    }
  }
  return { advances, rest, rowCount }
}

const headChange = (
  { view, tenant, id }: Target,
  { version, body }: Folded<unknown>,
  previousVersion: number,
): RowChange => {
  const nextDue = view.nextDue(body)
  const shown = view.split === undefined ? body : view.split.head(body)
  const row = { id, version, body: shown, ...(nextDue === undefined ? {} : { nextDue }) }
  return { view: view.name, tenant, row, previousVersion, entries: view.entries(id, body) }
}

const derivedChanges = (
  { view: { split }, tenant, id }: Target,
  { body }: Folded<unknown>,
  since: number,
): readonly RowChange[] =>
  split === undefined
    ? []
    : split.rows(id, body, since).map((derived) => ({ view: split.view, tenant, previousVersion: 'older', ...derived }))

const rowsOf = async (
  store: ProjectPorts['views'],
  targets: readonly Target[],
): Promise<ReadonlyMap<Target, ViewRow>> => {
  const found = new Map<Target, ViewRow>()
  for (const group of Map.groupBy(targets, ({ view, tenant }) => `${view.name}/${tenant}`).values()) {
    const [first] = group
    if (first === undefined) continue
    const ids = group.map(({ id }) => id)
    const rows = new Map((await store.read(first.view.name, first.tenant, ids)).map((row) => [row.id, row]))
    for (const target of group) {
      const row = rows.get(target.id)
      if (row !== undefined) found.set(target, row)
    }
  }
  return found
}
