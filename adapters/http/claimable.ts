/**
 * What a worker's session could start now, as the views have it: a page or two of an index per bench, however many
 * executions and tasks wait there.
 */
import type { BenchState } from '../../domain/bench/state.ts'
import type { ViewQuestion, ViewRow } from '../../domain/ports.ts'
import type { ReservationState } from '../../domain/reservation/state.ts'
import { claimableRange, laterRetries, readyAfter, type SortRange, type TaskRow } from '../../projections/tasks.ts'
import type { House } from './house.ts'

export interface Session {
  tenant: string
  workerId: string
  epoch: number
  benchIds: readonly string[]
}

export interface Candidate {
  executionId: string
  taskName: string
  benchId: string
  task: TaskRow
  /** Of the execution, when its task came to be so. */
  version: number
}

/**
 * The candidates, read as far as they are asked for: the oldest execution's first, its tasks in the order of the plan.
 * `isHopeless` is what the caller has learnt on the way: such candidates are passed over, an execution at a stride.
 */
export type Candidates = (isHopeless: (candidate: Candidate) => boolean) => AsyncGenerator<Candidate, void>

export interface Places {
  candidates: Candidates
  /** When the next task could be claimed that can't yet; undefined: not by itself. */
  nextAt: () => Promise<string | undefined>
}

/** By the heads that this process remembers, which may be behind: whoever finds nothing by them looks again. */
export interface Search extends Places {
  /** By history itself; undefined when that says the same. */
  again: () => Promise<Places | undefined>
}

/** Mostly the first candidate is had; who races with many others for one bench looks further. */
const firstPageLimit = 3
const pageLimit = 20
/** Pages of one bench in one search: a page passes over an execution at least, or has twenty candidates (the first has three). */
const pageCountMax = 200

export const search = async (house: House, session: Session): Promise<Search> => {
  const now = house.now()
  const remembered: HeadOf = async (...asked) => house.knownHead(...asked) ?? house.headOf(...asked)
  const places = await placesOf(session, now, remembered)
  return {
    ...searchAt(house, places, now),
    again: async () => {
      const truly = await placesOf(session, now, (...asked) => house.headOf(...asked))
      return JSON.stringify(truly) === JSON.stringify(places) ? undefined : searchAt(house, truly, now)
    },
  }
}

const searchAt = (house: House, places: readonly Place[], now: string): Places => ({
  candidates: (isHopeless) => candidatesAt(house, places, now, isHopeless),
  nextAt: async () => {
    const next = await Promise.all(places.map((place) => nextRetry(house, place, now)))
    return next.filter((at) => at !== undefined).sort()[0]
  },
})

/** A bench, and the reservation that it is active for: only its executions can be claimed from. */
interface Place {
  tenant: string
  benchId: string
  reservationId: string
  /** The execution that is on the bench: until it leaves, no other comes. */
  occupant: string | undefined
}

type HeadOf = House['headOf']

const placesOf = async ({ tenant, benchIds }: Session, now: string, headOf: HeadOf): Promise<readonly Place[]> =>
  (await Promise.all(benchIds.map((benchId) => placesOn(headOf, tenant, benchId, now)))).flat()

/** The bench and its reservations are heads in this process: who has just been vacated is not taken to be occupied still. */
const placesOn = async (headOf: HeadOf, tenant: string, benchId: string, now: string): Promise<readonly Place[]> => {
  const bench = (await headOf(tenant, 'bench', benchId)).state as BenchState
  if (bench.status === 'absent') return []
  const occupant = bench.occupant?.executionId
  const begun = bench.intervals.filter(({ start, over }) => start <= now && over !== true)
  const places = begun.map(async ({ reservationId }) => {
    const reservation = (await headOf(tenant, 'reservation', reservationId)).state as ReservationState
    return reservation.status === 'active' ? [{ tenant, benchId, reservationId, occupant }] : []
  })
  return (await Promise.all(places)).flat()
}

const questionAt = ({ tenant, benchId }: Place, range: SortRange, limit: number): ViewQuestion => ({
  view: 'tasks',
  tenant,
  index: 'claimable_idx',
  partition: benchId,
  ...range,
  limit,
})

const candidateOf = ({ benchId }: Place, { body, version }: ViewRow): Candidate => {
  const task = body as TaskRow
  return { executionId: task.executionId, taskName: task.name, benchId, task, version }
}

const isElsewhere = ({ occupant }: Place, { executionId }: Candidate): boolean =>
  occupant !== undefined && occupant !== executionId

const nextRetry = async (house: House, place: Place, now: string): Promise<string | undefined> => {
  const { rows } = await house.views.query(questionAt(place, laterRetries(place.reservationId, now), pageLimit))
  return rows.map((row) => candidateOf(place, row)).find((candidate) => !isElsewhere(place, candidate))?.task.retryAt
}

/** A range of one bench's index that is read page by page. */
interface Source {
  place: Place
  /** Absent at its end. */
  next: ViewQuestion | undefined
}

async function* candidatesAt(
  house: House,
  places: readonly Place[],
  now: string,
  isHopeless: (candidate: Candidate) => boolean,
): AsyncGenerator<Candidate, void> {
  const sources: Source[] = places.map((place) => ({
    place,
    next: questionAt(place, claimableRange(place.reservationId, now), firstPageLimit),
  }))
  const isPassedOver = (place: Place, candidate: Candidate): boolean =>
    isElsewhere(place, candidate) || isHopeless(candidate)
  for (let pages = 0; pages < pageCountMax && sources.some(({ next }) => next !== undefined); pages++) {
    const read = await Promise.all(sources.map((source) => pageOf(house, source)))
    const found = read.flatMap(({ place, candidates }) => candidates.map((candidate) => ({ place, candidate })))
    for (const { place, candidate } of found.sort((a, b) => order(a.candidate.task, b.candidate.task)))
      if (!isPassedOver(place, candidate)) yield candidate
    for (const { source, place, candidates } of read) {
      const last = candidates.at(-1)
      if (source.next !== undefined && last !== undefined && isPassedOver(place, last))
        source.next = strideFrom(source.next, last)
    }
  }
}

/** The source's next page; it goes on after it. */
const pageOf = async (house: House, source: Source) => {
  const { place, next } = source
  if (next === undefined) return { source, place, candidates: [] }
  const { rows, nextCursor } = await house.views.query(next)
  source.next = nextCursor === undefined ? undefined : { ...next, limit: pageLimit, cursor: nextCursor }
  return { source, place, candidates: rows.map((row) => candidateOf(place, row)) }
}

/** Past everything that its execution has ready; what waits for retries is in no such order. */
const strideFrom = (question: ViewQuestion, { task }: Candidate): ViewQuestion => {
  if (task.status !== 'ready') return question
  const { cursor: _, ...anew } = question
  return { ...anew, limit: pageLimit, from: readyAfter(task) }
}

const order = (a: TaskRow, b: TaskRow): number =>
  compare(a.submittedAt, b.submittedAt) || compare(a.executionId, b.executionId) || a.place - b.place

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
