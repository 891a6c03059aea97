import { describe, expect, test } from 'vitest'
import { openLeases } from '../../adapters/dynamodb/leases.ts'
import { leaseStoreContract } from '../contract/leaseStore.ts'
import { at, beat as beatAt, flash, leaseOf } from '../contract/leaseStoreGiven.ts'
import { temporaryDirectories } from './directories.ts'
import { localEngine } from './dynamodbLocal.ts'
import { openProxy, troubles } from './dynamodbProxy.ts'

const engine = localEngine()
const { closing } = temporaryDirectories()

leaseStoreContract('DynamoDB', async () => openLeases({ client: engine.client(), tablePrefix: await engine.tables() }))

const lease = leaseOf('w1', 1)
const beat = (second: number, attempts = [flash]) => beatAt(second, { attempts })

describe('an answer that is lost', () => {
  const troubled = async () => {
    const tablePrefix = await engine.tables()
    const proxy = closing(await openProxy(engine.endpoint()))
    const client = engine.client({ endpoint: proxy.endpoint, requestTimeoutMs: 250, attemptCountMax: 3 })
    return { proxy, store: openLeases({ client, tablePrefix }) }
  }

  test.each(troubles)('%s: a beat counts once: what the one before it listed is still known', async (trouble) => {
    const { proxy, store } = await troubled()
    await store.open(lease)
    await store.renew(beat(10))
    proxy.follow((n) => (n === 1 ? trouble : undefined))
    expect(await store.renew(beat(20, []))).toMatchObject({
      kind: 'renewed',
      lease: { beatAt: at(20), beatBeforeAt: at(10), attempts: [], attemptsBefore: [flash] },
    })
    expect(proxy.requestCount()).toBeGreaterThan(1)
  })

  test.each(troubles)('%s: a flag is kept once, a mark is a mark, a suspicion one', async (trouble) => {
    const { proxy, store } = await troubled()
    await store.open(lease)
    const first = (): void => proxy.follow((n) => (n === 1 ? trouble : undefined))
    first()
    expect(await store.flag('default', 'w1', 1, { kind: 'drain' })).toBe(true)
    first()
    expect(await store.suspect(lease, at(30))).toBe(true)
    first()
    expect(await store.mark(lease, at(41))).toBe(true)
    const marked = { flags: [{ kind: 'drain' }], suspectedAt: at(30), markedAt: at(41) }
    expect(await store.get('default', 'w1')).toMatchObject(marked)
  })

  test('that never comes is a fault that names the table', async () => {
    const { proxy, store } = await troubled()
    proxy.follow(() => 'refused')
    const fault = { code: 'storage-unusable', message: expect.stringContaining('leases') }
    await expect(store.renew(beat(10))).rejects.toMatchObject(fault)
  })
})

test('beats of many workers at once are each answered with their own lease', async () => {
  const store = openLeases({ client: engine.client(), tablePrefix: await engine.tables() })
  const ids = Array.from({ length: 200 }, (_, n) => `W-${n}`)
  await Promise.all(ids.map(async (workerId) => store.open({ ...lease, workerId })))
  const renewals = await Promise.all(ids.map(async (workerId) => store.renew({ ...beat(10), workerId })))
  expect(renewals.map((renewal) => renewal.kind === 'renewed' && renewal.lease.workerId)).toEqual(ids)
})
