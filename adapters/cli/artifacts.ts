import { basename } from 'node:path'
import type { Command } from 'commander'
import type { ValueOf } from '../client/operations.ts'
import { type Context, listOf, print, type Verb } from './context.ts'
import { fetchInto } from './download.ts'
import { exit, exits } from './exits.ts'
import { given, wholeNumber } from './options.ts'
import { startProgress } from './progress.ts'
import { table } from './show.ts'

export type Artifact = ValueOf<'listArtifacts'>['items'][number]

interface FetchOptions {
  attempt?: number
  output?: string
}

/** The verbs for what attempts have left, among those for executions. */
export const declareArtifacts = (execution: Command, verb: Verb): void => {
  verb(
    execution.command('artifacts <executionId>').description('what its attempts have left'),
    async (context, executionId: string) => {
      const artifacts = await artifactsOf(context, executionId)
      print(context, artifacts, () => artifactTable(context, artifacts))
    },
  )
  verb(
    execution
      .command('artifact <executionId> <task> <path>')
      .description('fetch a file that a task has left; what broke off goes on where it was')
      .option('--attempt <number>', 'of this attempt; default: the newest that has left it', wholeNumber(1, 1_000))
      .option('-o, --output <file>', "into this file; default: by the path's last part, here"),
    async (context, executionId: string, taskName: string, path: string, { attempt, output }: FetchOptions) => {
      const artifacts = await artifactsOf(context, executionId, given({ taskName, attempt }))
      const artifact = newest(artifacts, path)
      if (artifact === undefined) throw exit(exits.refused, `${taskName} has left no ${path}`, known(artifacts))
      await fetched(context, executionId, artifact, output ?? basename(path))
    },
  )
}

/** More than these have to be asked for task by task. */
const listedCountMax = 100_000

const artifactsOf = (context: Context, executionId: string, wanted: { taskName?: string; attempt?: number } = {}) =>
  listOf(context, listedCountMax, (page) =>
    context.client.listArtifacts({ params: { executionId }, query: { ...wanted, ...page } }),
  )

const newest = (artifacts: readonly Artifact[], path: string): Artifact | undefined =>
  artifacts.filter((each) => each.path === path).toSorted((a, b) => b.attempt - a.attempt)[0]

const shownPathsMax = 10
const known = (artifacts: readonly Artifact[]): readonly string[] =>
  [...new Set(artifacts.map(({ path }) => path))].slice(0, shownPathsMax).map((path) => `  there is: ${path}`)

const fetched = async (context: Context, executionId: string, artifact: Artifact, file: string): Promise<void> => {
  const { taskName, attempt, path, bytes, sha256 } = artifact
  const progress = startProgress(context.terminal, !context.isJson)
  const params = { executionId, taskName, attempt, path }
  const onProgress = (done: number): void => progress.at(done, Math.max(1, bytes), path)
  try {
    const { resumedAt, isThere } = await fetchInto(context, { params, bytes, sha256 }, file, onProgress)
    progress.end()
    const told = { file, path, attempt, bytes, sha256, ...(resumedAt === undefined ? {} : { resumedAt }) }
    const how = isThere ? 'is there already' : resumedAt === undefined ? 'fetched' : `fetched from byte ${resumedAt} on`
    print(context, told, () => `${file}: ${shownBytes(bytes)}, ${how}, its SHA-256 is right`)
  } finally {
    progress.end()
  }
}

const units = ['B', 'kB', 'MB', 'GB'] as const

const shownBytes = (bytes: number): string => {
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log10(bytes) / 3))
  return power === 0 ? `${bytes} B` : `${(bytes / 1_000 ** power).toFixed(1)} ${units[power]}`
}

const artifactTable = ({ terminal }: Context, artifacts: readonly Artifact[]): string => {
  const rows = artifacts.map(({ taskName, attempt, path, bytes, sha256 }) => [
    taskName,
    attempt,
    path,
    shownBytes(bytes),
    sha256.slice(0, 12),
  ])
  return rows.length === 0 ? 'no artifacts' : table(terminal, ['task', 'attempt', 'path', 'size', 'sha-256'], rows)
}
