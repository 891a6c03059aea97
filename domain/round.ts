/** One attempt at a command: the streams it has read, what it decided on them, and what its append taught. */
import type { AddressedCommand, Ask, CandidateQuestion, Candidates, Change, Decision } from './decisions/program.ts'
import type { Actor, Commit } from './event.ts'
import { advance, type Digest, fold, type Head, headFrom, noStream, rideOf } from './head.ts'
import { later, partsOf, type StreamName, streamName } from './ids.ts'
import type { Check, EventStore, NewCommit } from './ports.ts'
import { kindOf, programOf } from './registry.ts'
import type { Turns } from './turns.ts'

/** A command with who sent it and why: parsed, and complete with its time and ids. */
export interface Intent extends AddressedCommand {
  /** The client's idempotency key, or an id of the server's making. Scoped to the addressed stream. */
  commandId: string
  /** Its id was made for it just now: it can't be a retry, and none is looked for. */
  isFirst?: boolean
  /** Canonical hash of kind, id, type and data: tells a retry from a reuse of its key. */
  commandHash: string
  actor: Actor
  correlationId: string
  causationId?: string
  traceparent?: string
  /** Demands that the resource still is at this version. */
  ifMatch?: number
}

export interface HandlePorts {
  store: EventStore
  candidates(question: CandidateQuestion, fresh: boolean): Promise<Candidates>
  /** Bounded: forgets the least recently used. */
  cache: HeadCache
  digest: Digest
  /** Waits a moment before attempt `n` (from 2); with jitter. */
  backoff(attempt: number): Promise<void>
  /** Told of each lost race, for the metrics. */
  onConflict?(stream: StreamName): void
}

export interface HeadCache {
  get(stream: StreamName): Head | undefined
  set(stream: StreamName, head: Head): void
  delete(stream: StreamName): void
}

export interface Round {
  ports: HandlePorts
  turns: Turns
  /** The stream whose turn the command holds, having lost a race for it. */
  turn: StreamName | undefined
  /** Cached states won't do: read what has come since. */
  fresh: boolean
  /** A stream that the command starts is taken to be absent without looking: the append proves it. */
  assumeAbsent: StreamName | undefined
  heads: Map<StreamName, Head>
  checked: Set<StreamName>
  /** Everything read so far came from the store itself. */
  proven: boolean
}

/** A newer head replaces an older one, never the other way round: commands overlap. */
export const remember = (cache: HeadCache, stream: StreamName, head: Head): Head => {
  const known = cache.get(stream)
  if (known === undefined || known.version < head.version) cache.set(stream, head)
  return head
}

const load = async ({ store, digest, cache }: HandlePorts, stream: StreamName): Promise<Head> => {
  const head = headFrom(stream, await store.loadLatest(stream, kindOf(partsOf(stream).kind).reducerVersion), digest)
  return head.version === 0 ? head : remember(cache, stream, head)
}

export const refresh = async (ports: HandlePorts, stream: StreamName): Promise<Head> => {
  const cached = ports.cache.get(stream)
  if (cached === undefined) return load(ports, stream)
  const commits = await ports.store.load(stream, { from: cached.version + 1 })
  return remember(ports.cache, stream, fold(stream, commits, ports.digest, cached))
}

export const headOf = async (round: Round, stream: StreamName): Promise<Head> => {
  const known = round.heads.get(stream)
  if (known !== undefined) return known
  const { ports, fresh, assumeAbsent } = round
  const cached = fresh
    ? undefined
    : (ports.cache.get(stream) ?? (stream === assumeAbsent ? noStream(stream) : undefined))
  if (cached !== undefined) round.proven = false
  const head = cached ?? (await (fresh ? refresh(ports, stream) : load(ports, stream)))
  round.heads.set(stream, head)
  return head
}

const answer = async (round: Round, ask: Ask): Promise<unknown> => {
  if (ask.ask === 'candidates') {
    if (!round.fresh) round.proven = false
    return round.ports.candidates(ask, round.fresh)
  }
  const states: unknown[] = []
  for (const stream of ask.streams) {
    if (ask.checked) round.checked.add(stream)
    const head = round.heads.get(stream) ?? (await headOf(round, stream))
    states.push(head.state)
  }
  return states
}

