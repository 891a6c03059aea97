import { canonicalJson, sha256 } from '../../../adapters/chain.ts'
import type { House } from '../../../adapters/http/house.ts'
import { openArtifacts } from '../../../adapters/memory/artifacts.ts'
import { openHistory } from '../../../adapters/memory/history.ts'
import { openLogs } from '../../../adapters/memory/logs.ts'
import { openViews } from '../../../adapters/memory/views.ts'
import type { BenchState } from '../../../domain/bench/state.ts'
import { firstFailing, parseQuery, printTerm } from '../../../domain/capabilities.ts'
import type { CandidateQuestion, Candidates } from '../../../domain/decisions/program.ts'
import { type Commit, lastVersion } from '../../../domain/event.ts'
import { createHandle } from '../../../domain/handle.ts'
import { fold, type Head } from '../../../domain/head.ts'
import { plusMs, streamName } from '../../../domain/ids.ts'
import type { EventStore } from '../../../domain/ports.ts'
import { openFolds } from '../../../projections/folds.ts'
import { project } from '../../../projections/project.ts'
import { openTestLiveness } from './liveness.ts'

const digest = (text: string): string => sha256(text).slice(0, 16)

/** The views of a history, which have seen everything whenever they are read; unless they are held up. */
const openTestViews = (history: EventStore) => {
  const store = openViews()
  const folds = openFolds<unknown>()
  let cursor: string | undefined
  let isHeldUp = false
  let catching = Promise.resolve()

  const seeAll = async (): Promise<void> => {
    for (;;) {
      const page = await history.feed(cursor, 1_000)
      if (page.commits.length === 0) return
      const commits = page.commits.map(({ commit }) => commit)
      await project({ views: store, load: (stream, range) => history.load(stream, range), folds }, commits)
      cursor = page.cursor
    }
  }
  const catchUp = (): Promise<void> => (isHeldUp ? Promise.resolve() : (catching = catching.then(seeAll)))

  const views: House['views'] = {
    row: async (view, tenant, id, minVersion = 0) => {
      await catchUp()
      const [row] = await store.read(view, tenant, [id])
      return (row?.version ?? 0) < minVersion ? 'behind' : row
    },
    query: async (question) => {
      await catchUp()
      return store.query(question)
    },
    caughtUp: async () => {
      await catchUp()
      return !isHeldUp
    },
  }
  const holdUp = (hold: boolean): void => {
    isHeldUp = hold
  }
  return { views, holdUp }
}

/** Heads as history has them, and as it had them. */
const headsOf = (history: EventStore): Pick<House, 'headOf' | 'knownHead' | 'headAsOf'> => ({
  knownHead: () => undefined,
  headOf: async (tenant, kind, id) =>
    fold(streamName(tenant, kind, id), await history.load(streamName(tenant, kind, id)), digest),
  headAsOf: async (tenant, kind, id, asOf) => {
    const stream = streamName(tenant, kind, id)
    const commits = await history.load(stream)
    const isThen = (commit: Commit) => ('at' in asOf ? commit.at <= asOf.at : lastVersion(commit) <= asOf.version)
    const head = fold(stream, commits.filter(isThen), digest)
    return head.version === 0 || ('version' in asOf && head.version !== asOf.version) ? undefined : head
  },
})

const verify = async (history: EventStore, stream: string | undefined) => {
  const commits = (await Array.fromAsync(history.scan(stream))).flat()
  const streamCount = new Set(commits.map((each) => each.stream)).size
  return { ok: true, streamCount, commitCount: commits.length, failures: [] }
}

