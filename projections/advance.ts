/** A stream's fold, from where its row has it to the last of the commits that have come. */
import { parseEvent } from '../domain/contract.ts'
import { type Commit, eventsOf, lastVersion } from '../domain/event.ts'
import { holeInHistory, isFault } from '../domain/faults.ts'
import type { StreamName, StreamParts } from '../domain/ids.ts'
import type { EventStore, ViewRow } from '../domain/ports.ts'
import type { Folded, Folds } from './folds.ts'
import type { View } from './view.ts'

/** One stream as one view folds it, with the commits that concern it. */
export interface Target extends StreamParts {
  stream: StreamName
  view: View<unknown>
  /** Sorted by version. */
  commits: readonly Commit[]
}

interface Ports {
  load: EventStore['load']
  folds: Folds<unknown>
}

/** The fold after the commits; undefined when they tell nothing new. Throws for an outage of the history. */
export const advanced = async (
  ports: Ports,
  target: Target,
  row: ViewRow | undefined,
): Promise<Folded<unknown> | { error: unknown } | undefined> => {
  const to = newest(target.commits)
  if (to <= (row?.version ?? 0)) return undefined
  const from = startOf(ports, target, row)
  const commits = await withoutGap(ports, target, from.version, to)
  if ('error' in commits) return commits
  try {
    return folded(target, from, commits)
  } catch (error) {
    return { error }
  }
}

const newest = (commits: readonly Commit[]): number =>
  commits.reduce((version, commit) => Math.max(version, lastVersion(commit)), 0)

/** The fold to go on from: the row's, or what is remembered of a split view's, if not from beyond its row; else the beginning. */
const startOf = ({ folds }: Ports, { view, stream }: Target, row: ViewRow | undefined): Folded<unknown> => {
  if (row === undefined) return { version: 0, body: undefined }
  if (view.split === undefined) return row
  const known = folds.get(stream)
  return known !== undefined && known.version <= row.version ? known : { version: 0, body: undefined }
}

/** The commits, read from history when something is missing between the version and the last of them. */
const withoutGap = async (
  { load }: Ports,
  { stream, commits }: Target,
  version: number,
  to: number,
): Promise<readonly Commit[] | { error: unknown }> => {
  if (!hasGap(commits, version)) return commits
  try {
    const all = await load(stream, { from: version + 1, to })
    return hasGap(all, version) ? { error: holeInHistory(stream, version + 1, to) } : all
  } catch (error) {
    if (isFault(error, 'hole-in-history')) return { error }
    throw error
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

const folded = ({ view, kind }: Target, from: Folded<unknown>, commits: readonly Commit[]): Folded<unknown> => {
  let { version, body } = from
  for (const commit of commits) {
    if (lastVersion(commit) <= version) continue
    for (const event of eventsOf(commit)) {
      if (event.version !== version + 1) continue
      body = view.project(body, { ...event, ...parseEvent(kind, event) })
      version = event.version
    }
  }
  return { version, body }
}
