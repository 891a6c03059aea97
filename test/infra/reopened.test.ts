import { describe, expect, test } from 'vitest'
import { foldedRows, numbers, openHouses, openLines, openTime, shownRows, story, until } from './house.ts'

const { open, fresh } = openHouses()

describe('a house that is opened again', () => {
  test('goes on where it was: nothing is folded twice, and everything is there', async () => {
    const directory = fresh()
    const { now } = openTime()
    const first = await open({ store: 'sqlite', directory, now })
    await first.bench('b1')
    await first.book('r1', 'b1', { start: '2026-03-02T10:00:00Z' })
    await first.house.settled()
    await first.house.close()
    const { lines, log } = openLines()
    const second = await open({ store: 'sqlite', directory, log, now })
    expect(await second.house.settled()).toBe(true)
    expect(numbers(second.house)['benchplane_projected_events_total']).toBe(0)
    expect((await second.row('benches', 'b1'))?.body).toMatchObject({ status: 'registered' })
    expect(await shownRows(second)).toEqual(await foldedRows(second.services.history))
    expect(lines.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([])
  })

  test('catches up with what became due meanwhile, in the order in which it was due', async () => {
    const directory = fresh()
    const time = openTime()
    const first = await open({ store: 'sqlite', directory, now: time.now })
    const minutes = [50, 20, 40, 10, 30]
    for (const n of minutes) await first.bench(`b${n}`)
    for (const n of minutes) await first.book(`r${n}`, `b${n}`, { start: time.in(n), checkInWithinMs: 0 })
    await first.house.settled()
    const end = await first.services.history.feedEnd()
    await first.house.close()
    time.pass(60)
    const second = await open({ store: 'sqlite', directory, now: time.now })
    await until(async () => (await second.status('r50')) === 'active')
    expect(await story(second.services.history, end)).toEqual(
      [10, 20, 30, 40, 50].map((n) => `r${n} ReservationActivated`),
    )
  })

  test('gives the sessions that were open a whole lease again', async () => {
    const directory = fresh()
    const time = openTime()
    const first = await open({ store: 'sqlite', directory, now: time.now })
    await first.bench('b1')
    await first.done('worker', 'w1', 'EnrolWorker')
    await first.done('worker', 'w2', 'EnrolWorker')
    await first.done('worker', 'w1', 'OpenSession', { benches: ['b1'], agentVersion: '1' })
    await first.house.close()
    time.pass(60)
    const { services } = await open({ store: 'sqlite', directory, now: time.now, leaseMs: 40_000 })
    const session = { tenant: 'default', workerId: 'w1', epoch: 1, benchIds: ['b1'] }
    const lease = await services.leases.get('default', 'w1')
    expect(lease).toMatchObject({ ...session, lastSeenAt: time.now(), flags: [] })
    expect(lease?.expiresAt.slice(0, 18)).toBe('2026-03-02T09:00:4')
    expect(await services.leases.get('default', 'w2')).toBeUndefined()
  })

  test('is refused while another has the directory, and needs one', async () => {
    const directory = fresh()
    await open({ store: 'sqlite', directory })
    await expect(open({ store: 'sqlite', directory })).rejects.toMatchObject({ code: 'storage-unusable' })
    await expect(open({ store: 'sqlite', directory: '' })).rejects.toThrow('needs a directory')
  })
})
