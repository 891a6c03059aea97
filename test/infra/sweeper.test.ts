import { describe, expect, test } from 'vitest'
import { openClocks, openFleet } from './fleet.ts'
import { numbers, openHouses } from './house.ts'

const { open, fresh } = openHouses()

const lost = (workerId: string, ...benchIds: string[]) => [
  `${workerId} WorkerSessionExpired`,
  ...benchIds.map((benchId) => `${benchId} BenchLost`),
]

describe('a worker', () => {
  test('that beats appends nothing, however often', async () => {
    const { worker, beat, pass, end, house } = await openFleet(open)
    await worker('w1', 'b1')
    await pass(1)
    const before = await end()
    for (let n = 0; n < 1_000; n++) expect(await beat('w1')).toMatchObject({ kind: 'renewed' })
    await pass(120, ['w1'])
    expect(await end()).toBe(before)
    expect(numbers(house)).toMatchObject({
      benchplane_live_leases: 1,
      benchplane_suspected_leases: 0,
      benchplane_loss_frozen: 0,
      benchplane_expirations_total: 0,
    })
  })

  test('that is silent is suspected after 30 s, recovers with a beat, and is lost after 40 s of silence: each once', async () => {
    const { worker, beat, pass, end, since } = await openFleet(open)
    await worker('w1', 'b1', 'b2')
    let before = await end()
    await pass(29)
    expect(await since(before)).toEqual([])
    await pass(5)
    expect(await since(before)).toEqual(['b1 BenchSuspected', 'b2 BenchSuspected'])
    before = await end()
    await beat('w1')
    await pass(29)
    expect(await since(before)).toEqual(['b1 BenchRecovered', 'b2 BenchRecovered'])
    before = await end()
    await pass(60)
    expect(await since(before)).toEqual(['b1 BenchSuspected', 'b2 BenchSuspected', ...lost('w1', 'b1', 'b2')])
    expect(await beat('w1')).toEqual({ kind: 'unknown' })
  })

  test('is lost within a second of its lease’s end, with what was last heard of it told', async () => {
    const { worker, beat, pass, services, clocks, end, since } = await openFleet(open)
    await worker('w1', 'b1')
    await pass(5)
    await beat('w1')
    const seenAt = clocks.now()
    await pass(39)
    const before = await end()
    expect(await services.leases.get('default', 'w1')).toMatchObject({ epoch: 1 })
    await pass(1)
    expect(await since(before)).toEqual(lost('w1', 'b1'))
    const [commit] = (await services.history.load('default/worker/w1')).slice(-1)
    expect(commit).toMatchObject({
      actor: { kind: 'system', id: 'sweeper' },
      commandId: 'sweeper:expire:w1/1',
      events: [{ type: 'WorkerSessionExpired', data: { epoch: 1, lastSeenAt: seenAt } }],
    })
  })

  test('whose beat comes between the sweeper’s look and its mark is not lost', async () => {
    const { worker, beat, pass, house, services, end, since } = await openFleet(open)
    await worker('w1', 'b1')
    await pass(39)
    const before = await end()
    const { leaseStore } = house
    const scan = leaseStore.scan.bind(leaseStore)
    leaseStore.scan = async function* () {
      yield* scan()
      await beat('w1')
    }
    await pass(5)
    expect((await since(before)).filter((line) => line.includes('Expired'))).toEqual([])
    expect(await services.leases.get('default', 'w1')).not.toHaveProperty('markedAt')
    leaseStore.scan = scan
    await pass(41)
    expect(await since(before)).toContain('w1 WorkerSessionExpired')
  })

  test('that opens another session is silent with that one only', async () => {
    const { worker, serve, pass, end, since } = await openFleet(open)
    await worker('w1', 'b1')
    await pass(35)
    await serve('w1', 'b1')
    const before = await end()
    await pass(29)
    expect(await since(before)).toEqual([])
  })
})

describe('a server', () => {
  test('that was away for five minutes has lost nobody, and counts the rest of each lease from then', async () => {
    const { worker, pass, clocks, house, end, since, lines } = await openFleet(open)
    await worker('w1', 'b1')
    await pass(25)
    const before = await end()
    clocks.tick(300)
    await house.sweep()
    await pass(2)
    expect(await since(before)).toEqual([])
    await pass(2)
    expect(await since(before)).toEqual(['b1 BenchSuspected'])
    expect(numbers(house)['benchplane_lease_extension_ms_total']).toBe(298_000)
    expect(lines.filter(({ message }) => message.includes('away'))).toMatchObject([{ level: 'warn', awayMs: 298_000 }])
  })

  test.each([1, -1])('whose wall clock jumps by %i h has lost nobody', async (hours) => {
    const { worker, pass, clocks, end, since } = await openFleet(open)
    await worker('w1', 'b1')
    await pass(20, ['w1'])
    const before = await end()
    clocks.jump(hours)
    await pass(25, ['w1'])
    clocks.jump(-2 * hours)
    await pass(60, ['w1'])
    expect(await since(before)).toEqual([])
    await pass(45)
    expect(await since(before)).toEqual(['b1 BenchSuspected', ...lost('w1', 'b1')])
  })

  test('that was killed gives whole leases again, and who was suspected recovers with its first beat', async () => {
    const directory = fresh()
    const clocks = openClocks()
    const first = await openFleet(open, { store: 'sqlite', directory }, clocks)
    await first.worker('w1', 'b1')
    await first.pass(35)
    await first.house.close()
    clocks.jump(1)
    const { beat, pass, end, since } = await openFleet(open, { store: 'sqlite', directory }, clocks)
    const before = await end()
    await beat('w1')
    await pass(2)
    expect(await since(before)).toEqual(['b1 BenchRecovered'])
    await pass(38)
    await pass(1)
    expect(await since(before)).toEqual(['b1 BenchRecovered', 'b1 BenchSuspected', ...lost('w1', 'b1')])
  })
})

