import type { DatabaseSync } from 'node:sqlite'
import type { Commit } from '../../domain/event.ts'
import type { AppendResult, Check, NewCommit } from '../../domain/ports.ts'
import { commitFromBody } from '../chain.ts'
import { sealAppend } from '../commits.ts'

/** One append, checked and sealed: whatever can be wrong with it has been found before it waits to be written. */
export interface ReadyAppend {
  rows: readonly Row[]
  checks: readonly Check[]
}

interface Row {
  commit: Commit
  body: string
  hash: Uint8Array
  /** JSON of the riding state. */
  state: string | null
  reducerVersion: number | null
}

export const readyAppend = (commits: readonly NewCommit[], checks: readonly Check[]): ReadyAppend => ({
  rows: sealAppend(commits, checks).map(({ commit, body, ride }) => ({
    commit,
    body,
    hash: Buffer.from(commit.hash, 'hex'),
    state: ride === undefined ? null : JSON.stringify(ride.state),
    reducerVersion: ride?.reducerVersion ?? null,
  })),
  checks,
})

const statementsOf = (database: DatabaseSync) => ({
  begin: database.prepare('BEGIN IMMEDIATE'),
  commit: database.prepare('COMMIT'),
  rollback: database.prepare('ROLLBACK'),
  savepoint: database.prepare('SAVEPOINT member'),
  release: database.prepare('RELEASE member'),
  undo: database.prepare('ROLLBACK TO member'),
  insert: database.prepare(`
    INSERT INTO commits (stream, version, body, hash, state, reducerVersion) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (stream, version) DO NOTHING`),
  at: database.prepare('SELECT body, lower(hex(hash)) AS hash FROM commits WHERE stream = ? AND version = ?'),
})
type Statements = ReturnType<typeof statementsOf>

/**
 * Writes groups of appends, each group in one transaction: when the call returns all of it is on the disk, when it
 * throws nothing of it is. A position that is taken costs no exception: the insert does nothing and says so.
 */
export const openAppends = (database: DatabaseSync) => {
  const statements = statementsOf(database)
  return (group: readonly ReadyAppend[]): readonly AppendResult[] => {
    statements.begin.run()
    try {
      const results = group.map((append) => appendOne(statements, append))
      statements.commit.run()
      return results
    } catch (error) {
      // Some errors have rolled back already.
      if (database.isTransaction) statements.rollback.run()
      throw error
    }
  }
}

const appendOne = (statements: Statements, { rows, checks }: ReadyAppend): AppendResult => {
  const isFree = checks.every(({ stream, version }) => statements.at.get(stream, version + 1) === undefined)
  const isWritten =
    isFree && (rows.length > 1 ? insertAll(statements, rows) : rows.every((row) => insert(statements, row)))
  if (isWritten) return { kind: 'appended', commits: rows.map(({ commit }) => commit) }
  return { kind: 'conflict', winners: winnersOf(statements, rows, checks) }
}

const insert = (statements: Statements, { commit, body, hash, state, reducerVersion }: Row): boolean =>
  statements.insert.run(commit.stream, commit.version, body, hash, state, reducerVersion).changes === 1

/** All of an append of several commits or, by its savepoint, none. */
const insertAll = (statements: Statements, rows: readonly Row[]): boolean => {
  statements.savepoint.run()
  const isWritten = rows.every((row) => insert(statements, row))
  if (!isWritten) statements.undo.run()
  statements.release.run()
  return isWritten
}

/** What lies where an append wanted to go, or demanded that nothing lies. */
const winnersOf = (statements: Statements, rows: readonly Row[], checks: readonly Check[]): readonly Commit[] => {
  const positions = [
    ...rows.map(({ commit }) => ({ stream: commit.stream, version: commit.version })),
    ...checks.map(({ stream, version }) => ({ stream, version: version + 1 })),
  ]
  return positions.flatMap(({ stream, version }) => {
    const found = statements.at.get(stream, version)
    return found === undefined ? [] : [commitFromBody(String(found['body']), String(found['hash']))]
  })
}
