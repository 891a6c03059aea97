import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { openHistory } from '../../adapters/sqlite/history.ts'
import { eventStoreContract } from '../contract/eventStore.ts'
import type { Damage } from '../contract/medium.ts'
import { temporaryDirectories } from './directories.ts'

const { fresh, closing } = temporaryDirectories()

/** Goes around the triggers, as whoever holds the file can. */
const damage = (directory: string, stream: string, version: number, how: Damage): void => {
  const database = new DatabaseSync(join(directory, 'history.db'))
  database.exec('DROP TRIGGER commits_are_never_updated; DROP TRIGGER commits_are_never_deleted')
  const at = (sql: string) => database.prepare(`${sql} WHERE stream = ? AND version = ?`)
  if (how.kind === 'removed') at('DELETE FROM commits').run(stream, version)
  else if (how.kind === 'hash') at('UPDATE commits SET hash = unhex(?)').run(how.hash, stream, version)
  else if (how.kind === 'state') at('UPDATE commits SET state = ?').run(how.state, stream, version)
  else {
    const { body } = at('SELECT body FROM commits').get(stream, version) ?? {}
    at('UPDATE commits SET body = ?').run(how.change(String(body)), stream, version)
  }
  database.close()
}

eventStoreContract('SQLite', async (options = {}) => {
  const directory = fresh()
  const open = () => closing(openHistory({ ...options, directory }))
  const store = open()
  return {
    store,
    reopen: async () => {
      await store.close()
      return open()
    },
    tamper: async (stream, version, how) => {
      await store.close()
      damage(directory, stream, version, how)
      return open()
    },
  }
})