describe('an expiry', () => {
  test('that got no further than the mark is finished by the next sweep', async () => {
    const fleet = await openFleet(open)
    await fleet.worker('w1', 'b1')
    const before = await fleet.end()
    const { store, seen } = await markedBehind(fleet)
    expect(await fleet.since(before)).toEqual([])
    expect(await store.renew({ ...seen, attempts: [] })).toEqual({ kind: 'stale', epoch: 1 })
    await fleet.pass(1)
    expect(await fleet.since(before)).toEqual(lost('w1', 'b1'))
    expect(await store.get('default', 'w1')).toBeUndefined()
  })

  test('is finished by a report that comes before the next sweep: history refuses it, and keeps the evidence', async () => {
    const fleet = await openFleet(open)
    await fleet.worker('w1', 'b1')
    await fleet.submitted('e1', ['b1'])
    await fleet.claim('e1', 'w1', 'b1')
    await markedBehind(fleet)
    const before = await fleet.end()
    await fleet.services.leases.fence('default', 'w1', 1)
    const report = { taskName: 't', attempt: 1, workerId: 'w1', epoch: 1 }
    expect(await fleet.send('execution', 'e1', 'CompleteAttempt', report)).toMatchObject({
      kind: 'refused',
      rejection: { rejection: 'StaleEpoch' },
    })
    await fleet.settled()
    expect((await fleet.since(before)).filter((line) => !line.startsWith('b1'))).toEqual([
      'w1 WorkerSessionExpired',
      'e1 AttemptReportRejected',
      'e1 AttemptLost',
      'e1 ExecutionInterrupted',
    ])
  })

  test('that races with reports and sweeps happens once', async () => {
    const fleet = await openFleet(open)
    await fleet.worker('w1', 'b1')
    await markedBehind(fleet)
    const before = await fleet.end()
    const fence = () => fleet.services.leases.fence('default', 'w1', 1)
    await Promise.all([fence(), fleet.house.sweep(), fence(), fence(), fleet.house.sweep()])
    await fleet.settled()
    expect(await fleet.since(before)).toEqual(lost('w1', 'b1'))
    expect(numbers(fleet.house)['benchplane_expirations_total']).toBe(1)
  })
})

/** The lease of w1, marked as by a sweep that went no further. */
const markedBehind = async ({ services, house, clocks }: Awaited<ReturnType<typeof openFleet>>) => {
  const seen = await services.leases.get('default', 'w1')
  if (seen === undefined) throw new Error('w1 has no lease')
  expect(await house.leaseStore.mark(seen, clocks.now())).toBe(true)
  return { seen, store: services.leases }
}

describe('what a lost worker ran', () => {
  test('is claimable by another if it may run elsewhere, and else when its bench is served anew', async () => {
    const { worker, submitted, claim, pass, row, serve, services, beat } = await openFleet(open)
    await worker('w1', 'b1')
    await worker('w2', 'b2')
    await submitted('e1', ['b1', 'b2'], { relocatable: true })
    await claim('e1', 'w1', 'b1')
    await pass(40, ['w2'])
    await pass(2)
    expect((await row('executions', 'e1'))?.body).toBeDefined()
    const state = async () =>
      (await services.headOf('default', 'execution', 'e1')).state as { status: string; tasks: { status: string }[] }
    expect(await state()).toMatchObject({ status: 'interrupted', tasks: [{ status: 'ready' }] })
    await claim('e1', 'w2', 'b2')
    expect(await state()).toMatchObject({
      status: 'running',
      tasks: [{ attempts: [{ status: 'lost' }, { benchId: 'b2' }] }],
    })
    await beat('w2', [{ executionId: 'e1', taskName: 't', attempt: 2 }])

    await worker('w3', 'b3')
    await submitted('e3', ['b3'])
    await claim('e3', 'w3', 'b3')
    await pass(42, ['w2'])
    const third = async () => (await services.headOf('default', 'execution', 'e3')).state
    expect(await third()).toMatchObject({ status: 'interrupted', tasks: [{ status: 'ready' }] })
    await expect(claim('e3', 'w3', 'b3')).rejects.toThrow('StaleEpoch')
    const epoch = await serve('w3', 'b3')
    await claim('e3', 'w3', 'b3', epoch)
    expect(await third()).toMatchObject({
      status: 'running',
      tasks: [{ attempts: [{ status: 'lost' }, { epoch: 2 }] }],
    })
  })
})
