/**
 * The projector: commits, duplicated, disordered and gapped as they may be, become rows. An event is applied to a row
 * only at the row's version + 1; lower is a duplicate, higher a gap, and what is missing is read from history first. So
 * whatever is delivered, a row is what the fold of its stream says.
 */
import { parseEvent } from '../domain/contract.ts'
import { type Commit, eventsOf, lastVersion } from '../domain/event.ts'
import { holeInHistory, isFault } from '../domain/faults.ts'
import { partsOf, type StreamName, type StreamParts } from '../domain/ids.ts'
import type { EventStore, RowChange, ViewRow, ViewStore } from '../domain/ports.ts'
import type { View } from './view.ts'
import { viewsOf } from './views.ts'

export interface ProjectPorts {
  views: Pick<ViewStore, 'read' | 'write'>
  load: EventStore['load']
  viewsOf?: typeof viewsOf
}

export interface Projected {
  /** What was written: rows whose guard failed for good are not among them. */
  changes: readonly RowChange[]
  eventCount: number
  /** Streams that can't be folded (a hole, an event of a later version): their rows stay as they are. To be logged. */
  failures: readonly StreamFailure[]
}

export interface StreamFailure {
  stream: StreamName
  error: unknown
}

/** Somebody else writes the same rows: so many times in a row, and something is wrong. */
const attemptCountMax = 10

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
  const written: RowChange[] = []
  const failures = new Map<StreamName, unknown>()
  for (let attempt = 1; attempt <= attemptCountMax; attempt++) {
    const changes = await changesOf(ports, pending, failures)
    const lost = new Set(await ports.views.write(changes, checkpoint))
    written.push(...changes.filter(({ view, row }) => !lost.has(`${view}/${row.id}`)))
    if (lost.size === 0) return answer(written, failures)
    pending = pending.filter(({ view, id }) => lost.has(`${view.name}/${id}`))
  }
  throw new Error(`${pending.length} rows keep changing under the projector, such as ${pending[0]?.stream}`)
}

const answer = (changes: readonly RowChange[], failures: ReadonlyMap<StreamName, unknown>): Projected => ({
  changes,
  eventCount: changes.reduce((count, { row, previousVersion }) => count + row.version - previousVersion, 0),
  failures: [...failures].map(([stream, error]) => ({ stream, error })),
})

/** One row to be, with the commits that concern it. */
interface Target extends StreamParts {
  stream: StreamName
  view: View<unknown>
  /** Sorted by version. */
  commits: readonly Commit[]
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

const changesOf = async (
  ports: ProjectPorts,
  targets: readonly Target[],
  failures: Map<StreamName, unknown>,
): Promise<readonly RowChange[]> => {
  const rows = await rowsOf(ports.views, targets)
  const changes: RowChange[] = []
  for (const target of targets) {
    const folded = await foldOne(ports, target, rows.get(target))
    if (folded !== undefined && 'error' in folded) failures.set(target.stream, folded.error)
    else if (folded !== undefined) changes.push(folded)
  }
  return changes
}

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

/** The row after the commits; undefined when they tell nothing new. */
const foldOne = async (
  { load }: ProjectPorts,
  target: Target,
  row: ViewRow | undefined,
): Promise<RowChange | { error: unknown } | undefined> => {
  const version = row?.version ?? 0
  let { commits } = target
  if (hasGap(commits, version)) {
    const to = lastVersion(commits.at(-1) ?? { version, events: [] })
    try {
      commits = await load(target.stream, { from: version + 1, to })
    } catch (error) {
      if (isFault(error, 'hole-in-history')) return { error }
      throw error
    }
    if (hasGap(commits, version)) return { error: holeInHistory(target.stream, version + 1, to) }
  }
  try {
    return folded(target, row, commits)
  } catch (error) {
    return { error }
  }
}

/** Whether something is missing between the version and the last of the commits, which are sorted. */
const hasGap = (commits: readonly Commit[], version: number): boolean => {
  let reached = version
  for (const commit of commits) {
    if (commit.version > reached + 1) return true
    reached = Math.max(reached, lastVersion(commit))
  }
  return false
}

const folded = (
  { view, tenant, kind, id }: Target,
  row: ViewRow | undefined,
  commits: readonly Commit[],
): RowChange | undefined => {
  const previousVersion = row?.version ?? 0
  let version = previousVersion
  let body = row?.body
  for (const commit of commits) {
    if (lastVersion(commit) <= version) continue
    for (const event of eventsOf(commit)) {
      if (event.version !== version + 1) continue
      body = view.project(body, { ...event, ...parseEvent(kind, event) })
      version = event.version
    }
  }
  if (version === previousVersion) return undefined
  const nextDue = view.nextDue(body)
  const next = { id, version, body, ...(nextDue === undefined ? {} : { nextDue }) }
  return { view: view.name, tenant, row: next, previousVersion, entries: view.entries(id, body) }
}
