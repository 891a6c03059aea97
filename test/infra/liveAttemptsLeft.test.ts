import { expect, test } from 'vitest'
import { openLeases } from '../../adapters/memory/leases.ts'
import { openCounters } from '../../infra/counters.ts'
import { openLiveAttempts } from '../../infra/liveness/liveAttempts.ts'
import { openLiveness } from '../../infra/liveness/liveness.ts'
import { noLog } from '../../infra/log.ts'
import { openHouses, until } from './house.ts'

const { open } = openHouses()

/** Another server's knowledge of a house, which hears nothing by itself. */
const beside = async ({ sees = true } = {}) => {
  const { services, bench, done, book, status } = await open({ store: 'memory' })
  const clock = { read: () => 0 }
  const attempts = openLiveAttempts(clock.read, 2_000)
  const liveness = openLiveness({
    ...services,
    views: sees ? services.views : { ...services.views, query: async () => ({ rows: [] }) },
    store: openLeases(),
    attempts,
    clock,
    settings: { leaseMs: 40_000, heartbeatEveryMs: 10_000, suspectAfterMs: 30_000, lossFreezeMsMax: 0 },
    log: noLog,
    counters: openCounters(),
    tenant: 'default',
    ready: Promise.resolve(true),
  })
  const who = { workerId: 'w1', epoch: 1 }
  const started = async (n: number): Promise<void> => {
    await book(`r${n}`, `b${n}`)
    await until(async () => (await status(`r${n}`)) === 'active')
    const tasks = [{ name: 't', run: {} }]
    await done('execution', `e${n}`, 'SubmitExecution', { reservationId: `r${n}`, tasks })
    await done('execution', `e${n}`, 'ClaimTask', { taskName: 't', benchId: `b${n}`, ...who })
  }
  for (const n of [1, 2]) await bench(`b${n}`)
  await done('worker', 'w1', 'EnrolWorker')
  await done('worker', 'w1', 'OpenSession', { benches: ['b1', 'b2'], agentVersion: '1' })
  const ended = (n: number) => done('execution', `e${n}`, 'CompleteAttempt', { taskName: 't', attempt: 1, ...who })
  const known = (): string[] =>
    attempts
      .all()
      .map(({ executionId }) => executionId)
      .toSorted()
  return { services, attempts, liveness, started, ended, known }
}

test('who was not told for long drops the attempts that have ended, and keeps those that run', async () => {
  const { services, attempts, liveness, started, ended, known } = await beside()
  await started(1)
  await started(2)
  await services.views.caughtUp()
  await liveness.inherit()
  // Of the store it was not known whether it has started.
  attempts.inherit({
    tenant: 'default',
    workerId: 'w1',
    epoch: 1,
    benchId: 'b2',
    executionId: 'e3',
    taskName: 't',
    attempt: 1,
  })
  expect(known()).toEqual(['e1', 'e2', 'e3'])
  await ended(1)
  await services.views.caughtUp()
  await liveness.inherit()
  expect(known()).toEqual(['e2'])
  const session = { tenant: 'default', workerId: 'w1', epoch: 1 }
  expect(attempts.isDoubtful(session, { executionId: 'e1', taskName: 't', attempt: 1 })).toBe(true)
})

test('an attempt whose session the rows do not know yet is kept: history has it running', async () => {
  const { attempts, liveness, started, known } = await beside({ sees: false })
  await started(1)
  attempts.inherit({
    tenant: 'default',
    workerId: 'w1',
    epoch: 1,
    benchId: 'b1',
    executionId: 'e1',
    taskName: 't',
    attempt: 1,
  })
  await liveness.inherit()
  expect(known()).toEqual(['e1'])
})
