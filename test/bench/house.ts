import { hash } from 'node:crypto'
import { canonicalJson, sha256 } from '../../adapters/chain.ts'
import { openHistory } from '../../adapters/sqlite/history.ts'
import { parseCommand } from '../../domain/contract.ts'
import { createHandle } from '../../domain/handle.ts'
import type { Head } from '../../domain/head.ts'
import type { StreamKind } from '../../domain/ids.ts'
import type { EventStore } from '../../domain/ports.ts'
import type { Intent } from '../../domain/round.ts'
import type { Request } from '../../projections/services.ts'

/** The write path alone, on SQLite: what a command costs before views, policies and HTTP. */
export const openWritePath = (directory: string) => {
  const store = openHistory({ directory })
  return { store, handle: handleOn(store) }
}

export const digest = (text: string): string => hash('sha256', text).slice(0, 16)

export const handleOn = (store: EventStore) => {
  const cache = new Map<string, Head>()
  return createHandle({
    store,
    cache,
    digest,
    backoff: async () => {},
    candidates: async () => ({ benchIds: [], excluded: {} }),
  })
}

let made = 0
export const intent = (
  kind: StreamKind,
  id: string,
  type: string,
  data: unknown,
  at = new Date().toISOString(),
): Intent => ({
  tenant: 'default',
  kind,
  id,
  type,
  data,
  at,
  commandId: `bench-${++made}`,
  commandHash: sha256(canonicalJson({ kind, id, type, data })),
  actor: { kind: 'user', id: 'local' },
  correlationId: `bench-${made}`,
})

const content = { text: 'x'.repeat(200), n: 1 }
export const message = (id: string): Intent =>
  intent('message', id, 'AcceptMessage', { content, sha256: '0'.repeat(64) })
export const registration = (benchId: string): Intent =>
  intent('bench', benchId, 'RegisterBench', {
    benchId,
    type: 'hil',
    capabilities: ['can-fd'],
    setupMs: 0,
    teardownMs: 0,
    labels: {},
  })

const hour = 3_600_000
/** The `n`th booking over `benchCount` benches: an hour each, one after the other on each bench. */
export const booking = (id: string, n: number, benchCount: number, from: number): Intent =>
  intent('reservation', id, 'RequestReservation', {
    holder: 'ada',
    benches: [{ benchId: `b${n % benchCount}` }],
    start: new Date(from + Math.floor(n / benchCount) * hour).toISOString(),
    durationMs: hour,
    priority: 50,
    queue: false,
    checkInWithinMs: 300_000,
    graceMs: 60_000,
  })

/** A command as a way in hands it to the house. */
export const commandOf = (kind: Request['kind'], id: string, type: string, data: unknown): Request => {
  const parsed = parseCommand(kind, type, data)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors))
  return {
    tenant: 'default',
    kind,
    id,
    type,
    data: parsed.data,
    actor: { kind: 'user', id: 'local' },
    correlationId: `bench-${++made}`,
  }
}
