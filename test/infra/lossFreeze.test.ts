import { describe, expect, test } from 'vitest'
import { type Fleet, openFleet } from './fleet.ts'
import { numbers, openHouses } from './house.ts'

const { open } = openHouses()

const names = (count: number): readonly string[] => Array.from({ length: count }, (_, n) => `w${n}`)

/** Workers with a bench each. */
const manned = async (count: number, options: Parameters<typeof openFleet>[1] = {}): Promise<Fleet> => {
  const fleet = await openFleet(open, options)
  for (const name of names(count)) await fleet.worker(name, `b-${name}`)
  return fleet
}

const expired = (told: readonly string[]): readonly string[] =>
  told.filter((line) => line.endsWith(' WorkerSessionExpired')).map((line) => line.split(' ')[0] ?? '')

describe('mass silence', () => {
  test('of more than half of five workers freezes losses, with an alarm; suspicions are told all the same', async () => {
    const { pass, end, since, house, services, lines, clocks } = await manned(5)
    const before = await end()
    await pass(29, names(2))
    expect(services.lossFreeze.status()).toEqual({ frozen: false, silentCount: 0, workerCount: 5 })
    await pass(1, [])
    const since_ = clocks.now()
    expect(services.lossFreeze.status()).toEqual({
      frozen: true,
      since: since_,
      until: new Date(Date.parse(since_) + 600_000).toISOString(),
      silentCount: 3,
      workerCount: 5,
    })
    expect(numbers(house)['benchplane_loss_frozen']).toBe(1)
    expect(lines.filter(({ level }) => level === 'error')).toMatchObject([{ silentCount: 3, workerCount: 5 }])
    for (let n = 0; n < 6; n++) await pass(60, names(2))
    expect(await since(before)).toEqual(['b-w2 BenchSuspected', 'b-w3 BenchSuspected', 'b-w4 BenchSuspected'])
  })

  test('that is over when they are back has cost nobody anything', async () => {
    const { pass, end, since, services, house, lines } = await manned(6)
    const before = await end()
    await pass(120)
    expect(services.lossFreeze.status()).toMatchObject({ frozen: true, silentCount: 6 })
    await pass(30, names(6))
    expect(services.lossFreeze.status()).toEqual({ frozen: false, silentCount: 0, workerCount: 6 })
    expect(numbers(house)['benchplane_loss_frozen']).toBe(0)
    expect(lines.filter(({ why }) => why !== undefined)).toMatchObject([{ level: 'info', why: 'they are back' }])
    expect(expired(await since(before))).toEqual([])
    expect((await since(before)).filter((line) => line.includes('Recovered'))).toHaveLength(6)
  })

  test('that only some come back from costs the others their sessions', async () => {
    const { pass, end, since } = await manned(5)
    const before = await end()
    await pass(60)
    await pass(15, names(3))
    expect(expired(await since(before)).toSorted()).toEqual(['w3', 'w4'])
  })

  test('freezes for as long as it may, and not again before it was over once', async () => {
    const { pass, end, since, services, lines } = await manned(5, { lossFreezeMsMax: 60_000 })
    const before = await end()
    await pass(29 + 60)
    expect(services.lossFreeze.status()).toMatchObject({ frozen: true })
    expect(expired(await since(before))).toEqual([])
    await pass(2)
    expect(services.lossFreeze.status()).toMatchObject({ frozen: false })
    expect(expired(await since(before))).toHaveLength(5)
    expect(lines.filter(({ why }) => why !== undefined)).toMatchObject([{ level: 'warn' }])
  })

  test('that an operator has lifted the freeze of does not freeze again, until it was over once', async () => {
    const { pass, end, since, services, serve } = await manned(5)
    await pass(35)
    const before = await end()
    expect(services.lossFreeze.lift()).toMatchObject({ frozen: false, silentCount: 5 })
    expect(services.lossFreeze.lift()).toMatchObject({ frozen: false })
    await pass(10)
    expect(expired(await since(before))).toHaveLength(5)
    for (const name of names(5)) await serve(name, `b-${name}`)
    await pass(60, names(5).slice(0, 5))
    const again = await end()
    for (let n = 0; n < 3; n++)
      for (const name of names(5))
        await services.leases.renew({ tenant: 'default', workerId: name, epoch: 2, attempts: [] })
    await pass(31)
    expect(services.lossFreeze.status()).toMatchObject({ frozen: true, silentCount: 5 })
    await pass(60)
    expect(expired(await since(again))).toEqual([])
  })

  test('counts those that were lost within the last lease: a fleet that dies one by one is seen, too', async () => {
    const { pass, end, since, services } = await manned(10)
    const before = await end()
    // One more of them falls silent every five seconds.
    for (let dead = 1; dead <= 10; dead++)
      for (let n = 0; n < 5; n++) {
        for (const name of names(10).slice(dead))
          await services.leases.renew({ tenant: 'default', workerId: name, epoch: 1, attempts: [] })
        await pass(1)
      }
    await pass(40)
    expect((await services.lossFreeze.status()).frozen).toBe(true)
    expect(expired(await since(before))).toEqual(['w0', 'w1', 'w2'])
  })

  test.each([
    ['four workers', 4, {}],
    ['a house that wants none', 6, { lossFreezeMsMax: 0 }],
  ])('of %s freezes nothing', async (_, count, options) => {
    const { pass, end, since, services } = await manned(count, options)
    const before = await end()
    await pass(41)
    expect(services.lossFreeze.status()).toMatchObject({ frozen: false })
    expect(expired(await since(before)).toSorted()).toEqual(names(count))
  })

  test('of half of the workers is no mass silence', async () => {
    const { pass, end, since } = await manned(6)
    const before = await end()
    await pass(50, names(3))
    expect(expired(await since(before)).toSorted()).toEqual(['w3', 'w4', 'w5'])
  })
})
