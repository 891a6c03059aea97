import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { openLossFreeze } from '../../infra/liveness/lossFreeze.ts'
import { openHouse } from '../../infra/local.ts'
import { noLog } from '../../infra/log.ts'
import { openSharedLossFreeze } from '../../infra/shared/lossFreeze.ts'
import { anybody, localEngine } from '../adapters/dynamodbLocal.ts'
import { type Voiced, voiced } from './house.ts'

const engine = localEngine()
const lossFreezeMsMax = 600_000

/** What servers share: facts, and a lease clock. Each `keeper` is one that has just taken over. */
const openTerms = () => {
  const facts = new Map<string, string>()
  let ms = 0
  const server = (isKeeper: boolean) => {
    const now = (): string => new Date(ms).toISOString()
    const own = openLossFreeze({ lossFreezeMsMax, now, log: noLog })
    const shared = openSharedLossFreeze({
      own,
      isKeeper: () => isKeeper,
      facts: {
        checkpoint: async (name) => facts.get(name),
        saveCheckpoint: async (name, text) => void facts.set(name, text),
      },
      log: noLog,
      counters: { sweepFailures: 0 },
    })
    return { judge: (silentCount: number) => own.judge(silentCount, 5, ms), ...shared }
  }
  /** A minute as the keeper: whether nobody was declared lost, from its beginning to its end. */
  const minute = async (silentCount: number): Promise<readonly boolean[]> => {
    const { judge, start } = server(true)
    const term = await start()
    const judged = [judge(silentCount)]
    ms += 60_000
    judged.push(judge(silentCount))
    await term.stop()
    return judged
  }
  return { minute, other: () => server(false), facts }
}

test('a freeze lasts for its time and no longer, though each minute has a keeper of its own', async () => {
  const { minute, other } = openTerms()
  await minute(5)
  const { since, until } = await other().lossFreeze.status()
  expect([since, until]).toEqual(['1970-01-01T00:00:00.000Z', '1970-01-01T00:10:00.000Z'])
  for (let n = 1; n < 9; n++) expect(await minute(5)).toEqual([true, true])
  expect(await other().lossFreeze.status()).toMatchObject({ frozen: true, since, until })
  expect(await minute(5)).toEqual([true, false])
  expect(await minute(5), 'no other while the silence lasts').toEqual([false, false])
  expect(await minute(0)).toEqual([false, false])
  expect(await minute(5), 'but again when that was over').toEqual([true, true])
})

test('a freeze that another server lifts is not begun anew by the next keeper', async () => {
  const { minute, other } = openTerms()
  await minute(5)
  await other().lossFreeze.lift()
  const [, atLast] = await minute(5)
  expect(atLast).toBe(false)
  expect(await minute(5)).toEqual([false, false])
  expect(await other().lossFreeze.status()).toMatchObject({ frozen: false, silentCount: 5 })
})

test('what an older version has told of a freeze says nothing of its end: the keeper judges for itself', async () => {
  const { minute, facts } = openTerms()
  facts.set('loss-freeze', JSON.stringify({ frozen: true, since: 'then', silentCount: 5, workerCount: 5 }))
  expect(await minute(5)).toEqual([true, true])
})

test('workers that stay silent are declared lost in the end, whoever keeps the clock meanwhile', {
  timeout: 60_000,
}, async () => {
  const tablePrefix = await engine.tables()
  const brief = { leaseMs: 400, heartbeatEveryMs: 100, suspectAfterMs: 300, lossFreezeMsMax: 1_500 }
  const connection = { endpoint: engine.endpoint(), ...anybody }
  let keeper: Voiced | undefined
  const takeOver = async (): Promise<Voiced> => {
    await keeper?.house.close()
    keeper = voiced(await openHouse({ store: 'dynamodb', tablePrefix, connection, ...brief }))
    return keeper
  }
  onTestFinished(async () => keeper?.house.close())
  const names = ['w1', 'w2', 'w3', 'w4', 'w5']
  const { done, services } = await takeOver()
  for (const workerId of names) {
    await done('worker', workerId, 'EnrolWorker')
    await done('bench', `b-${workerId}`, 'RegisterBench', { benchId: `b-${workerId}`, type: 'hil' })
    await done('worker', workerId, 'OpenSession', { benches: [`b-${workerId}`], agentVersion: '1' })
    await services.leases.open({ tenant: 'default', workerId, epoch: 1, benchIds: [`b-${workerId}`] })
  }
  await vi.waitFor(async () => expect(await services.lossFreeze.status()).toMatchObject({ frozen: true }), 5_000)
  const lostCount = async (): Promise<number> => {
    const history = keeper?.services.history
    const all = await Promise.all(names.map(async (name) => history?.load(`default/worker/${name}`) ?? []))
    const types = all.flat().flatMap(({ events }) => events.map(({ type }) => type))
    return types.filter((type) => type === 'WorkerSessionExpired').length
  }
  // Each keeps the clock for a shorter time than the freeze lasts.
  for (let term = 0; term < 20 && (await lostCount()) < names.length; term++) {
    await takeOver()
    await sleep(500)
  }
  expect(await lostCount()).toBe(names.length)
})
