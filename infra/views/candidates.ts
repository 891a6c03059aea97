import { setImmediate as turn } from 'node:timers/promises'
import type { BenchEvent } from '../../domain/bench/events.ts'
import type { BenchState, RegisteredBench } from '../../domain/bench/state.ts'
import { firstFailing, indexKeyOf, parseQuery, printTerm, type Term } from '../../domain/capabilities.ts'
import { type CandidateQuestion, type Candidates, candidateCountMax } from '../../domain/decisions/program.ts'
import { type Commit, lastVersion } from '../../domain/event.ts'
import { fault } from '../../domain/faults.ts'
import { type StreamName, streamName } from '../../domain/ids.ts'
import type { RowChange, ViewQuestion, ViewStore } from '../../domain/ports.ts'

/** So many benches are looked at to say why they were left out. */
const excludedCountMax = 5_000
/** So many different questions are remembered. */
const answerCountMax = 500
const pageLimit = 500

export interface CandidatePorts {
  /** Rejects while they are not whole. */
  views: () => Promise<Pick<ViewStore, 'query'>>
  /** The views have seen all there was when the house was opened. */
  hasCaughtUp: () => boolean
  /** Waits until the views have seen all that is appended by now; false when they have not within their time. */
  caughtUp: () => Promise<boolean>
}

/**
 * Which benches could serve a query, by the benches view. Capabilities change seldom and questions come again and again:
 * an answer stands until a bench is described anew. Whoever described one is answered by what they said: while the view
 * has not seen it, the question waits.
 */
export const openCandidates = ({ views, hasCaughtUp, caughtUp }: CandidatePorts) => {
  const answers = new Map<string, Promise<Candidates>>()
  /** Descriptions on their way into the view: bench stream → version. */
  const underWay = new Map<StreamName, number>()
  return {
    /** Commits were appended. */
    expect: (commits: readonly Commit[]): void => {
      for (const commit of commits)
        if (commit.events.some(({ type }) => describing.has(type))) underWay.set(commit.stream, lastVersion(commit))
    },
    /** `fresh`: as of everything appended by now. Throws `storage-unusable` when the view does not catch up. */
    ask: async (question: CandidateQuestion, fresh: boolean): Promise<Candidates> => {
      const isBehind = underWay.size > 0 || !hasCaughtUp()
      if ((fresh || isBehind) && !(await caughtUp()))
        throw fault('storage-unusable', 'the benches view is behind: try again')
      const key = keyOf(question)
      const known = answers.get(key)
      if (known !== undefined) return known
      const asked = views().then((whole) => candidatesIn(whole, question))
      answers.set(key, asked)
      // What failed is asked again.
      asked.catch(() => answers.delete(key))
      for (const oldest of answers.keys()) if (answers.size > answerCountMax) answers.delete(oldest)
      return asked
    },
    /** After rows were written: forgets what may no longer be so. */
    learn: (changes: readonly RowChange[]): void => {
      if (changes.some(isDescribedAnew)) answers.clear()
      if (underWay.size === 0) return
      for (const { view, tenant, row } of changes) {
        const stream = streamName(tenant, 'bench', row.id)
        if (view === 'benches' && row.version >= (underWay.get(stream) ?? Infinity)) underWay.delete(stream)
      }
    },
    /** The rows of commits are there, whoever has appended and projected them: forgets what may no longer be so. */
    hear: (commits: readonly Commit[]): void => {
      const described = commits.filter(({ events }) => events.some(({ type }) => describing.has(type)))
      if (described.length > 0) answers.clear()
      for (const commit of described)
        if (lastVersion(commit) >= (underWay.get(commit.stream) ?? Infinity)) underWay.delete(commit.stream)
    },
    forget: (): void => answers.clear(),
  }
}

const describing = new Set<string>(['BenchRegistered', 'BenchDescribed'] satisfies BenchEvent['type'][])

const keyOf = ({ tenant, query, type }: CandidateQuestion): string => JSON.stringify([tenant, type ?? null, ...query])

const isDescribedAnew = ({ view, row, previousVersion }: RowChange): boolean =>
  view === 'benches' &&
  previousVersion !== 'older' &&
  (row.body as RegisteredBench).descriptionVersion > previousVersion

const candidatesIn = async (views: Pick<ViewStore, 'query'>, question: CandidateQuestion): Promise<Candidates> => {
  const { tenant, type } = question
  const parsed = parseQuery(question.query)
  const query = parsed.ok ? parsed.query : []
  const benchIds: string[] = []
  for await (const page of benchesIn(views, { tenant, ...narrowed(query, type) })) {
    for (const bench of page) if (reasonAgainst(bench, query, type) === undefined) benchIds.push(bench.benchId)
    if (benchIds.length >= candidateCountMax) break
  }
  const excluded = new Map<string, string[]>()
  let count = 0
  for await (const page of benchesIn(views, { tenant, index: 'all_idx', partition: 'benches' })) {
    for (const bench of page) {
      const reason = reasonAgainst(bench, query, type)
      if (reason !== undefined) excluded.set(reason, added(excluded.get(reason), bench.benchId))
    }
    count += page.length
    if (count >= excludedCountMax) break
  }
  return { benchIds: benchIds.slice(0, candidateCountMax), excluded: Object.fromEntries(excluded) }
}

const added = (ids: string[] = [], id: string): string[] => {
  ids.push(id)
  return ids
}

/** Where all benches are that could do, and as few others as may be. */
const narrowed = (query: readonly Term[], type: string | undefined): { index: string; partition: string } => {
  const best = query.find((term) => term.kind === 'equal') ?? query.find((term) => indexKeyOf(term) !== undefined)
  const key = best === undefined ? undefined : indexKeyOf(best)
  if (key !== undefined) return { index: 'capability_idx', partition: key }
  return type === undefined ? { index: 'all_idx', partition: 'benches' } : { index: 'type_idx', partition: type }
}

/** The type, or the first term that does not hold, as one writes it; undefined for a candidate. */
const reasonAgainst = ({ description }: RegisteredBench, query: readonly Term[], type: string | undefined) => {
  if (type !== undefined && description.type !== type) return 'type'
  const failing = firstFailing(query, description.capabilities)
  return failing === undefined ? undefined : printTerm(failing)
}

/** Pages of benches, in the order of their ids. */
async function* benchesIn(
  views: Pick<ViewStore, 'query'>,
  where: Pick<ViewQuestion, 'tenant' | 'index' | 'partition'>,
): AsyncGenerator<readonly RegisteredBench[]> {
  let cursor: string | undefined
  do {
    const given: ViewQuestion = { view: 'benches', ...where, limit: pageLimit }
    const page = await views.query(cursor === undefined ? given : { ...given, cursor })
    yield page.rows.flatMap(({ body }) =>
      (body as BenchState).status === 'registered' ? [body as RegisteredBench] : [],
    )
    cursor = page.nextCursor
    // Others get their turn between two pages.
    if (cursor !== undefined) await turn()
  } while (cursor !== undefined)
}
