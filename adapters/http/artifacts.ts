/** What attempts leave: listed from history itself, and taken in by their workers' uploads. */
import { eventsOf, type RecordedEvent } from '../../domain/event.ts'
import type { ExecutionState } from '../../domain/execution/state.ts'
import { streamName } from '../../domain/ids.ts'
import type { Call } from './call.ts'
import type { House } from './house.ts'
import { invalid, notFound } from './problems.ts'
import { json, type Reply } from './replies.ts'

export interface ArtifactName {
  executionId: string
  taskName: string
  attempt: number
  path: string
}

/** An artifact as the API shows it. */
export const shownArtifact = (
  { executionId, taskName, attempt, path }: ArtifactName,
  { bytes, sha256 }: { bytes: number; sha256: string },
) => ({ taskName, attempt, path, bytes, sha256, href: hrefOf({ executionId, taskName, attempt, path }) })

const hrefOf = ({ executionId, taskName, attempt, path }: ArtifactName): string =>
  `/v1/executions/${executionId}/tasks/${taskName}/attempts/${attempt}/artifacts/${path.split('/').map(encodeURIComponent).join('/')}`

/** The SHA-256 of what an attempt has left under a path. */
export const artifactIn = (state: ExecutionState, { taskName, attempt, path }: ArtifactName): string | undefined => {
  const artifacts = attemptIn(state, { taskName, attempt })?.artifacts ?? {}
  return Object.hasOwn(artifacts, path) ? artifacts[path] : undefined
}

export const attemptIn = (state: ExecutionState, { taskName, attempt }: Pick<ArtifactName, 'taskName' | 'attempt'>) =>
  state.status === 'absent'
    ? undefined
    : state.tasks.find(({ name }) => name === taskName)?.attempts.find((one) => one.attempt === attempt)

/** A cursor is the version to go on with. */
const cursorPattern = /^v([1-9]\d{0,14})$/
/** Events looked at at once. */
const scannedCountMax = 2_000

export const listArtifacts =
  ({ history }: Pick<House, 'history'>) =>
  async ({ tenant, params, query }: Call<'listArtifacts'>): Promise<Reply> => {
    const { executionId } = params
    const { limit, cursor } = query
    let from = cursor === undefined ? 1 : Number(cursorPattern.exec(cursor)?.[1] ?? Number.NaN)
    if (Number.isNaN(from)) return invalid([{ path: 'cursor', message: 'not a cursor of this list' }])
    const stream = streamName(tenant, 'execution', executionId)
    const items: unknown[] = []
    for (let isFirst = true; ; isFirst = false) {
      const commits = await history.load(stream, { from, to: from + scannedCountMax - 1 })
      if (commits.length === 0)
        return isFirst && cursor === undefined ? notFound(`execution ${executionId}`) : json({ items })
      for (const event of commits.flatMap(eventsOf)) {
        if (event.version < from || !isWanted(event, query)) continue
        if (items.length === limit) return json({ items, nextCursor: `v${event.version}` })
        const data = event.data as Recorded
        items.push(shownArtifact({ executionId, ...data }, data))
      }
      from += scannedCountMax
    }
  }

type Recorded = Omit<ArtifactName, 'executionId'> & { bytes: number; sha256: string }

const isWanted = ({ type, data }: RecordedEvent, { taskName, attempt }: Call<'listArtifacts'>['query']): boolean => {
  if (type !== 'ArtifactRecorded') return false
  const recorded = data as Recorded
  return (
    (taskName === undefined || taskName === recorded.taskName) &&
    (attempt === undefined || attempt === recorded.attempt)
  )
}
