import type { DatabaseSync } from 'node:sqlite'
import type { RowChange } from '../../domain/ports.ts'
import { partitionKey, rowKey } from '../rows.ts'
import type { CachedRow, RowCache } from './rowCache.ts'

const statementsOf = (database: DatabaseSync) => ({
  begin: database.prepare('BEGIN IMMEDIATE'),
  commit: database.prepare('COMMIT'),
  rollback: database.prepare('ROLLBACK'),
  insert: database.prepare(
    'INSERT INTO rows (key, version, nextDue, body, entries) VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING',
  ),
  update: database.prepare('UPDATE rows SET version = ?, nextDue = ?, body = ? WHERE key = ? AND version = ?'),
  move: database.prepare(
    'UPDATE rows SET version = ?, nextDue = ?, body = ?, entries = ? WHERE key = ? AND version = ?',
  ),
  versionOf: database.prepare('SELECT version FROM rows WHERE key = ?'),
  entriesOf: database.prepare('SELECT entries FROM rows WHERE key = ? AND version = ?'),
  enter: database.prepare('INSERT INTO index_entries (partition, sort, id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING'),
  leave: database.prepare('DELETE FROM index_entries WHERE partition = ? AND sort = ? AND id = ?'),
  count: database.prepare(
    `INSERT INTO counts (view, rowCount) VALUES (?, ?)
      ON CONFLICT (view) DO UPDATE SET rowCount = rowCount + excluded.rowCount`,
  ),
  save: database.prepare(
    `INSERT INTO checkpoints (consumer, cursor) VALUES (?, ?)
      ON CONFLICT (consumer) DO UPDATE SET cursor = excluded.cursor`,
  ),
})
type Statements = ReturnType<typeof statementsOf>

/** The writing half of the views: all changes whose guard holds, and the checkpoint if all do, in one transaction. */
export const openWrites = (database: DatabaseSync, cache: RowCache) => {
  const statements = statementsOf(database)
  const writeAll = (changes: readonly RowChange[], written: Map<string, CachedRow>): readonly string[] => {
    const failed: string[] = []
    const created = new Map<string, number>()
    for (const change of changes) {
      const { view, tenant, row } = change
      const key = rowKey(view, tenant, row.id)
      const cached = written.get(key) ?? cache.get(key)
      const previousVersion = versionToReplace(statements, cached, key, change)
      if (previousVersion === 'kept') continue
      const next = writeRow(statements, cached, key, { ...change, previousVersion })
      if (next === undefined) failed.push(`${view}/${row.id}`)
      else written.set(key, next)
      if (next !== undefined && previousVersion === 0) created.set(view, (created.get(view) ?? 0) + 1)
    }
    for (const [view, count] of created) statements.count.run(view, count)
    return failed
  }
  return (changes: readonly RowChange[], checkpoint?: { consumer: string; cursor: string }): readonly string[] => {
    const written = new Map<string, CachedRow>()
    statements.begin.run()
    try {
      const failed = writeAll(changes, written)
      if (checkpoint !== undefined && failed.length === 0) statements.save.run(checkpoint.consumer, checkpoint.cursor)
      statements.commit.run()
      for (const [key, row] of written) cache.set(key, row)
      return failed
    } catch (error) {
      if (database.isTransaction) statements.rollback.run()
      throw error
    }
  }
}

/** A head row replaces what its projector saw; a derived one whatever is there, unless that is no older: then it is kept. */
const versionToReplace = (
  statements: Statements,
  cached: CachedRow | undefined,
  key: string,
  { row, previousVersion }: RowChange,
): number | 'kept' => {
  if (previousVersion !== 'older') return previousVersion
  const version = cached?.version ?? Number(statements.versionOf.get(key)?.['version'] ?? 0)
  return version < row.version ? version : 'kept'
}

/** The row as it now is; undefined when it was not at the version that the change replaces. */
const writeRow = (
  statements: Statements,
  cached: CachedRow | undefined,
  key: string,
  change: RowChange & { previousVersion: number },
): CachedRow | undefined => {
  const { row, previousVersion } = change
  const nextDue = row.nextDue ?? null
  const body = JSON.stringify(row.body)
  const own = placesOf(change)
  const entries = JSON.stringify(own)
  const next = { version: row.version, nextDue, body: row.body, entries, weight: body.length + entries.length }
  if (previousVersion === 0) {
    if (statements.insert.run(key, row.version, nextDue, body, entries).changes !== 1) return undefined
    for (const [partition, sort] of own) statements.enter.run(partition, sort, row.id)
    return next
  }
  const former =
    cached?.version === previousVersion ? cached.entries : statements.entriesOf.get(key, previousVersion)?.['entries']
  if (typeof former !== 'string') return undefined
  if (former === entries) {
    statements.update.run(row.version, nextDue, body, key, previousVersion)
    return next
  }
  statements.move.run(row.version, nextDue, body, entries, key, previousVersion)
  moveEntries(statements, row.id, JSON.parse(former) as Places, own)
  return next
}

/** Partition and sort of each entry. */
type Places = readonly (readonly [partition: string, sort: string])[]

const placesOf = ({ view, tenant, entries }: RowChange): Places =>
  entries.map(({ index, partition, sort }) => [partitionKey(view, tenant, index, partition), sort])

/** Only what has changed is rewritten. */
const moveEntries = (statements: Statements, id: string, former: Places, own: Places): void => {
  const stays = new Set(own.map((place) => JSON.stringify(place)))
  const stayed = new Set<string>()
  for (const place of former) {
    const text = JSON.stringify(place)
    if (stays.has(text)) stayed.add(text)
    else statements.leave.run(...place, id)
  }
  for (const place of own) if (!stayed.has(JSON.stringify(place))) statements.enter.run(...place, id)
}
