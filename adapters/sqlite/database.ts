import { DatabaseSync, type DatabaseSyncOptions } from 'node:sqlite'
import { fault } from '../../domain/faults.ts'

/** How a connection is made: tests put their own in, to fill disks and to count transactions. */
export type Connect = (file: string, options: DatabaseSyncOptions) => DatabaseSync

export interface DatabaseDescription {
  file: string
  /** Written into the file, and found there again: tells our files from those of others. 32 bits. */
  applicationId: number
  /** 1 for the first; a file of a later one is refused. */
  schemaVersion: number
  /** What turns an empty file into one of `schemaVersion`. */
  schema: string
  /** Opens what is there, writes nothing. */
  readOnly?: boolean
  connect?: Connect
}

/**
 * `synchronous=FULL`: a commit is on the disk when COMMIT returns. 16 MB of page cache and no memory map: mapped pages
 * count in the process's resident size, and the operating system caches the file anyway. `recursive_triggers`: what guards
 * deletion guards the deletion inside an INSERT OR REPLACE too.
 */
const settings = `
  PRAGMA synchronous = FULL;
  PRAGMA cache_size = -16000;
  PRAGMA trusted_schema = OFF;
  PRAGMA recursive_triggers = ON;
`
const walSettings = `
  PRAGMA journal_mode = WAL;
  PRAGMA journal_size_limit = 67108864;
`

/**
 * Opens a database file of ours, created when missing. Throws the fault `storage-unusable`, naming the file, when it is
 * no database, damaged, somebody else's, written by a later version of ours, or cannot be opened. Reads a page or two:
 * how long it takes does not depend on how much is in it.
 */
export const openDatabase = (description: DatabaseDescription): DatabaseSync => {
  const { file, readOnly = false, connect = (path, options) => new DatabaseSync(path, options) } = description
  let database: DatabaseSync | undefined
  try {
    database = connect(file, { readOnly, timeout: 5_000 })
    database.exec(settings)
    demandOurs(database, description)
    if (!readOnly) prepare(database, description)
    return database
  } catch (cause) {
    database?.close()
    throw databaseFault(file, cause)
  }
}

const numberOf = (database: DatabaseSync, sql: string): number =>
  Number(Object.values(database.prepare(sql).get() ?? {})[0])

const demandOurs = (
  database: DatabaseSync,
  { file, applicationId, schemaVersion, readOnly }: DatabaseDescription,
): void => {
  const version = numberOf(database, 'PRAGMA user_version')
  const isEmpty = numberOf(database, 'SELECT count(*) FROM sqlite_schema') === 0
  if (isEmpty && readOnly !== true) return
  if (numberOf(database, 'PRAGMA application_id') !== applicationId)
    throw fault('storage-unusable', `${file} is a database, but not one of Benchplane's kind that belongs there`)
  if (version > schemaVersion)
    throw fault(
      'storage-unusable',
      `${file} was written by a newer Benchplane (schema ${version}, this one knows ${schemaVersion}): upgrade first`,
    )
}

const prepare = (database: DatabaseSync, { applicationId, schemaVersion, schema }: DatabaseDescription): void => {
  database.exec(walSettings)
  if (numberOf(database, 'PRAGMA user_version') === schemaVersion) return
  database.exec(`
    BEGIN IMMEDIATE;
    ${schema}
    PRAGMA application_id = ${applicationId};
    PRAGMA user_version = ${schemaVersion};
    COMMIT;
  `)
}

/** SQLite's primary result codes that have a name of their own here. */
const meanings: Readonly<Record<number, string>> = {
  5: 'is locked by another process',
  8: 'cannot be written',
  10: 'cannot be read or written',
  11: 'is damaged',
  14: 'cannot be opened',
  26: 'is not a database',
}
const full = 13

/** What an engine's error means, as a fault that names the file. Any other error is what it is, and passes. */
export const databaseFault = (file: string, cause: unknown): unknown => {
  if (!(cause instanceof Error && 'code' in cause)) return cause
  if (cause.code === 'ERR_INVALID_STATE') return fault('storage-unusable', `${file} is closed`, cause)
  if (cause.code !== 'ERR_SQLITE_ERROR') return cause
  const code = 'errcode' in cause ? Number(cause.errcode) & 0xff : 0
  if (code === full) return fault('storage-full', `no room left for ${file}`, cause)
  return fault('storage-unusable', `${file} ${meanings[code] ?? 'failed'}: ${cause.message}`, cause)
}
