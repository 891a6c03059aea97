import { setImmediate as turn } from 'node:timers/promises'
import type { BenchState, RegisteredBench } from '../domain/bench/state.ts'
import { firstFailing, indexKeyOf, parseQuery, printTerm, type Term } from '../domain/capabilities.ts'
import { type CandidateQuestion, type Candidates, candidateCountMax } from '../domain/decisions/program.ts'
import { fault } from '../domain/faults.ts'
import type { RowChange, ViewQuestion, ViewStore } from '../domain/ports.ts'

/** So many benches are looked at to say why they were left out. */
const excludedCountMax = 5_000
/** So many different questions are remembered. */
const answerCountMax = 500
const pageLimit = 500

/**
 * Which benches could serve a query, by the benches view. Capabilities change seldom and questions come again and again:
 * an answer stands until a bench of the tenant is described anew.
 */
export const openCandidates = (views: () => Pick<ViewStore, 'query'>, caughtUp: () => Promise<boolean>) => {
  const answers = new Map<string, Promise<Candidates>>()
  return {
    /** `fresh`: as of everything appended by now. Throws `storage-unusable` when the view does not catch up. */
    ask: async (question: CandidateQuestion, fresh: boolean): Promise<Candidates> => {
      if (fresh && !(await caughtUp())) throw fault('storage-unusable', 'the benches view is behind: try again')
      const key = keyOf(question)
      const known = answers.get(key)
      if (known !== undefined) return known
      const asked = candidatesIn(views(), question)
      answers.set(key, asked)
      // What failed is asked again.
      asked.catch(() => answers.delete(key))
      for (const oldest of answers.keys()) if (answers.size > answerCountMax) answers.delete(oldest)
      return asked
    },
    /** After rows were written: forgets what may no longer be so. */
    learn: (changes: readonly RowChange[]): void => {
      if (changes.some(isDescribedAnew)) answers.clear()
    },
    forget: (): void => answers.clear(),
  }
}

const keyOf = ({ tenant, query, type }: CandidateQuestion): string => JSON.stringify([tenant, type ?? null, ...query])

const isDescribedAnew = ({ view, row, previousVersion }: RowChange): boolean =>
  view === 'benches' && (row.body as RegisteredBench).descriptionVersion > previousVersion

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
