import { describe, expect, test } from 'vitest'
import { openLeases } from '../../adapters/dynamodb/leases.ts'
import { openViews } from '../../adapters/dynamodb/views.ts'
import type { Lease } from '../../domain/leaseStore.ts'
import { at, change, entry } from '../contract/viewStoreGiven.ts'
import { countSpent } from './dynamodbCapacity.ts'
import { localEngine } from './dynamodbLocal.ts'

const engine = localEngine()

/** Stores on tables of their own, and what they have asked of the engine since. */
const counted = async () => {
  const tablePrefix = await engine.tables()
  const client = engine.client({})
  const options = { client, tablePrefix }
  return { views: openViews({ ...options, generation: 1 }), leases: openLeases(options), spent: countSpent(client) }
}

const lease: Lease = {
  tenant: 'default',
  workerId: 'w-1',
  epoch: 7,
  benchIds: ['rig-1', 'rig-2'],
  lastSeenAt: at(0),
  expiresAt: at(1),
  attempts: [],
  attemptsBefore: [],
  flags: [],
}
const attempt = { executionId: '01KAGZ3QX1ABCDEFGHJKMNPQRS', taskName: 'measure-brake-pressure', attempt: 1 }
const beatAt = (minute: number) => ({
  tenant: 'default',
  workerId: 'w-1',
  epoch: 7,
  seenAt: at(minute),
  at: at(minute),
  expiresAt: at(minute + 1),
  attempts: [attempt, { ...attempt, taskName: 'log-can' }],
})

describe('what a heartbeat costs', () => {
  test('one call and one write unit, with flags, attempts and a suspicion in the lease', async () => {
    const { leases, spent } = await counted()
    await leases.open(lease)
    for (let n = 1; n <= 4; n++)
      await leases.flag('default', 'w-1', 7, { kind: 'cancel-attempt', ...attempt, attempt: n, graceMs: 60_000 })
    await leases.suspect(lease, at(1))
    spent()
    expect(await leases.renew(beatAt(1))).toMatchObject({ lease: { flags: { length: 4 } } })
    expect(spent()).toEqual({ calls: ['UpdateItem'], writeUnits: 1, readUnits: 0 })
    await leases.renew(beatAt(2))
    expect(spent()).toEqual({ calls: ['UpdateItem'], writeUnits: 1, readUnits: 0 })
  })

  test('one that is refused is told why by the same call', async () => {
    const { leases, spent } = await counted()
    await leases.open(lease)
    await leases.mark(lease, at(2))
    spent()
    expect(await leases.renew(beatAt(3))).toEqual({ kind: 'stale', epoch: 7 })
    expect(spent()).toEqual({ calls: ['UpdateItem'], writeUnits: 1, readUnits: 0 })
  })

  test('a sweep reads a hundred leases for less than eight read units', async () => {
    const { leases, spent } = await counted()
    for (let n = 0; n < 100; n++) {
      await leases.open({ ...lease, workerId: `w-${n}` })
      await leases.renew({ ...beatAt(1), workerId: `w-${n}` })
    }
    spent()
    expect((await Array.fromAsync(leases.scan())).flat()).toHaveLength(100)
    const { calls, readUnits } = spent()
    expect(calls).toEqual(['Scan'])
    expect(readUnits).toBeLessThan(8)
  })
})

