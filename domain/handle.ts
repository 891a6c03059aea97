/**
 * The write path, spelled out once: load → fold → decide → append. States are cached and may be stale; the conditional
 * append proves them current. What the cache can't prove (a refusal, or that there is nothing to do) is decided again on
 * fresh states before it is answered.
 */
import { isRejection, type Rejection } from './decider.ts'
import type { Decision } from './decisions/program.ts'
import { type Commit, lastVersion } from './event.ts'
import { fold, type Head } from './head.ts'
import { type StreamName, streamName } from './ids.ts'
import { versionOf } from './recent.ts'
import { creates, kindOf } from './registry.ts'
import { append, decideIn, type HandlePorts, headOf, type Intent, type Round } from './round.ts'
import { createTurns } from './turns.ts'

export type Outcome =
  /** Decided. `commits` is empty when there was nothing to do. `head` is the addressed stream as of the answer. */
  | { kind: 'done'; head: Head; created: boolean; replayed: boolean; commits: readonly Commit[] }
  | { kind: 'refused'; rejection: Rejection; version: number }
  /** The idempotency key was used for another command. */
  | { kind: 'key-reused' }
  | { kind: 'version-mismatch'; version: number }
  /** Others kept winning; nothing was written. Worth a retry later. */
  | { kind: 'contended'; attempts: number }

export type Handle = (intent: Intent) => Promise<Outcome>

/** A command gives up after so many attempts. */
export const attemptCountMax = 100
/**
 * A lost race brings the winner that was in the way, which is all there is between servers that race. One that has lost
 * so often in a row is behind: it reads what has come since, instead of losing once to each commit.
 */
const lossesBeforeReading = 4

export const createHandle = (ports: HandlePorts): Handle => {
  const turns = createTurns()
  return async (intent) => {
    const stream = streamName(intent.tenant, intent.kind, intent.id)
    const assumeAbsent = creates(intent.type) ? stream : undefined
    let next: Again = { fresh: false, turn: undefined }
    for (let attempt = 1; attempt <= attemptCountMax; attempt++) {
      const { fresh, turn } = next
      if (turn !== undefined && !(await turns.take(turn))) break
      try {
        const round: Round = {
          ports,
          turns,
          turn,
          fresh,
          assumeAbsent,
          heads: new Map(),
          checked: new Set(),
          proven: true,
        }
        const outcome = await attemptOnce(round, intent, stream)
        if ('kind' in outcome) return outcome
        next = attempt % lossesBeforeReading === 0 ? { ...outcome, fresh: true } : outcome
      } finally {
        if (turn !== undefined) turns.give(turn)
      }
      if (turn !== undefined && next.turn !== undefined) await ports.backoff(attempt)
    }
    return { kind: 'contended', attempts: attemptCountMax }
  }
}

/** How to go on: on fresh states, since what was decided is not proven; or in one's turn, since another was faster. */
interface Again {
  fresh: boolean
  turn: StreamName | undefined
}

const attemptOnce = async (round: Round, asked: Intent, stream: StreamName): Promise<Outcome | Again> => {
  const own = await headOf(round, stream)
  // Decided as of the instant it will be written at: a stream's time never goes back.
  const intent = own.at > asked.at ? { ...asked, at: own.at } : asked
  const replayed =
    own.version === 0 || intent.isFirst === true ? undefined : await replay(round.ports, intent, stream, own)
  if (replayed !== undefined) return replayed
  const unproven: Again = { fresh: true, turn: round.turn }
  const etag = kindOf(intent.kind).etagOf(own.state, own.version)
  if (intent.ifMatch !== undefined && intent.ifMatch !== etag)
    return round.proven ? { kind: 'version-mismatch', version: etag } : unproven
  const decision = await decideIn(round, intent)
  if (isRejection(decision)) return round.proven ? refuse(round, intent, own, decision) : unproven
  if (decision.changes.length === 0) return round.proven ? unchanged(round, intent, own, decision.doneAt) : unproven
  const appended = await append(round, intent, decision.changes)
  // A stream that was taken to be absent may be long: its winner is the first of many.
  if (appended.kind === 'lost') return { fresh: appended.stream === round.assumeAbsent, turn: appended.stream }
  const head = appended.heads.get(stream)
  if (head === undefined)
    throw new Error(`${intent.type} left ${stream}, which it addresses, unchanged, but not others`)
  return { kind: 'done', head, created: own.version === 0, replayed: false, commits: appended.commits }
}

/** A refusal's evidence is appended before it is answered; when that race is lost, the command is decided again. */
const refuse = async (
  round: Round,
  intent: Intent,
  own: Head,
  decision: Extract<Decision, Rejection>,
): Promise<Outcome | Again> => {
  const { evidence = [], ...rejection } = decision
  // Under an id of its own: a retry of the command must meet the refusal again, not find itself done.
  const witness = { ...intent, commandId: `refused:${intent.commandId}` }
  const kept = evidence.length === 0 ? undefined : await append(round, witness, evidence)
  if (kept?.kind === 'lost') return { fresh: false, turn: kept.stream }
  return { kind: 'refused', rejection, version: own.version }
}

/** There is nothing to do; if that is because it was done before, the answer is what it was then. */
const unchanged = async ({ ports }: Round, intent: Intent, own: Head, doneAt: number | undefined): Promise<Outcome> => {
  const { tenant, kind, id } = intent
  const before =
    doneAt === undefined ? undefined : await answerOf(ports, intent, streamName(tenant, kind, id), own, doneAt)
  return before ?? { kind: 'done', head: own, created: false, replayed: false, commits: [] }
}

/** The answer to a command that was decided before, if this is its retry: its stream as of then. */
const replay = async (
  ports: HandlePorts,
  intent: Intent,
  stream: StreamName,
  head: Head,
): Promise<Outcome | undefined> => {
  const version = versionOf(head.recent, ports.digest(intent.commandId)) ?? (creates(intent.type) ? 1 : undefined)
  const isRetry = (commandId: string): boolean => commandId === intent.commandId
  return version === undefined ? undefined : answerOf(ports, intent, stream, head, version, isRetry)
}

const answerOf = async (
  { store, digest }: HandlePorts,
  intent: Intent,
  stream: StreamName,
  head: Head,
  version: number,
  isRetry: (commandId: string) => boolean = () => true,
): Promise<Outcome | undefined> => {
  const [commit] = await store.load(stream, { from: version, to: version })
  if (commit === undefined || !isRetry(commit.commandId)) return undefined
  if (commit.commandHash !== intent.commandHash)
    return commit.commandId === intent.commandId ? { kind: 'key-reused' } : undefined
  const last = lastVersion(commit)
  const asOf = head.version === last ? head : fold(stream, await store.load(stream, { to: last }), digest)
  return { kind: 'done', head: asOf, created: commit.version === 1, replayed: true, commits: [] }
}
