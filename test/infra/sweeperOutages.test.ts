import { expect, test } from 'vitest'
import { openLeases } from '../../adapters/memory/leases.ts'
import type { Lease } from '../../domain/leaseStore.ts'
import { openCounters } from '../../infra/counters.ts'
import { openLiveAttempts } from '../../infra/liveness/liveAttempts.ts'
import { openLiveness } from '../../infra/liveness/liveness.ts'
import { openHouses, openLines, openTime, type Voiced } from './house.ts'

const { open } = openHouses()

/** A sweeper over a house whose store fails for some commands, as often as the test says. */
const failing = async () => {
  const time = openTime()
  const voiced = await open({ store: 'memory', now: time.now })
  const { services, bench, done } = voiced
  for (const id of ['b1', 'b2']) await bench(id)
  await done('worker', 'w1', 'EnrolWorker')
  await done('worker', 'w1', 'OpenSession', { benches: ['b1', 'b2'], agentVersion: '1' })
  const { lines, log } = openLines()
  const counters = openCounters()
  const clock = { read: () => Date.parse(time.now()) }
  const fails = new Map<string, number>()
  const submit: typeof services.submit = (request) => {
    const left = fails.get(`${request.type} ${request.id}`) ?? 0
    fails.set(`${request.type} ${request.id}`, left - 1)
    return left > 0 ? Promise.reject(new Error('the store is gone')) : services.submit(request)
  }
  const { leases, sweeper, store } = openLiveness({
    ...services,
    submit,
    store: openLeases(),
    attempts: openLiveAttempts(clock.read, 2_000),
    clock,
    settings: { leaseMs: 40_000, heartbeatEveryMs: 10_000, suspectAfterMs: 30_000, lossFreezeMsMax: 0 },
    log,
    counters,
    tenant: 'default',
    ready: Promise.resolve(true),
  })
  await leases.open({ tenant: 'default', workerId: 'w1', epoch: 1, benchIds: ['b1', 'b2'] })
  const pass = async (seconds: number): Promise<void> => {
    time.pass(seconds / 60)
    await sweeper.sweep()
  }
  const failuresOf = () => [counters.sweepFailures, lines.filter(({ level }) => level === 'error').length]
  const lease = (): Promise<Lease | undefined> => store.get('default', 'w1')
  return { voiced, leases, fails, pass, failuresOf, lease }
}

const connectivity = async ({ services }: Voiced): Promise<unknown[]> => {
  const heads = await Promise.all(['b1', 'b2'].map((id) => services.headOf('default', 'bench', id)))
  return heads.map(({ state }) => (state as { connectivity: string }).connectivity)
}

test('a suspicion that one bench could not be told of is told by the next sweep', async () => {
  const { voiced, fails, pass, failuresOf } = await failing()
  fails.set('SuspectBench b2', 2)
  await pass(31)
  expect([await connectivity(voiced), failuresOf()]).toEqual([
    ['suspected', 'online'],
    [1, 1],
  ])
  await pass(1)
  await pass(1)
  expect([await connectivity(voiced), failuresOf()]).toEqual([
    ['suspected', 'suspected'],
    [2, 2],
  ])
})

test('a recovery that could not be told is told by the next sweep', async () => {
  const { voiced, fails, pass, leases, lease } = await failing()
  await pass(31)
  fails.set('RecoverBench b1', 1)
  await leases.renew({ tenant: 'default', workerId: 'w1', epoch: 1, attempts: [] })
  await pass(1)
  expect(await connectivity(voiced)).toEqual(['suspected', 'online'])
  expect(await lease()).toHaveProperty('suspectedAt')
  await pass(1)
  expect(await connectivity(voiced)).toEqual(['online', 'online'])
  expect(await lease()).not.toHaveProperty('suspectedAt')
})

test('an expiry that history could not take keeps its session fenced, and is finished when history can', async () => {
  const { voiced, fails, pass, leases, lease, failuresOf } = await failing()
  fails.set('ExpireSession w1', 2)
  await pass(41)
  expect(await lease()).toHaveProperty('markedAt')
  expect(await leases.renew({ tenant: 'default', workerId: 'w1', epoch: 1, attempts: [] })).toMatchObject({
    kind: 'stale',
  })
  await expect(leases.fence('default', 'w1', 1)).rejects.toThrow('the store is gone')
  await pass(1)
  expect([await lease(), failuresOf()]).toEqual([undefined, [1, 1]])
  const { state } = await voiced.services.headOf('default', 'worker', 'w1')
  expect(state).toMatchObject({ epoch: 1, session: null })
})