describe('what a row costs', () => {
  const places = (status: string) => [
    entry('1', 'reservations'),
    entry('1', 'ann', 'holder_idx'),
    entry('1', status, 'status_idx'),
    entry('1', 'rig-1', 'bench_reservations_idx'),
  ]

  test('that is new: a put for itself and for each of its places', async () => {
    const { views, spent } = await counted()
    await views.write([change('r', 1, { entries: places('confirmed') })])
    // The last is its view's count.
    expect(spent()).toEqual({ calls: [...Array(5).fill('PutItem'), 'UpdateItem'], writeUnits: 6, readUnits: 0 })
  })

  test('that changes where it stands: one put', async () => {
    const { views, spent } = await counted()
    await views.write([change('r', 1, { entries: places('confirmed'), nextDue: at(5) })])
    spent()
    await views.write([change('r', 2, { entries: places('confirmed'), nextDue: at(5) })])
    expect(spent()).toEqual({ calls: ['PutItem'], writeUnits: 1, readUnits: 0 })
  })

  test('that moves: a put and a removal more for each place it changes', async () => {
    const { views, spent } = await counted()
    await views.write([change('r', 1, { entries: places('confirmed'), nextDue: at(5) })])
    spent()
    await views.write([change('r', 2, { entries: places('active'), nextDue: at(5) })])
    expect(spent()).toEqual({ calls: ['PutItem', 'PutItem', 'DeleteItem'], writeUnits: 3, readUnits: 0 })
  })

  test('that this process does not know: a read more', async () => {
    const { views, spent } = await counted()
    await views.write([change('e/t', 3, { previousVersion: 'older', entries: places('ready') })])
    expect(spent().calls.filter((call) => call === 'BatchGetItem')).toHaveLength(1)
    await views.write([change('e/t', 5, { previousVersion: 'older', entries: places('ready') })])
    expect(spent()).toEqual({ calls: ['PutItem'], writeUnits: 1, readUnits: 0 })
  })

  test('that becomes, or ceases to be, what can be claimed: one transaction with its entry', async () => {
    const { views, spent } = await counted()
    const claimable = entry('r-1/ready/1', 'rig-1', 'claimable_idx')
    const task = (version: number, entries: readonly ReturnType<typeof entry>[]) =>
      change('e/t', version, { previousVersion: 'older', entries })
    await views.write([task(1, places('pending'))])
    spent()
    await views.write([task(2, [...places('pending'), claimable])])
    expect(spent()).toEqual({ calls: ['TransactWriteItems'], writeUnits: 4, readUnits: 0 })
    await views.write([task(3, places('pending'))])
    expect(spent()).toEqual({ calls: ['TransactWriteItems'], writeUnits: 4, readUnits: 0 })
  })

  test('of a thousand intervals is a tenth of what its text would be', async () => {
    const { views, spent } = await counted()
    const intervals = Array.from({ length: 1_000 }, (_, n) => ({
      reservationId: `r-${n * 7_919}`,
      start: at(n),
      end: at(n + 1),
      heldFrom: at(n),
      heldUntil: at(n + 1),
    }))
    await views.write([change('rig-1', 1, { body: { intervals } })])
    spent()
    await views.write([change('rig-1', 2, { body: { intervals } })])
    const { calls, writeUnits } = spent()
    expect(calls).toEqual(['PutItem'])
    expect(writeUnits).toBeLessThan(JSON.stringify({ intervals }).length / 10_240)
  })
})

describe('what a question costs', () => {
  test('of a claim: a call for what can be claimed and one for the next retry, a read unit each', async () => {
    const { views, spent } = await counted()
    const tasks = Array.from({ length: 30 }, (_, n) => {
      const sort = n < 25 ? `r-1/ready/${at(n)}/e-1/00${n}` : `r-1/retry/${at(n)}/e-1/00${n}`
      return change(`e-1/t${n}`, 1, { view: 'tasks', entries: [entry(sort, 'rig-1', 'claimable_idx')] })
    })
    await views.write(tasks)
    spent()
    const onBench = { view: 'tasks', tenant: 'default', index: 'claimable_idx', partition: 'rig-1', limit: 20 }
    const [candidates, retries] = [
      await views.query({ ...onBench, from: 'r-1/ready/', to: `r-1/retry/${at(26)}0` }),
      await views.query({ ...onBench, from: `r-1/retry/${at(26)}0`, to: 'r-1/retry0' }),
    ]
    expect(candidates.rows.map(({ id }) => id)).toEqual(Array.from({ length: 20 }, (_, n) => `e-1/t${n}`))
    expect(retries.rows.map(({ id }) => id)).toEqual(['e-1/t27', 'e-1/t28', 'e-1/t29'])
    const { calls, readUnits } = spent()
    expect(calls).toEqual(['Query', 'Query'])
    expect(readUnits).toBeLessThanOrEqual(3)
  })

  test('of a list: a call for the places of each shard, and one for a hundred rows', async () => {
    const { views, spent } = await counted()
    await views.write(
      Array.from({ length: 50 }, (_, n) =>
        change(`r-${n}`, 1, { entries: [entry(`${n}`), entry(`${n}`, 'rig-1', 'bench_reservations_idx')] }),
      ),
    )
    spent()
    const asked = { view: 'things', tenant: 'default', limit: 50 }
    await views.query({ ...asked, index: 'bench_reservations_idx', partition: 'rig-1' })
    expect(spent().calls).toEqual(['Query', 'BatchGetItem'])
    await views.query({ ...asked, index: 'all_idx', partition: 'all' })
    expect(spent().calls).toEqual(['Query', 'Query', 'Query', 'Query', 'BatchGetItem'])
  })
})