/** The write path, with a clock and ids that a test can foretell. */
const openTestWriting = (history: EventStore, views: House['views'], now: () => string) => {
  let idCount = 0
  const newId = (): string => {
    idCount += 1
    return `01TEST${`${idCount}`.padStart(20, '0')}`
  }
  const handle = createHandle({
    store: history,
    cache: new Map<string, Head>(),
    digest,
    backoff: async () => {},
    candidates: async (question) => candidatesAmong(await allBenches(views), question),
  })
  const submit: House['submit'] = ({ idempotencyKey, ...request }) => {
    const { kind, id, type, data } = request
    const commandHash = sha256(canonicalJson({ kind, id, type, data }))
    return handle({ ...request, at: now(), commandId: idempotencyKey ?? newId(), commandHash })
  }
  return { newId, submit }
}

interface Line {
  level: string
  facts: Record<string, unknown>
  message: string
}

const logInto = (lines: Line[]): House['log'] => {
  const log = (level: string) => (facts: object, message: string) =>
    void lines.push({ level, facts: { ...facts }, message })
  return { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') }
}

/** A house in memory without policies or clocks, for what HTTP makes of it: time stands still until `advance`. */
export const openTestHouse = (replace: Partial<House> = {}) => {
  let at = '2030-01-01T12:00:00.000Z'
  const now = (): string => at
  const settings = { leaseMs: 40_000, heartbeatEveryMs: 10_000 }
  const { history, over } = openTestLiveness(openHistory(), now, settings)
  const { views, holdUp } = openTestViews(history)
  const lines: Line[] = []
  const base = { ...openTestWriting(history, views, now), ...headsOf(history), views, log: logInto(lines) }
  const { leases, lossFreeze, sweeper, store: leaseStore } = over(base)
  const house: House = {
    ...base,
    history,
    leases,
    lossFreeze,
    verify: (stream) => verify(history, stream),
    now,
    hash: (value) => sha256(canonicalJson(value)),
    canonicalBytes: (value) => Buffer.byteLength(canonicalJson(value)),
    unready: () => undefined,
    logs: openLogs(),
    artifacts: openArtifacts(),
    limits: { artifactBytesMax: 64 * 1024 * 1024 },
    viewsAdmin: {
      status: async () => ({ items: [], rebuilding: false }),
      rebuild: async () => ({ items: [], rebuilding: true }),
    },
    counters: () => [{ name: 'benchplane_conflicts_total', help: 'Lost races', kind: 'counter', value: 3 }],
    settings,
    ...replace,
  }
  const advance = (ms: number): void => {
    at = plusMs(at, ms)
  }
  /** Commits in history: to see that nothing was appended. */
  const commitCount = async (): Promise<number> => Number(await history.feedEnd())
  return {
    house,
    lines,
    now,
    advance,
    commitCount,
    holdUpViews: holdUp,
    /** One look of the sweeper's. */
    sweep: sweeper.sweep,
    leaseStore,
    tick: (...what: Ticked) => tick(house, ...what),
  }
}

type Ticked = [kind: 'reservation' | 'execution', id: string]

const tick = (house: House, ...[kind, id]: Ticked) => {
  const command = { tenant: 'default', kind, id, type: 'Tick', data: {} }
  return house.submit({ ...command, actor: { kind: 'system', id: 'clock' }, correlationId: 'tick' })
}

const allBenches = async (views: House['views']): Promise<readonly BenchState[]> => {
  const question = { view: 'benches', tenant: 'default', index: 'all_idx', partition: 'benches', limit: 500 }
  return (await views.query(question)).rows.map(({ body }) => body as BenchState)
}

const candidatesAmong = (benches: readonly BenchState[], { query, type }: CandidateQuestion): Candidates => {
  const parsed = parseQuery(query)
  const benchIds: string[] = []
  const excluded: Record<string, string[]> = {}
  for (const bench of benches) {
    if (bench.status === 'absent' || !parsed.ok) continue
    const failing = firstFailing(parsed.query, bench.description.capabilities)
    const isType = type === undefined || bench.description.type === type
    const reason = isType ? failing && printTerm(failing) : 'type'
    if (reason === undefined) benchIds.push(bench.benchId)
    else excluded[reason] = [...(excluded[reason] ?? []), bench.benchId]
  }
  return { benchIds, excluded }
}
