/** Who waits for something to claim, by bench; and which benches what has just happened makes worth another look. */
import type { Commit } from '../../domain/event.ts'
import { partsOf } from '../../domain/ids.ts'
import type { ReservationState } from '../../domain/reservation/state.ts'
import type { ExecutionBody } from '../../projections/executions.ts'
import { type Bell, createBell } from './bell.ts'
import type { House } from './house.ts'
import type { Tail } from './tail.ts'

export interface Wakeups {
  /** From when this resolves, whatever could give these benches something to claim rings the bell. */
  enter(tenant: string, benchIds: readonly string[]): Promise<{ bell: Bell; leave: () => void }>
  waitingCount(): number
}

/** What can make a task claimable, by the kind of stream it happens on. */
const benchEvents: ReadonlySet<string> = new Set(['BenchMaintenanceEnded', 'BenchReturnedToService', 'BenchVacated'])
const executionEvents: ReadonlySet<string> = new Set([
  'ExecutionSubmitted',
  'ExecutionCancelRequested',
  'TaskRetryScheduled',
  'TaskSkipped',
  'AttemptPassed',
  'AttemptFailed',
  'AttemptTimedOut',
  'AttemptCancelled',
  'AttemptLost',
])
const reservationEvents: ReadonlySet<string> = new Set(['ReservationActivated', 'ReservationAmended'])

const isRelevant = ({ stream, events }: Commit): boolean => {
  const { kind } = partsOf(stream)
  const types = { bench: benchEvents, execution: executionEvents, reservation: reservationEvents }[kind as string]
  return types !== undefined && events.some(({ type }) => types.has(type))
}

export const createWakeups = (house: House, tail: Tail): Wakeups => {
  const bells = new Map<string, Set<Bell>>()
  let waitingCount = 0
  let heard: Commit[] = []
  let isTelling = false
  let listening: Promise<() => void> | undefined

  /** The views must have seen what the woken are to find. */
  const tell = async (): Promise<void> => {
    while (heard.length > 0 && waitingCount > 0) {
      const commits = heard
      heard = []
      const isSeen = await house.views.caughtUp()
      const places = isSeen ? await Promise.all(commits.map((commit) => placesOf(house, commit))) : [undefined]
      for (const place of places.includes(undefined) ? bells.keys() : new Set(places.flatMap((each) => each ?? [])))
        for (const bell of bells.get(place) ?? []) bell.ring()
    }
  }

  const onCommits = (commits: readonly { commit: Commit }[]): void => {
    if (waitingCount === 0) return
    heard.push(...commits.map(({ commit }) => commit).filter(isRelevant))
    if (isTelling || heard.length === 0) return
    isTelling = true
    void tell()
      .catch((error: unknown) => {
        house.log.error({ err: error, count: heard.length }, 'waiting claims could not be told what happened')
        for (const all of bells.values()) for (const bell of all) bell.ring()
      })
      .finally(() => {
        isTelling = false
      })
  }

  const leave = (bell: Bell, places: readonly string[]): void => {
    for (const place of places) {
      bells.get(place)?.delete(bell)
      if (bells.get(place)?.size === 0) bells.delete(place)
    }
    waitingCount -= 1
    if (waitingCount > 0) return
    void listening?.then((stop) => stop())
    listening = undefined
    heard = []
  }

  return {
    enter: async (tenant, benchIds) => {
      const bell = createBell()
      const places = benchIds.map((benchId) => `${tenant}/${benchId}`)
      for (const place of places) bells.set(place, (bells.get(place) ?? new Set()).add(bell))
      waitingCount += 1
      listening ??= tail.listen((commits) => onCommits(commits))
      try {
        await listening
      } catch (error) {
        leave(bell, places)
        throw error
      }
      return { bell, leave: () => leave(bell, places) }
    },
    waitingCount: () => waitingCount,
  }
}

/** `{tenant}/{benchId}` of each bench that a commit concerns; undefined when that is not known: everybody looks. */
const placesOf = async (house: House, { stream, events }: Commit): Promise<readonly string[] | undefined> => {
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
  const state = kind === 'execution' ? (row.body as ExecutionBody).state : (row.body as ReservationState)
  return state.status === 'absent' ? undefined : state.benchIds
}
