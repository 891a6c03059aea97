import { createHash } from 'node:crypto'
import { openHistory } from '../adapters/memory/history.ts'
import { parseCommand } from '../domain/contract.ts'
import { createHandle, type Outcome } from '../domain/handle.ts'
import type { Head } from '../domain/head.ts'
import type { StreamKind, StreamName } from '../domain/ids.ts'
import { partsOf } from '../domain/ids.ts'
import type { AppendResult, EventStore } from '../domain/ports.ts'
import type { HandlePorts, Intent } from '../domain/round.ts'

const sha = (text: string) => createHash('sha256').update(text).digest('hex')

export interface Calls {
  append: number
  load: number
  loadLatest: number
}

const countedStore = (store: EventStore, calls: Calls): EventStore => ({
  ...store,
  append: (...args) => {
    calls.append++
    return store.append(...args)
  },
  load: (...args) => {
    calls.load++
    return store.load(...args)
  },
  loadLatest: (...args) => {
    calls.loadLatest++
    return store.loadLatest(...args)
  },
})

/** Every bench that was ever registered. */
const candidatesIn = async (store: EventStore) => {
  const page = await store.feed(undefined, 1_000)
  const benches = page.commits.map(({ commit }) => partsOf(commit.stream)).filter(({ kind }) => kind === 'bench')
  return { benchIds: [...new Set(benches.map(({ id }) => id))].toSorted(), excluded: {} }
}

let made = 0

/** The write path over a store in memory, with every call of the store counted; several servers can share one store. */
export const writePath = (store: EventStore = openHistory(), overrides: Partial<HandlePorts> = {}) => {
  const calls: Calls = { append: 0, load: 0, loadLatest: 0 }
  const heads = new Map<StreamName, Head>()
  const handle = createHandle({
    store: countedStore(store, calls),
    cache: heads,
    digest: (text) => sha(text).slice(0, 16),
    backoff: async () => {},
    candidates: () => candidatesIn(store),
    ...overrides,
  })
  const send = (
    kind: StreamKind,
    id: string,
    type: string,
    data: unknown,
    rest: Partial<Intent> = {},
  ): Promise<Outcome> => {
    const parsed = parseCommand(kind, type, data)
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors))
    return handle({
      tenant: 't',
      kind,
      id,
      type,
      data: parsed.data,
      at: '2026-03-01T09:00:00.000Z',
      commandId: `made-${++made}`,
      commandHash: sha(JSON.stringify([kind, id, type, parsed.data])),
      actor: { kind: 'user', id: 'ada' },
      correlationId: 'c',
      ...rest,
    })
  }
  return { send, calls, heads, store }
}

/** A store in front of another whose appends can be made to go wrong, before or after they take effect. */
export const troubled = (store: EventStore, trouble: (n: number) => 'before' | 'after' | undefined): EventStore => {
  let count = 0
  return {
    ...store,
    append: async (...args): Promise<AppendResult> => {
      const when = trouble(++count)
      if (when === 'before') throw new Error('the store is gone')
      const result = await store.append(...args)
      if (when === 'after') throw new Error('the answer is lost')
      return result
    },
  }
}
