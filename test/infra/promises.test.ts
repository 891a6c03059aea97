import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Interval, RegisteredBench } from '../../domain/bench/state.ts'
import type { Execution } from '../../domain/execution/state.ts'
import { isLive, type Reservation } from '../../domain/reservation/state.ts'
import { act, anyCommand, benches, drained, executions, furnish, reservations } from './commands.ts'
import { numbers, openHouses, openTime, story, type Voiced } from './house.ts'

const { open } = openHouses()

/** A lab when everything has settled, straight from history. */
const labOf = async ({ services }: Voiced) => {
  const states = new Map<string, unknown>()
  const look = async (kind: 'bench' | 'reservation' | 'execution', ids: readonly string[]): Promise<void> => {
    for (const id of ids) {
      const { state, version } = await services.headOf('default', kind, id)
      if (version > 0) states.set(`${kind}/${id}`, state)
    }
  }
  await look('bench', benches)
  await look('reservation', reservations)
  await look('execution', executions)
  return {
    now: services.now(),
    bench: (id: string) => states.get(`bench/${id}`) as RegisteredBench,
    reservation: (id: string) => states.get(`reservation/${id}`) as Reservation | undefined,
    execution: (id: string) => states.get(`execution/${id}`) as Execution | undefined,
  }
}
type Lab = Awaited<ReturnType<typeof labOf>>

const held = (lab: Lab, benchId: string): readonly Interval[] =>
  lab.bench(benchId).intervals.filter((interval) => interval.over !== true)

/** 1: no two held intervals of a bench intersect; and each is its reservation's window. */
const benchProblems = (lab: Lab, benchId: string): string[] => {
  const { intervals, occupant } = lab.bench(benchId)
  const overlaps = intervals.filter((one, index) => one.heldFrom < (intervals[index - 1]?.heldUntil ?? ''))
  const strays = held(lab, benchId).filter(({ reservationId, start, end }) => {
    const reservation = lab.reservation(reservationId)
    return reservation === undefined || !isLive(reservation) || reservation.start !== start || reservation.end !== end
  })
  const isHaunted = occupant !== null && lab.execution(occupant.executionId)?.status === 'finished'
  return [
    ...overlaps.map(({ reservationId }) => `${reservationId} overlaps on ${benchId}`),
    ...strays.map(({ reservationId }) => `${benchId} is held for ${reservationId}, which is over, or elsewhere`),
    ...(isHaunted ? [`${benchId} is occupied by what has finished`] : []),
  ]
}

/** 5: all benches of a gang are held or none; and no reservation is behind its time. */
const reservationProblems = (lab: Lab, id: string): string[] => {
  const reservation = lab.reservation(id)
  if (reservation === undefined || !isLive(reservation)) return []
  const { status, start, end, benchIds } = reservation
  const without = benchIds.filter((benchId) => !held(lab, benchId).some(({ reservationId }) => reservationId === id))
  const isBlocked = benchIds.some((benchId) => (lab.bench(benchId).occupant?.reservationId ?? id) !== id)
  const isLate = status !== 'active' && start <= lab.now && !isBlocked
  return [
    ...without.map((benchId) => `${id} is ${status}, but does not hold ${benchId}`),
    ...(isLate ? [`${id} is ${status}, but was to start at ${start}`] : []),
    ...(end <= lab.now ? [`${id} is ${status}, but was to end at ${end}`] : []),
  ]
}

const executionProblems = (lab: Lab, id: string): string[] => {
  const execution = lab.execution(id)
  const reservation = execution && lab.reservation(execution.reservationId)
  const isOrphan = execution !== undefined && execution.status !== 'finished' && !(reservation && isLive(reservation))
  return isOrphan ? [`${id} is ${execution.status} under a reservation that is over`] : []
}

/** Nobody waits for what is free: the policies have pulled forward all that could be. */
const queueProblems = async ({ send }: Voiced, lab: Lab, id: string): Promise<string[]> => {
  if (lab.reservation(id)?.status !== 'queued') return []
  const outcome = await send('reservation', id, 'PullForward')
  return outcome.kind === 'done' && outcome.commits.length > 0 ? [`${id} waits for what is free`] : []
}

const problemsIn = async (all: Voiced): Promise<string[]> => {
  const lab = await labOf(all)
  const found = [
    ...benches.flatMap((id) => benchProblems(lab, id)),
    ...reservations.flatMap((id) => reservationProblems(lab, id)),
    ...executions.flatMap((id) => executionProblems(lab, id)),
  ]
  for (const id of reservations) found.push(...(await queueProblems(all, lab, id)))
  for (const [name, value] of Object.entries(numbers(all.house)))
    if (/failures|outages|dead/.test(name) && value > 0) found.push(`${name} ${value}`)
  return found
}

const title = 'whatever was commanded, in the end every promise is kept, and nobody waits for what is free'
test(title, { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyCommand, { minLength: 5, maxLength: 40 }), async (commands) => {
      const time = openTime()
      const all = await open({ store: 'memory', now: time.now })
      await furnish(all)
      for (const command of commands) {
        await act(all, time, command)
        if (command.kind === 'pass') await drained(all)
      }
      await drained(all)
      const problems = await problemsIn(all)
      expect(problems, (await story(all.services.history)).join('\n')).toEqual([])
      await all.house.close()
    }),
    { numRuns: 300, plugins: [fc.interruptAfterTimeLimit(30_000)] },
  )
})
