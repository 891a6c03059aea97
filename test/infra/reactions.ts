/** A lab with time, a worker and one bench more than it needs, for telling what policies do by themselves. */
import { expect } from 'vitest'
import type { RegisteredBench } from '../../domain/bench/state.ts'
import type { Execution } from '../../domain/execution/state.ts'
import type { ViewQuestion, ViewRow } from '../../domain/ports.ts'
import type { Reservation } from '../../domain/reservation/state.ts'
import { reactionsTo } from '../../projections/react.ts'
import { drained } from './commands.ts'
import { openTime, story, type Voiced } from './house.ts'

export const session = { workerId: 'w1', epoch: 1 }

export const openLab = async (open: (now: () => string) => Promise<Voiced>) => {
  const time = openTime()
  const all = await open(time.now)
  const { bench, done, services } = all
  for (const benchId of ['b1', 'b2']) await bench(benchId, { capabilities: ['can'] })
  await done('worker', 'w1', 'EnrolWorker')
  await done('worker', 'w1', 'OpenSession', { benches: ['b1', 'b2'], agentVersion: '1' })
  const stateOf = async <State>(kind: 'bench' | 'reservation' | 'execution', id: string): Promise<State> =>
    (await services.headOf('default', kind, id)).state as State
  const settle = () => drained(all)
  return {
    ...all,
    time,
    settle,
    /** Lets time pass, and everything that comes of it happen. */
    pass: async (minutes: number): Promise<void> => {
      await settle()
      time.pass(minutes)
      all.house.wakeClock()
      await settle()
    },
    benchNow: (id: string) => stateOf<RegisteredBench>('bench', id),
    reservation: (id: string) => stateOf<Reservation>('reservation', id),
    execution: (id: string) => stateOf<Execution>('execution', id),
    submit: (id: string, reservationId: string, tasks: readonly object[], more: object = {}) =>
      done('execution', id, 'SubmitExecution', {
        reservationId,
        tasks: tasks.map((task, n) => ({ name: `t${n}`, run: {}, timeoutMs: 36_000_000, ...task })),
        ...more,
      }),
    claim: (id: string, taskName = 't0', more: object = {}) =>
      done('execution', id, 'ClaimTask', { taskName, benchId: 'b1', ...session, ...more }),
    complete: (id: string, taskName = 't0', attempt = 1) =>
      done('execution', id, 'CompleteAttempt', { taskName, attempt, ...session }),
    fail: (id: string, attempt = 1, more: object = {}) =>
      done('execution', id, 'FailAttempt', { taskName: 't0', attempt, ...session, reason: 'smoke', ...more }),
  }
}
export type Lab = Awaited<ReturnType<typeof openLab>>

const rowsAsked = (all: Voiced) => ({
  query: (question: ViewQuestion) => all.services.views.query(question),
  read: async (view: string, _tenant: string, ids: readonly string[]): Promise<readonly ViewRow[]> =>
    (await Promise.all(ids.map((id) => all.row(view, id)))).filter((row) => row !== undefined),
})

/** Everything that ever happened is told to the policies once more: what they ask for then was done before. Answers how much. */
export const expectOneEffect = async (lab: Lab): Promise<number> => {
  await lab.settle()
  const before = await story(lab.services.history)
  const { commits } = await lab.services.history.feed(undefined, 1_000)
  const again = await reactionsTo(
    rowsAsked(lab),
    commits.map(({ commit }) => commit),
  )
  for (const { commandId, kind, id, type, data, ...rest } of again)
    if (kind !== 'tenant') await lab.send(kind, id, type, data, { ...rest, idempotencyKey: commandId })
  await lab.settle()
  expect(await story(lab.services.history)).toEqual(before)
  return again.length
}
