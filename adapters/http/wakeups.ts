/** Who waits for something to claim, by bench; and which benches what has just happened makes worth another look. */
import type { Commit } from '../../domain/event.ts'
import { partsOf } from '../../domain/ids.ts'
import type { ReservationState } from '../../domain/reservation/state.ts'
import type { ExecutionRow } from '../../projections/executions.ts'
import { type Bell, createBell } from './bell.ts'
import type { House } from './house.ts'
import type { Tail } from './tail.ts'

export interface Wakeups {
  /** From when this resolves, whatever could give these benches something to claim rings the bell. */
  enter: (tenant: string, benchIds: readonly string[]) => Promise<{ bell: Bell; leave: () => void }>
  waitingCount: () => number
}

/** What can make a task claimable, by the kind of stream it happens on. */
const awaited: Readonly<Record<string, ReadonlySet<string>>> = {
  bench: new Set(['BenchMaintenanceEnded', 'BenchReturnedToService', 'BenchVacated']),
  reservation: new Set(['ReservationActivated', 'ReservationAmended']),
  execution: new Set([
    'ExecutionSubmitted',
    'ExecutionMoved',
    'ExecutionRedriven',
    'ExecutionCancelRequested',
    'TaskRetryScheduled',
    'TaskSkipped',
    'AttemptPassed',
    'AttemptFailed',
    'AttemptTimedOut',
    'AttemptCancelled',
    'AttemptLost',
  ]),
}

const isAwaited = ({ stream, events }: Commit): boolean => {
  const types = awaited[partsOf(stream).kind]
  return types !== undefined && events.some(({ type }) => types.has(type))
}

interface State {
  /** Who waits at `{tenant}/{benchId}`. */
  bells: Map<string, Set<Bell>>
  waitingCount: number
  /** What is still to be told. */
  heard: Commit[]
  isTelling: boolean
  listening: Promise<() => void> | undefined
}

export const createWakeups = (house: House, tail: Tail): Wakeups => {
  const state: State = { bells: new Map(), waitingCount: 0, heard: [], isTelling: false, listening: undefined }
  return {
    enter: async (tenant, benchIds) => {
      const bell = createBell()
      const places = benchIds.map((benchId) => `${tenant}/${benchId}`)
      for (const place of places) state.bells.set(place, (state.bells.get(place) ?? new Set()).add(bell))
      state.waitingCount += 1
      state.listening ??= tail.listen((commits) => onCommits(house, state, commits))
      try {
        await state.listening
      } catch (error) {
        leave(state, bell, places)
        throw error
      }
      return { bell, leave: () => leave(state, bell, places) }
    },
    waitingCount: () => state.waitingCount,
  }
}

const leave = (state: State, bell: Bell, places: readonly string[]): void => {
  for (const place of places) {
    state.bells.get(place)?.delete(bell)
    if (state.bells.get(place)?.size === 0) state.bells.delete(place)
  }
  state.waitingCount -= 1
  if (state.waitingCount > 0) return
  // A listening that could not begin has been told to who waited.
  state.listening?.then(
    (stop) => stop(),
    () => {},
  )
  state.listening = undefined
  state.heard = []
}

const onCommits = (house: House, state: State, commits: readonly { commit: Commit }[]): void => {
  state.heard.push(...commits.map(({ commit }) => commit).filter(isAwaited))
  if (state.isTelling || state.heard.length === 0) return
  state.isTelling = true
  void tell(house, state).finally(() => {
    state.isTelling = false
  })
}

/** The views must have seen what the woken are to find. When that can't be known, everybody looks. */
const tell = async (house: House, state: State): Promise<void> => {
  while (state.heard.length > 0) {
    const commits = state.heard
    state.heard = []
    const places = await placesOf(house, commits).catch((error: unknown) => {
      house.log.error(
        { err: error, count: commits.length },
        'what has happened could not be looked up: all claims look',
      )
      return undefined
    })
    for (const place of places ?? state.bells.keys()) for (const bell of state.bells.get(place) ?? []) bell.ring()
  }
}

/** `{tenant}/{benchId}` of each bench that the commits concern; undefined when that is not known. */
const placesOf = async (house: House, commits: readonly Commit[]): Promise<ReadonlySet<string> | undefined> => {
  if (!(await house.views.caughtUp())) return undefined
  const places = await Promise.all(commits.map((commit) => placesIn(house, commit)))
  return places.includes(undefined) ? undefined : new Set(places.flatMap((each) => each ?? []))
}

const placesIn = async (house: House, { stream, events }: Commit): Promise<readonly string[] | undefined> => {
  const { tenant, kind, id } = partsOf(stream)
  if (kind === 'bench') return [`${tenant}/${id}`]
  const [first] = events
  const submitted = first?.type === 'ExecutionSubmitted' ? (first.data as { benchIds: readonly string[] }) : undefined
  const benchIds = submitted?.benchIds ?? (await benchIdsOf(house, tenant, kind, id))
  return benchIds?.map((benchId) => `${tenant}/${benchId}`)
}

const benchIdsOf = async (
  house: House,
  tenant: string,
  kind: string,
  id: string,
): Promise<readonly string[] | undefined> => {
  const row = await house.views.row(kind === 'execution' ? 'executions' : 'reservations', tenant, id)
  if (row === undefined || row === 'behind') return undefined
  const state = row.body as ExecutionRow | ReservationState
  return state.status === 'absent' ? undefined : state.benchIds
}
