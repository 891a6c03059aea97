import { randomFillSync } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { monotonicFactory } from 'ulid'
import { canonicalJson, sha256 } from '../adapters/chain.ts'
import type { Commit } from '../domain/event.ts'
import { isFault } from '../domain/faults.ts'
import { createHandle, type Outcome } from '../domain/handle.ts'
import { type Instant, later, partsOf, type StreamKind, streamName } from '../domain/ids.ts'
import type { DueRow, EventStore, NewCommit } from '../domain/ports.ts'
import { type HandlePorts, type Intent, refresh } from '../domain/round.ts'
import type { Reaction } from '../projections/react.ts'
import type { Request, Services } from '../projections/services.ts'
import { views } from '../projections/views.ts'
import { digest } from './audit.ts'
import type { Counters } from './counters.ts'
import { headAsOf } from './heads.ts'
import { knowingNewest } from './soleWriter.ts'

/** Who wants to know of what this process appends. */
export interface AppendListeners {
  onAppended: (commits: readonly Commit[]) => void
  /** The store did not say what has become of these. */
  onDoubt: (commits: readonly NewCommit[]) => void
  /** Other processes append as well. Default: none does. */
  isShared?: boolean
}

/** Tells of what is appended, counts it, and remembers why the store can't be written, until it can. */
export const observed = (
  history: EventStore,
  counters: Counters,
  { onAppended, onDoubt, isShared = false }: AppendListeners,
) => {
  let failure: string | undefined
  const append: EventStore['append'] = async (commits, checks) => {
    try {
      const result = await history.append(commits, checks)
      failure = undefined
      if (result.kind === 'appended') {
        counters.appendedCommits += result.commits.length
        for (const { events } of result.commits) counters.appendedEvents += events.length
        onAppended(result.commits)
      }
      return result
    } catch (error) {
      onDoubt(commits)
      if (isFault(error, 'storage-full') || isFault(error, 'storage-unusable')) failure = error.message
      throw error
    }
  }
  const store = { ...history, append }
  /** It was seen to work otherwise. */
  const forgive = (): void => {
    failure = undefined
  }
  return { store: isShared ? store : knowingNewest(store), failure: () => failure, forgive }
}

/** Races are settled by taking turns; who still loses one lets others finish, ever longer. */
const backoff = async (attempt: number): Promise<void> => {
  await sleep(Math.random() * Math.min(2 ** attempt, 32))
}

const diceCount = 4_096

/** Random numbers from 0 to 1, for ids: drawn by the thousand, since each draw from the system costs as much. */
const openDice = (): (() => number) => {
  const drawn = new Uint32Array(diceCount)
  let next = diceCount
  return () => {
    if (next === diceCount) {
      randomFillSync(drawn)
      next = 0
    }
    return (drawn[next++] ?? 0) / 2 ** 32
  }
}

export type WritePorts = Pick<HandlePorts, 'store' | 'candidates' | 'cache'> & {
  counters: Counters
  now: () => Instant
}

/** The write path with this process's clock, ids and hashes: for requests, policies and the clock. */
export const openWriting = ({ counters, now, ...given }: WritePorts) => {
  const onConflict = (): void => {
    counters.conflicts++
  }
  const ports: HandlePorts = { ...given, digest, backoff, onConflict }
  const handle = createHandle(ports)
  const ulid = monotonicFactory(openDice())
  const newId = (): string => ulid(Date.parse(now()))

  const submit = ({ idempotencyKey, ...request }: Request): Promise<Outcome> =>
    handle({
      ...request,
      at: now(),
      commandId: idempotencyKey ?? newId(),
      isFirst: idempotencyKey === undefined,
      commandHash: hashOf(request),
    })

  const send = ({ policy: _, lane: __, place: ___, ...reaction }: Reaction): Promise<Outcome> =>
    handle({ ...reaction, at: now(), commandHash: hashOf(reaction) })

  const tick = async ({ tenant, view, id, version, nextDue }: DueRow): Promise<Outcome> => {
    const kind = kindOfView(view)
    const stream = streamName(tenant, kind, id)
    const { correlationId = newId() } = given.cache.get(stream) ?? (await refresh(ports, stream))
    const command = { tenant, kind, id, type: 'Tick', data: {} }
    const commandId = `clock:${kind}/${id}@${version}:${nextDue}`
    const intent: Intent = {
      ...command,
      commandId,
      commandHash: hashOf(command),
      at: later(now(), nextDue),
      actor: clockActor,
      correlationId,
    }
    return handle(intent)
  }
  const headOf: Services['headOf'] = (tenant, kind, id) => refresh(ports, streamName(tenant, kind, id))
  return { ports, newId, submit, send, tick, headOf }
}
export type Writing = ReturnType<typeof openWriting>

const clockActor = { kind: 'system', id: 'clock' } as const

const hashOf = ({ kind, id, type, data }: { kind: string; id: string; type: string; data: unknown }): string =>
  sha256(canonicalJson({ kind, id, type, data }))

const kindOfView = (name: string): StreamKind => {
  const view = views.find((one) => one.name === name)
  if (view === undefined) throw new Error(`a row of no view is due: ${name}`)
  return view.kind
}

/** What the driving side is given. */
export const servicesOf = (
  { ports, newId, submit, headOf }: Writing,
  rest: Pick<Services, 'views' | 'leases' | 'lossFreeze' | 'verify' | 'unready' | 'now'>,
): Services => {
  const { store } = ports
  return {
    ...rest,
    submit,
    newId,
    // All of it but what writes or closes it.
    history: {
      load: (...asked) => store.load(...asked),
      feed: (...asked) => store.feed(...asked),
      feedEnd: () => store.feedEnd(),
      onAppend: (listener) => store.onAppend(listener),
      scan: (stream) => store.scan(stream),
    },
    headOf,
    knownHead: (tenant, kind, id) => ports.cache.get(streamName(tenant, kind, id)),
    headAsOf: (tenant, kind, id, asOf) => headAsOf(ports, streamName(tenant, kind, id), asOf),
    hash: (value) => sha256(canonicalJson(value)),
    canonicalBytes: (value) => Buffer.byteLength(canonicalJson(value)),
  }
}

/** `{kind}/{id}` of the tenant, or the whole name of a stream. Throws for what is neither. */
export const wholeName = (stream: string): string => {
  const whole = stream.split('/').length === 2 ? `default/${stream}` : stream
  partsOf(whole)
  return whole
}
