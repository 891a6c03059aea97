import { type HistoryOptions, openHistory } from '../../adapters/memory/history.ts'
import { eventStoreContract } from '../contract/eventStore.ts'
import type { Damage } from '../contract/medium.ts'

type Rows = NonNullable<HistoryOptions['rows']>

const damaged = (rows: Rows, stream: string, version: number, damage: Damage): Rows =>
  rows.flatMap((row) => {
    if (row.stream !== stream || row.version !== version) return [row]
    if (damage.kind === 'removed') return []
    if (damage.kind === 'body') return [{ ...row, body: damage.change(row.body) }]
    return [damage.kind === 'hash' ? { ...row, hash: damage.hash } : { ...row, state: damage.state }]
  })

eventStoreContract('memory', async (options = {}) => {
  const rows: Rows = []
  const store = openHistory({ ...options, rows })
  const reopened = async (left: Rows) => {
    await store.close()
    return openHistory({ ...options, rows: left })
  }
  return {
    store,
    reopen: async () => reopened(rows),
    tamper: async (stream, version, damage) => reopened(damaged(rows, stream, version, damage)),
  }
})
