/**
 * The attempts that run, as this process has seen them start and end: in what it appends, and where there are other servers
 * in what the feed tells of theirs. What beats and claims ask in their thousands is answered from here, without a look at
 * history; what history must say is asked of history.
 *
 * An attempt may be given to its session once more only if its worker can't know of it: it was never listed in a beat,
 * and a beat came that its worker has sent after it must have had the answer to its claim. That a beat was sent later
 * can't be seen; that it came `settleMs` later can. Giving it starts that time anew, at once, so that of two claims one
 * gets it, and who has just been given it is not given it again.
 *
 * Of several servers each knows what it gave itself, and when it heard of what others gave, which is later; beats that went to
 * others are seen in the lease. What they do not share is an attempt that was given once more: another server may give it a
 * third time, or the sweeper lose it a beat early. Its worker starts nothing twice, and history ends it once.
 */
import type { ExecutionEvent } from '../../domain/execution/events.ts'
import { partsOf, type StreamName } from '../../domain/ids.ts'
import type { AttemptName, Beat, Lease } from '../../domain/leaseStore.ts'

export interface LiveAttempt extends AttemptName {
  tenant: string
  workerId: string
  epoch: number
  benchId: string
}

interface Entry extends LiveAttempt {
  /** On the lease clock: when its claim was answered, the last time. */
  givenAtMs: number
  isListed: boolean
  /** It may be that its worker has to stop it: history says. */
  isStirred: boolean
}

type Session = Pick<LiveAttempt, 'tenant' | 'workerId' | 'epoch'>

interface Appended {
  stream: StreamName
  events: readonly { type: string; data: unknown }[]
}

interface Run {
  nowMs: () => number
  settleMs: number
  /** Those that have ended lately: the feed may tell of their start afterwards. */
  ended: Set<string>
  byExecution: Map<string, Map<string, Entry>>
  bySession: Map<string, Set<Entry>>
  bells: Map<string, Set<() => void>>
}

const executionKey = (tenant: string, executionId: string): string => `${tenant}/${executionId}`
const taskKey = ({ taskName, attempt }: Pick<AttemptName, 'taskName' | 'attempt'>): string => `${taskName}/${attempt}`
const sessionKey = ({ tenant, workerId, epoch }: Session): string => `${tenant}/${workerId}/${epoch}`

/** So many that have ended are remembered. */
const endedCountMax = 20_000

export const openLiveAttempts = (nowMs: () => number, settleMs: number) => {
  const maps = { byExecution: new Map(), bySession: new Map(), bells: new Map() }
  const run: Run = { nowMs, settleMs, ended: new Set(), ...maps }
  return {
    /** What was appended; or what may have been, when the store did not say. */
    learn: (commits: readonly Appended[], isCertain = true): void => {
      for (const commit of commits) if (partsOf(commit.stream).kind === 'execution') learn(run, commit, isCertain)
    },
    /** What the feed tells: this process's own again, others' for the first time, twice, or the end before the start. */
    hear: (commits: readonly Appended[]): void => {
      for (const commit of commits) if (partsOf(commit.stream).kind === 'execution') learn(run, commit, true, isNews)
    },
    /** It ran before this process did. */
    inherit: (attempt: LiveAttempt): void => {
      if (isNews(run, attempt)) add(run, attempt, true)
    },
    /** It has ended, whoever knows. */
    over: (tenant: string, attempt: AttemptName): void => remove(run, find(run, tenant, attempt)),
    /** The answer to its claim is on its way now. */
    given: (tenant: string, attempt: AttemptName): void => {
      const entry = find(run, tenant, attempt)
      if (entry !== undefined) entry.givenAtMs = nowMs()
    },
    /** Whether history must say what is to become of an attempt that a beat lists: it is not known to run on undisturbed. */
    isDoubtful: (session: Session, attempt: AttemptName): boolean => {
      const entry = find(run, session.tenant, attempt)
      return entry === undefined || entry.isStirred || sessionKey(entry) !== sessionKey(session)
    },
    beat: ({ attempts, ...session }: Pick<Beat, keyof Session | 'attempts'>): void => beat(run, session, attempts),
    /** An attempt that the session's worker can't know of, on one of the benches: from now on it is given anew. */
    giveAgain: (lease: Lease, benchIds: readonly string[]) => giveAgain(run, lease, benchIds),
    /** Rings with each beat of a session that has an attempt which no beat has listed yet. Answers how to stop. */
    onUnheard: (session: Session, ring: () => void): (() => void) => listen(run, sessionKey(session), ring),
    /** Those that neither of the last two beats has listed, although both came after it was given. */
    missingIn: (lease: Lease): readonly LiveAttempt[] =>
      [...(run.bySession.get(sessionKey(lease)) ?? [])].filter(
        (entry) =>
          isMissing(run, entry, lease.beatAt, lease.attempts) &&
          isMissing(run, entry, lease.beatBeforeAt, lease.attemptsBefore),
      ),
    all: (): readonly LiveAttempt[] => [...run.byExecution.values()].flatMap((entries) => [...entries.values()]),
    count: (): number => run.byExecution.values().reduce((sum, entries) => sum + entries.size, 0),
  }
}
export type LiveAttempts = ReturnType<typeof openLiveAttempts>

const find = (run: Run, tenant: string, attempt: AttemptName): Entry | undefined =>
  run.byExecution.get(executionKey(tenant, attempt.executionId))?.get(taskKey(attempt))