export const decideIn = async (round: Round, intent: Intent): Promise<Decision> => {
  const program = programOf(intent)
  for (let step = program.next(); ; ) {
    if (step.done === true) return step.value
    step = program.next(await answer(round, step.value))
  }
}

type Appended =
  | { kind: 'appended'; commits: readonly Commit[]; heads: ReadonlyMap<StreamName, Head> }
  /** Nothing was written: others were faster, or are in line, on `stream`. */
  | { kind: 'lost'; stream: StreamName }

export const append = async (round: Round, intent: Intent, changes: readonly Change[]): Promise<Appended> => {
  const { turns, turn, ports, checked } = round
  const inLine = turn === undefined ? changes.find(({ stream }) => turns.isTaken(stream)) : undefined
  if (inLine !== undefined) return { kind: 'lost', stream: inLine.stream }
  const prepared = changes.map((change) => prepare(round, intent, change))
  const written = new Set(changes.map(({ stream }) => stream))
  const checks: Check[] = []
  for (const stream of checked)
    if (!written.has(stream)) checks.push({ stream, version: readHead(round, stream).version })
  const result = await ports.store.append(
    prepared.map(({ commit }) => commit),
    checks,
  )
  if (result.kind === 'conflict')
    return { kind: 'lost', stream: learnWinners(round, result.winners) ?? streamOf(intent) }
  const heads = new Map(
    result.commits.map((commit, index) => [commit.stream, { ...(prepared[index]?.head as Head), hash: commit.hash }]),
  )
  for (const [stream, head] of heads) remember(ports.cache, stream, head)
  return { kind: 'appended', commits: result.commits, heads }
}

const streamOf = ({ tenant, kind, id }: Intent): StreamName => streamName(tenant, kind, id)

const readHead = (round: Round, stream: StreamName): Head => {
  const head = round.heads.get(stream)
  if (head === undefined) throw new Error(`a decision writes ${stream} without having read it`)
  return head
}

const prepare = (round: Round, intent: Intent, { stream, events }: Change): { commit: NewCommit; head: Head } => {
  const before = readHead(round, stream)
  const { schemaVersions } = kindOf(partsOf(stream).kind)
  const commit: NewCommit = {
    stream,
    version: before.version + 1,
    events: events.map(({ type, data }) => ({ type, schemaVersion: schemaVersions[type] ?? 1, data })),
    // A stream's time never goes back, whatever the server's clock does.
    at: later(before.at, intent.at),
    actor: intent.actor,
    commandId: intent.commandId,
    commandHash: intent.commandHash,
    correlationId: intent.correlationId,
    previousHash: before.hash,
  }
  if (intent.causationId !== undefined) commit.causationId = intent.causationId
  if (intent.traceparent !== undefined) commit.traceparent = intent.traceparent
  const head = advance(before, { ...commit, hash: null }, round.ports.digest)
  const ride = rideOf(stream, head)
  if (ride === undefined) return { commit, head }
  return { commit: { ...commit, ride }, head: { ...head, commitsSinceRide: 0, bytesSinceRide: 0 } }
}

/**
 * A lost race brings its winner: folded, it is the state to decide on again. What can't be folded is forgotten. Answers
 * the stream that was lost.
 */
const learnWinners = ({ ports, heads }: Round, winners: readonly Commit[]): StreamName | undefined => {
  const { cache, digest } = ports
  for (const commit of winners) {
    ports.onConflict?.(commit.stream)
    const known = cache.get(commit.stream) ?? heads.get(commit.stream)
    if (known?.version === commit.version - 1) remember(cache, commit.stream, advance(known, commit, digest))
    else if (known === undefined || known.version < commit.version) cache.delete(commit.stream)
  }
  if (winners.length === 0) for (const stream of heads.keys()) cache.delete(stream)
  return winners[0]?.stream
}
