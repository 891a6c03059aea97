/** History told again commit by commit, in the order in which it was written, and held to the invariants at every moment. */
import type { Interval, RegisteredBench } from '../../domain/bench/state.ts'
import { type Commit, eventsOf, lastVersion } from '../../domain/event.ts'
import type { Execution } from '../../domain/execution/state.ts'
import { partsOf, type StreamName, withoutTenant } from '../../domain/ids.ts'
import type { EventStore } from '../../domain/ports.ts'
import { kindOf } from '../../domain/registry.ts'
import { isLive, type Reservation } from '../../domain/reservation/state.ts'
import type { Worker } from '../../domain/worker/state.ts'

interface Retelling {
  states: Map<StreamName, unknown>
  versions: Map<StreamName, number>
  problems: string[]
}

const stateOf = <State>({ states }: Retelling, kind: string, id: string): State | undefined =>
  states.get(`default/${kind}/${id}`) as State | undefined

/** 1: no two intervals that are held intersect, buffers included. */
const overlaps = ({ intervals }: RegisteredBench, at: string): string[] => {
  const held = intervals.filter(({ over, heldUntil }) => over !== true || heldUntil > at)
  return held.flatMap((one, index) => {
    const before = held[index - 1]
    const isFree = before === undefined || before.heldUntil <= one.heldFrom
    return isFree ? [] : [`1: ${one.reservationId} and ${before.reservationId} hold the bench at once`]
  })
}

interface Started {
  taskName: string
  workerId: string
  epoch: number
  benchId: string
}

/** 2: what held at the moment at which an attempt started. */
const wrongStart = (
  told: Retelling,
  executionId: string,
  { taskName, workerId, epoch, benchId }: Started,
  at: string,
): string[] => {
  const execution = stateOf<Execution>(told, 'execution', executionId)
  const reservation = stateOf<Reservation>(told, 'reservation', execution?.reservationId ?? '')
  const bench = stateOf<RegisteredBench>(told, 'bench', benchId)
  const worker = stateOf<Worker>(told, 'worker', workerId)
  const task = execution?.tasks.find(({ name }) => name === taskName)
  const own = bench?.intervals.find((held) => held.reservationId === execution?.reservationId && held.over !== true)
  const isServed = bench?.session?.workerId === workerId && bench.session.epoch === epoch
  const rules = {
    'its reservation is active': reservation?.status === 'active',
    'its reservation covers now': covers(own, at),
    'after the end only what always runs': at < (reservation?.end ?? '') || task?.runs === 'always',
    'its bench is in service': bench?.serviceability === 'in-service',
    'its bench is connected': bench?.connectivity === 'online' || bench?.connectivity === 'suspected',
    'its bench is served by that session': isServed,
    'that session is its worker’s': worker?.session?.epoch === epoch,
    'its execution occupies the bench': bench?.occupant?.executionId === executionId,
  }
  return Object.entries(rules).flatMap(([rule, holds]) => (holds ? [] : [`2: ${taskName} started, but not: ${rule}`]))
}

const covers = (own: Interval | undefined, at: string): boolean => own !== undefined && own.start <= at && at < own.end

/** 3: one attempt of a task runs, the last. */
const twins = ({ tasks }: Execution): string[] =>
  tasks.flatMap(({ name, attempts }) => {
    const running = attempts.filter(({ status }) => status === 'started')
    const isAlone = running.length === 0 || (running.length === 1 && attempts.at(-1)?.status === 'started')
    return isAlone ? [] : [`3: ${running.length} attempts of ${name} run`]
  })

/** 5: what lives holds all its benches, what is over none. */
const halfGangs = (told: Retelling, id: string, reservation: Reservation): string[] => {
  const wanted = isLive(reservation) ? reservation.benchIds.length : 0
  const held = [...told.states].filter(
    ([stream, state]) =>
      partsOf(stream).kind === 'bench' &&
      (state as RegisteredBench).intervals.some((one) => one.reservationId === id && one.over !== true),
  )
  return held.length === wanted ? [] : [`5: it is ${reservation.status}, and holds ${held.length} of ${wanted} benches`]
}

const fold = (told: Retelling, commit: Commit): void => {
  const { stream, version } = commit
  const { decider } = kindOf(partsOf(stream).kind)
  const expected = (told.versions.get(stream) ?? 0) + 1
  if (version !== expected) told.problems.push(`6: ${stream} goes on with ${version} instead of ${expected}`)
  told.versions.set(stream, lastVersion(commit))
  for (const event of eventsOf(commit)) {
    const before = told.states.get(stream) ?? decider.initial
    const occupant = (before as Partial<RegisteredBench>).occupant
    if (event.type === 'BenchOccupied' && occupant !== null)
      told.problems.push(`3: ${stream} is occupied, and ${JSON.stringify(occupant)} has not left`)
    told.states.set(stream, decider.evolve(before, event))
  }
}

const judge = (told: Retelling, commit: Commit): string[] => {
  const { kind, id } = partsOf(commit.stream)
  const state = told.states.get(commit.stream)
  switch (kind) {
    case 'bench':
      return overlaps(state as RegisteredBench, commit.at)
    case 'reservation':
      return halfGangs(told, id, state as Reservation)
    case 'execution':
      return [
        ...twins(state as Execution),
        ...commit.events.flatMap(({ type, data }) =>
          type === 'AttemptStarted' ? wrongStart(told, id, data as Started, commit.at) : [],
        ),
      ]
    default:
      return []
  }
}

/** Appended together, they are judged together. */
const sameAppend = (one: Commit | undefined, other: Commit): boolean =>
  one?.siblings?.includes(`${withoutTenant(other.stream)}@${other.version}`) === true

/** Everything that was ever wrong; empty when nothing was. */
export const problemsOfHistory = async (history: Pick<EventStore, 'feed'>): Promise<string[]> => {
  const told: Retelling = { states: new Map(), versions: new Map(), problems: [] }
  let together: Commit[] = []
  const judgeAll = (): void => {
    for (const commit of together)
      told.problems.push(...judge(told, commit).map((problem) => `${commit.stream}@${commit.version}: ${problem}`))
    together = []
  }
  for (let cursor: string | undefined; ; ) {
    const page = await history.feed(cursor, 500)
    for (const { commit } of page.commits) {
      if (!sameAppend(together[0], commit)) judgeAll()
      fold(told, commit)
      together.push(commit)
    }
    if (page.commits.length === 0) break
    cursor = page.cursor
  }
  judgeAll()
  return told.problems
}
