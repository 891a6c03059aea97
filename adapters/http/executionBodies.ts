/**
 * Executions as the API shows them: more than their deciders keep, so folded from their events. What a command has just
 * appended is put on top of what is remembered; history is read only when that does not fit.
 */
import { type Commit, eventsOf, lastVersion } from '../../domain/event.ts'
import { streamName } from '../../domain/ids.ts'
import { type ExecutionBody, executions } from '../../projections/executions.ts'
import { type Folded, openFolds } from '../../projections/folds.ts'
import { foldedExecution } from '../../projections/resources.ts'
import type { Services } from '../../projections/services.ts'
import type { Done } from './commands.ts'

export interface ExecutionBodies {
  /** The resource as of the command that was done. */
  after(tenant: string, id: string, done: Done): Promise<unknown>
  /** Remembers what a command has done, as far as that costs nothing. */
  note(tenant: string, id: string, done: Done): void
  /** The resource as it is, from history itself; undefined when there is none. */
  now(tenant: string, id: string): Promise<ReturnType<typeof foldedExecution>>
}

export const createExecutionBodies = ({ history }: Pick<Services, 'history'>): ExecutionBodies => {
  const remembered = openFolds<ExecutionBody>()

  const loaded = async (stream: string, to?: number): Promise<Folded<ExecutionBody> | undefined> =>
    folded(undefined, await history.load(stream, to === undefined ? {} : { to }))

  const remember = (stream: string, now: Folded<ExecutionBody> | undefined): Folded<ExecutionBody> | undefined => {
    if (now !== undefined && now.version >= (remembered.get(stream)?.version ?? 0))
      remembered.set(stream, now, now.body.bytes)
    return now
  }

  /** What is remembered with what the command did; undefined when they don't meet. */
  const onTop = (stream: string, { head, commits }: Done): Folded<ExecutionBody> | undefined => {
    const known = remembered.get(stream)
    if (known?.version === head.version) return known
    const own = commits.filter((commit) => commit.stream === stream)
    return own[0]?.version === (known?.version ?? 0) + 1 ? folded(known, own) : undefined
  }

  return {
    after: async (tenant, id, done) => {
      const stream = streamName(tenant, 'execution', id)
      const now = remember(stream, onTop(stream, done) ?? (await loaded(stream, done.head.version)))
      return now && foldedExecution(id, now.body, now.version)
    },
    note: (tenant, id, done) => {
      const stream = streamName(tenant, 'execution', id)
      remember(stream, onTop(stream, done))
    },
    now: async (tenant, id) => {
      const now = await loaded(streamName(tenant, 'execution', id))
      return now && foldedExecution(id, now.body, now.version)
    },
  }
}

const folded = (
  from: Folded<ExecutionBody> | undefined,
  commits: readonly Commit[],
): Folded<ExecutionBody> | undefined => {
  const last = commits.at(-1)
  if (last === undefined) return from
  let body = from?.body
  for (const event of commits.flatMap(eventsOf)) body = executions.project(body, event)
  return body && { version: lastVersion(last), body }
}
