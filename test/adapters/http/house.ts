import { canonicalJson, sha256 } from '../../../adapters/chain.ts'
import type { House } from '../../../adapters/http/house.ts'
import { openHistory } from '../../../adapters/memory/history.ts'
import { openLeases } from '../../../adapters/memory/leases.ts'
import { openLogs } from '../../../adapters/memory/logs.ts'
import { openViews } from '../../../adapters/memory/views.ts'
import type { BenchState } from '../../../domain/bench/state.ts'
import { firstFailing, parseQuery, printTerm } from '../../../domain/capabilities.ts'
import type { CandidateQuestion, Candidates } from '../../../domain/decisions/program.ts'
import { lastVersion } from '../../../domain/event.ts'
import { createHandle } from '../../../domain/handle.ts'
import { fold, type Head } from '../../../domain/head.ts'
import { plusMs, streamName } from '../../../domain/ids.ts'
import type { EventStore } from '../../../domain/ports.ts'
import { project } from '../../../projections/project.ts'

const digest = (text: string): string => sha256(text).slice(0, 16)

/**
 * A house in memory without policies or clocks, for what HTTP makes of it: time stands still until `advance`, the views
 * have seen everything unless they are held up.
 */
export const openTestHouse = (replace: Partial<House> = {}) => {
  const history: EventStore = openHistory()
  const views = openViews()
  const heads = new Map<string, Head>()
  const lines: { level: string; facts: Record<string, unknown>; message: string }[] = []
  let at = '2030-01-01T12:00:00.000Z'
  let idCount = 0
  let cursor: string | undefined
  let isHeldUp = false
  let catching = Promise.resolve()

  const catchUp = (): Promise<void> => {
    if (isHeldUp) return Promise.resolve()
    catching = catching.then(async () => {
      for (;;) {
        const page = await history.feed(cursor, 1_000)
        if (page.commits.length === 0) return
        const commits = page.commits.map(({ commit }) => commit)
        await project({ views, load: (stream, range) => history.load(stream, range) }, commits)
        cursor = page.cursor
      }
    })
    return catching
  }

  const newId = (): string => {
    idCount += 1
    return `01TEST${`${idCount}`.padStart(20, '0')}`
  }
  const now = (): string => at
  const log = (level: string) => (facts: object, message: string) =>
    void lines.push({ level, facts: { ...facts }, message })
  const handle = createHandle({
    store: history,
    cache: heads,
    digest,
    backoff: async () => {},
    candidates: async (question) => {
      await catchUp()
      return candidatesAmong(await allBenches(views), question)
    },
  })

  const headOf: House['headOf'] = async (tenant, kind, id) =>
    fold(streamName(tenant, kind, id), await history.load(streamName(tenant, kind, id)), digest)

  const house: House = {
    submit: ({ idempotencyKey, ...request }) => {
      const { kind, id, type, data } = request
      const commandHash = sha256(canonicalJson({ kind, id, type, data }))
      return handle({ ...request, at, commandId: idempotencyKey ?? newId(), commandHash })
    },
    history,
    views: {
      row: async (view, tenant, id, minVersion = 0) => {
        await catchUp()
        const [row] = await views.read(view, tenant, [id])
        return (row?.version ?? 0) < minVersion ? 'behind' : row
      },
      query: async (question) => {
        await catchUp()
        return views.query(question)
      },
      caughtUp: async () => {
        await catchUp()
        return !isHeldUp
      },
    },
    leases: openLeases(),
    headOf,
    headAsOf: async (tenant, kind, id, asOf) => {
      const stream = streamName(tenant, kind, id)
      const commits = await history.load(stream)
      const until = commits.filter((commit) =>
        'at' in asOf ? commit.at <= asOf.at : lastVersion(commit) <= asOf.version,
      )
      const head = fold(stream, until, digest)
      return head.version === 0 || ('version' in asOf && head.version !== asOf.version) ? undefined : head
    },
    verify: async (stream) => {
      const pages = await Array.fromAsync(history.scan(stream))
      const commits = pages.flat()
      return {
        ok: true,
        streamCount: new Set(commits.map((each) => each.stream)).size,
        commitCount: commits.length,
        failures: [],
      }
    },
    now,
    newId,
    hash: (value) => sha256(canonicalJson(value)),
    canonicalBytes: (value) => Buffer.byteLength(canonicalJson(value)),
    unready: () => undefined,
    logs: openLogs(),
    viewsAdmin: {
      status: async () => ({ items: [], rebuilding: false }),
      rebuild: async () => ({ items: [], rebuilding: true }),
    },
    counters: () => [{ name: 'benchplane_conflicts_total', help: 'Lost races', kind: 'counter', value: 3 }],
    log: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
    settings: { leaseMs: 40_000, heartbeatEveryMs: 10_000 },
    ...replace,
  }

  return {
    house,
    /** What was logged. */
    lines,
    now,
    advance: (ms: number): void => {
      at = plusMs(at, ms)
    },
    /** The views see nothing more until they are let. */
    holdUpViews: (hold: boolean): void => {
      isHeldUp = hold
    },
    /** Commits in history: to see that nothing was appended. */
    commitCount: async (): Promise<number> => Number(await history.feedEnd()),
    tick: (kind: 'reservation' | 'execution', id: string) =>
      house.submit({
        tenant: 'default',
        kind,
        id,
        type: 'Tick',
        data: {},
        actor: { kind: 'system', id: 'clock' },
        correlationId: 'tick',
      }),
  }
}

const allBenches = async (views: ReturnType<typeof openViews>): Promise<readonly BenchState[]> => {
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
