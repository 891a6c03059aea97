import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { StreamName } from '../../domain/ids.ts'
import type { AppendResult, EventStore, FeedCommit, ScannedCommit } from '../../domain/ports.ts'
import { openAppends, type ReadyAppend, readyAppend } from './append.ts'
import { type Connect, databaseFault, openDatabase } from './database.ts'
import { openGroup } from './group.ts'
import { lockDirectory } from './lock.ts'
import { openReads, type Position, scanStart } from './read.ts'

export interface HistoryOptions {
  /** Holds `history.db`; created when missing, and ours alone until closed. */
  directory: string
  /** For auditors and worker threads beside the one that writes: takes no lock, writes nothing, hears of no appends. */
  readOnly?: boolean
  /** Tests deliver the feed duplicated and in any order. */
  disorder?: (page: readonly FeedCommit[]) => readonly FeedCommit[]
  connect?: Connect
}

const schema = `
  CREATE TABLE commits (
    position INTEGER PRIMARY KEY,
    stream TEXT NOT NULL,
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    hash BLOB NOT NULL,
    state TEXT,
    reducerVersion INTEGER,
    UNIQUE (stream, version)
  ) STRICT;
  CREATE TRIGGER commits_are_never_updated BEFORE UPDATE ON commits
    BEGIN SELECT raise(ABORT, 'history is append-only'); END;
  CREATE TRIGGER commits_are_never_deleted BEFORE DELETE ON commits
    BEGIN SELECT raise(ABORT, 'history is append-only'); END;
`

/**
 * The history in one file: WAL, an acknowledged append survives kill -9 and power loss, concurrent appends share a
 * transaction. The feed's cursor is the row's position, as a decimal. Reads see what is committed. Throws the fault
 * `storage-unusable` when the directory cannot be written, is in use, or holds what is no history of ours.
 */
export const openHistory = ({
  directory,
  readOnly = false,
  disorder = inOrder,
  connect,
}: HistoryOptions): EventStore => {
  const release = readOnly ? () => {} : lockDirectory(directory)
  const file = join(directory, 'history.db')
  const database = opened(file, readOnly, connect, release)
  const reads = openReads(database)
  const listeners = new Set<() => void>()
  const write = guarded(file, readOnly ? refused : openAppends(database))
  const appends = openGroup<ReadyAppend, AppendResult>(write, (results) => {
    if (results.some((result) => result.kind === 'appended' && result.commits.length > 0)) listeners.forEach(call)
  })
  const close = () => {
    appends.flush()
    database.close()
    release()
  }

  return {
    append: async (commits, checks = []) => appends.add(readyAppend(commits, checks)),
    load: async (stream, range) => guarded(file, reads.load)(stream, range?.from, range?.to),
    loadLatest: async (stream, reducerVersion) => guarded(file, reads.loadLatest)(stream, reducerVersion),
    feed: async (after, limit) => {
      const { commits, cursor } = guarded(file, reads.feed)(after, limit)
      return { commits: disorder(commits), cursor }
    },
    feedEnd: async () => guarded(file, reads.feedEnd)(),
    onAppend: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    scan: (stream) => scan(guarded(file, reads.scanPage), stream),
    close: async () => {
      if (database.isOpen) close()
    },
  } satisfies EventStore
}

const inOrder = (page: readonly FeedCommit[]): readonly FeedCommit[] => page

const refused = (): never => {
  throw new Error('this history was opened to be read only')
}

const opened = (file: string, readOnly: boolean, connect: Connect | undefined, release: () => void): DatabaseSync => {
  try {
    const description = { file, applicationId: 0x62656e63, schemaVersion: 1, schema, readOnly }
    return openDatabase(connect === undefined ? description : { ...description, connect })
  } catch (error) {
    release()
    throw error
  }
}

/** What the engine throws, as a fault that names the file. */
const guarded =
  <Input extends readonly unknown[], Output>(file: string, work: (...input: Input) => Output) =>
  (...input: Input): Output => {
    try {
      return work(...input)
    } catch (error) {
      throw databaseFault(file, error)
    }
  }

const positionAfter = (page: readonly ScannedCommit[]): Position => {
  const last = page.at(-1)
  return last === undefined ? scanStart : [last.stream, last.version]
}

/** A listener's failure is the listener's: it must not reach who appended, nor the other listeners. */
const call = (listener: () => void): void => {
  try {
    listener()
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : String(error))
  }
}

async function* scan(
  pageAfter: ReturnType<typeof openReads>['scanPage'],
  stream: StreamName | undefined,
): AsyncGenerator<readonly ScannedCommit[]> {
  for (let page = pageAfter(stream, scanStart); page.length > 0; page = pageAfter(stream, positionAfter(page))) {
    yield page
    await nextTurn()
  }
}