const isSame = (a: AttemptName, b: AttemptName): boolean =>
  a.executionId === b.executionId && a.taskName === b.taskName && a.attempt === b.attempt

const isMissing = (
  { settleMs }: Run,
  entry: Entry,
  beatAt: string | undefined,
  listed: readonly AttemptName[],
): boolean =>
  beatAt !== undefined &&
  Date.parse(beatAt) >= entry.givenAtMs + settleMs &&
  !listed.some((attempt) => isSame(attempt, entry))

const giveAgain = (run: Run, lease: Lease, benchIds: readonly string[]): LiveAttempt | undefined => {
  for (const entry of run.bySession.get(sessionKey(lease)) ?? []) {
    if (isKnownToWorker(entry, lease) || !benchIds.includes(entry.benchId)) continue
    if (!isMissing(run, entry, lease.beatAt, lease.attempts)) continue
    entry.givenAtMs = run.nowMs()
    return entry
  }
  return undefined
}

/** A beat has listed it, whichever server took it. */
const isKnownToWorker = (entry: Entry, { attempts, attemptsBefore }: Lease): boolean =>
  (entry.isListed ||= [...attempts, ...attemptsBefore].some((attempt) => isSame(attempt, entry)))

const ends: ReadonlySet<string> = new Set<ExecutionEvent['type']>([
  'AttemptPassed',
  'AttemptFailed',
  'AttemptTimedOut',
  'AttemptCancelled',
  'AttemptLost',
])

/** It neither runs, as far as is known, nor is over. */
const isNews = (run: Run, attempt: LiveAttempt): boolean =>
  find(run, attempt.tenant, attempt) === undefined && !run.ended.has(nameIn(attempt))

const nameIn = ({ tenant, ...attempt }: AttemptName & { tenant: string }): string =>
  `${executionKey(tenant, attempt.executionId)}/${taskKey(attempt)}`

const learn = (
  run: Run,
  { stream, events }: Appended,
  isCertain: boolean,
  isWanted: (run: Run, attempt: LiveAttempt) => boolean = () => true,
): void => {
  const { tenant, id: executionId } = partsOf(stream)
  const stir = (): void =>
    run.byExecution.get(executionKey(tenant, executionId))?.forEach((entry) => (entry.isStirred = true))
  for (const { type, data } of events) {
    const attempt = { tenant, executionId, ...(data as Omit<LiveAttempt, 'tenant' | 'executionId'>) }
    if (type === 'AttemptStarted') {
      if (isWanted(run, attempt)) add(run, attempt, !isCertain)
    } else if (ends.has(type) && isCertain) end(run, attempt)
    else if (type === 'ExecutionCancelRequested' || !isCertain) stir()
  }
}

const end = (run: Run, attempt: LiveAttempt): void => {
  remove(run, find(run, attempt.tenant, attempt))
  run.ended.add(nameIn(attempt))
  for (const oldest of run.ended) {
    if (run.ended.size <= endedCountMax) break
    run.ended.delete(oldest)
  }
}

const add = (
  run: Run,
  { tenant, workerId, epoch, benchId, executionId, taskName, attempt }: LiveAttempt,
  isStirred: boolean,
): void => {
  const name = { executionId, taskName, attempt }
  const known = find(run, tenant, name)
  // One that runs is not started again; one that only may have been started was not, if it is now.
  if (isStirred && known?.isStirred === false) {
    known.isStirred = true
    return
  }
  remove(run, known)
  const entry = { tenant, workerId, epoch, benchId, ...name, givenAtMs: run.nowMs(), isListed: false, isStirred }
  const ofExecution = run.byExecution.get(executionKey(tenant, executionId)) ?? new Map<string, Entry>()
  run.byExecution.set(executionKey(tenant, executionId), ofExecution.set(taskKey(name), entry))
  const ofSession = run.bySession.get(sessionKey(entry)) ?? new Set()
  run.bySession.set(sessionKey(entry), ofSession.add(entry))
}

const remove = (run: Run, entry: Entry | undefined): void => {
  if (entry === undefined) return
  const { tenant, executionId } = entry
  const ofExecution = run.byExecution.get(executionKey(tenant, executionId))
  ofExecution?.delete(taskKey(entry))
  if (ofExecution?.size === 0) run.byExecution.delete(executionKey(tenant, executionId))
  const ofSession = run.bySession.get(sessionKey(entry))
  ofSession?.delete(entry)
  if (ofSession?.size === 0) run.bySession.delete(sessionKey(entry))
}

const beat = (run: Run, session: Session, listed: readonly AttemptName[]): void => {
  const key = sessionKey(session)
  for (const attempt of listed) {
    const entry = find(run, session.tenant, attempt)
    if (entry !== undefined && sessionKey(entry) === key) entry.isListed = true
  }
  const bells = run.bells.get(key)
  if (bells === undefined || ![...(run.bySession.get(key) ?? [])].some(({ isListed }) => !isListed)) return
  for (const ring of bells) ring()
}

const listen = (run: Run, key: string, ring: () => void): (() => void) => {
  const bells = run.bells.get(key) ?? new Set()
  run.bells.set(key, bells.add(ring))
  return () => {
    bells.delete(ring)
    if (bells.size === 0 && run.bells.get(key) === bells) run.bells.delete(key)
  }
}
