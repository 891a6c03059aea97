import type { DatabaseSync } from 'node:sqlite'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ViewRow, ViewStore } from '../../domain/ports.ts'
import { rowKey, type ScannedRow } from '../rows.ts'
import { type Connect, databaseFault, openDatabase } from './database.ts'
import { viewsFile } from './generations.ts'
import { openRowCache } from './rowCache.ts'
import { askDue, askRows, openQuestions } from './viewQuestions.ts'
import { openWrites } from './viewWrites.ts'

interface ViewsOptions {
  directory: string
  /** Which set of rows: each has a file of its own. From 1. */
  generation: number
  connect?: Connect
}

/** "benv" */
const applicationId = 0x62656e76

/** `index_entries` is its own index: sorted by where rows stand, and holding nothing else. */
const schema = `
  CREATE TABLE rows (
    key TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    nextDue TEXT,
    body TEXT NOT NULL,
    entries TEXT NOT NULL
  ) STRICT;
  CREATE INDEX rows_due ON rows (nextDue, key) WHERE nextDue IS NOT NULL;
  CREATE TABLE index_entries (
    partition TEXT NOT NULL,
    sort TEXT NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (partition, sort, id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE checkpoints (consumer TEXT PRIMARY KEY, cursor TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE counts (view TEXT PRIMARY KEY, rowCount INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`

/**
 * The views in a file of their own. Disposable, hence `synchronous=NORMAL`: after a power loss the rows and the
 * checkpoint may both be a little older, never apart. One process writes the file, through one of these.
 * Throws the fault `storage-unusable` when the file is none of ours.
 */
export const openViews = ({ directory, generation, connect }: ViewsOptions) => {
  const file = viewsFile(directory, generation)
  const database = openDatabase({ file, applicationId, schemaVersion: 1, schema, ...(connect && { connect }) })
  database.exec('PRAGMA synchronous = NORMAL')
  const cache = openRowCache()
  const write = openWrites(database, cache)
  const questions = openQuestions(database, cache)
  const facts = openFacts(database)
  const guarded = <Answer>(work: () => Answer): Answer => {
    try {
      return work()
    } catch (error) {
      throw error instanceof RangeError ? error : databaseFault(file, error)
    }
  }

  return {
    read: async (view, tenant, ids) =>
      guarded(() => ids.flatMap((id): ViewRow[] => questions.row(rowKey(view, tenant, id), id))),
    write: async (changes, checkpoint?) => guarded(() => write(changes, checkpoint)),
    query: async (question) => guarded(() => askRows(questions, question)),
    due: async (until, limit) => guarded(() => askDue(questions, until, limit)),
    checkpoint: async (consumer) => guarded(() => facts.checkpoint(consumer)),
    saveCheckpoint: async (consumer, cursor) => {
      guarded(() => write([], { consumer, cursor }))
    },
    close: async () => {
      if (database.isOpen) database.close()
    },
    /** How many rows a view has. */
    rowCount: async (view: string) => guarded(() => facts.rowCount(view)),
    /** Every row of these views, or of all, in pages. */
    scan: (views?: readonly string[]) => scan((after) => guarded(() => questions.page(after)), views),
  } satisfies ViewStore & { rowCount: unknown; scan: unknown }
}

async function* scan(
  pageAfter: (key: string) => readonly ScannedRow[],
  views: readonly (string | undefined)[] = [undefined],
): AsyncGenerator<readonly ScannedRow[]> {
  for (const wanted of views)
    for (let after = wanted === undefined ? '' : `${wanted}/`; ; ) {
      const all = pageAfter(after)
      // Rows lie in the order of their keys, which begin with the view.
      const page = wanted === undefined ? all : all.filter(({ view }) => view === wanted)
      const last = page.at(-1)
      if (last === undefined) break
      yield page
      await nextTurn()
      if (page.length < all.length) break
      after = rowKey(last.view, last.tenant, last.row.id)
    }
}

const openFacts = (database: DatabaseSync) => {
  const cursor = database.prepare('SELECT cursor FROM checkpoints WHERE consumer = ?')
  const count = database.prepare('SELECT rowCount FROM counts WHERE view = ?')
  return {
    checkpoint: (consumer: string): string | undefined => {
      const found = cursor.get(consumer)?.['cursor']
      return typeof found === 'string' ? found : undefined
    },
    rowCount: (view: string): number => Number(count.get(view)?.['rowCount'] ?? 0),
  }
}
