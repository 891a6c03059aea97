import { beforeEach, describe, expect, test } from 'vitest'
import { flagCountMax, type LeaseStore } from '../../domain/leaseStore.ts'
import { at, beat, flash, leaseOf, measure } from './leaseStoreGiven.ts'

/** What every lease store promises, whichever engine is behind it. */
export const leaseStoreContract = (name: string, open: () => Promise<LeaseStore>): void => {
  describe(`${name} as a lease store`, () => {
    let store: LeaseStore
    beforeEach(async () => {
      store = await open()
    })
    const get = (workerId = 'w1') => store.get('default', workerId)

    test('a beat renews the lease, and keeps what it and the beat before it listed', async () => {
      await store.open(leaseOf('w1', 1))
      expect(await get()).toEqual(leaseOf('w1', 1))
      const first = await store.renew(beat(10, { attempts: [flash] }))
      const times = { lastSeenAt: at(10), beatAt: at(10), expiresAt: at(50) }
      expect(first).toEqual({ kind: 'renewed', lease: leaseOf('w1', 1, { ...times, attempts: [flash] }) })
      await store.renew(beat(20, { attempts: [measure] }))
      expect(await get()).toMatchObject({
        beatAt: at(20),
        beatBeforeAt: at(10),
        expiresAt: at(60),
        attempts: [measure],
        attemptsBefore: [flash],
      })
    })

    test('a newer session takes the place of the older, never the other way round', async () => {
      expect(await store.open(leaseOf('w1', 2))).toBe('opened')
      expect(await store.open(leaseOf('w1', 1))).toBe('superseded')
      expect(await get()).toMatchObject({ epoch: 2 })
      await store.flag('default', 'w1', 2, { kind: 'drain' })
      expect(await store.open(leaseOf('w1', 3))).toBe('opened')
      expect(await get()).toEqual(leaseOf('w1', 3))
    })

    test('a session that has its lease keeps it as it is, when it is opened again', async () => {
      await store.open(leaseOf('w1', 1))
      await store.mark(leaseOf('w1', 1), at(41))
      expect(await store.open(leaseOf('w1', 1, { expiresAt: at(99) }))).toBe('known')
      expect(await get()).toEqual(leaseOf('w1', 1, { markedAt: at(41) }))
    })

    test('a beat of an older session is stale, and one that no lease knows of is unknown', async () => {
      await store.open(leaseOf('w1', 2))
      expect(await store.renew(beat(10, { epoch: 1 }))).toEqual({ kind: 'stale', epoch: 2 })
      expect(await store.renew(beat(10, { epoch: 3 }))).toEqual({ kind: 'unknown' })
      expect(await store.renew(beat(10, { workerId: 'w2' }))).toEqual({ kind: 'unknown' })
      expect(await store.renew(beat(10, { tenant: 'other', epoch: 2 }))).toEqual({ kind: 'unknown' })
      expect(await get()).toEqual(leaseOf('w1', 2))
    })

    test('a lease ends with its session, and with no other', async () => {
      await store.open(leaseOf('w1', 2))
      await store.close('default', 'w1', 1)
      await store.close('other', 'w1', 2)
      expect(await get()).toBeDefined()
      await store.close('default', 'w1', 2)
      expect(await get()).toBeUndefined()
      await store.close('default', 'w1', 2)
    })

    test('a flag stays through beats, is kept once, and belongs to one session', async () => {
      await store.open(leaseOf('w1', 1))
      const cancel = { kind: 'cancel-attempt', ...flash, graceMs: 100 } as const
      expect(await store.flag('default', 'w1', 1, { kind: 'drain' })).toBe(true)
      expect(await store.flag('default', 'w1', 1, cancel)).toBe(true)
      expect(await store.flag('default', 'w1', 1, { kind: 'drain' })).toBe(true)
      expect(await store.flag('default', 'w1', 1, { ...cancel, graceMs: 50 })).toBe(true)
      expect(await store.flag('default', 'w1', 2, { kind: 'drain' })).toBe(false)
      expect(await store.flag('default', 'w9', 1, { kind: 'drain' })).toBe(false)
      expect(await store.renew(beat(10))).toMatchObject({ lease: { flags: [{ kind: 'drain' }, cancel] } })
    })

    test('flags are bounded', async () => {
      await store.open(leaseOf('w1', 1))
      for (let n = 1; n <= flagCountMax + 10; n++)
        await store.flag('default', 'w1', 1, { kind: 'cancel-attempt', ...flash, attempt: n, graceMs: 1 })
      expect((await get())?.flags).toHaveLength(flagCountMax)
    })

    test('a marked lease refuses beats', async () => {
      await store.open(leaseOf('w1', 1))
      expect(await store.mark(leaseOf('w1', 1), at(41))).toBe(true)
      expect(await store.renew(beat(42))).toEqual({ kind: 'stale', epoch: 1 })
      expect(await get()).toEqual(leaseOf('w1', 1, { markedAt: at(41) }))
    })

    test('a half-done mark is found again, as of when it was made', async () => {
      await store.open(leaseOf('w1', 1))
      await store.mark(leaseOf('w1', 1), at(41))
      expect(await store.mark(leaseOf('w1', 1), at(50))).toBe(true)
      expect(await get()).toMatchObject({ markedAt: at(41) })
    })

    test('a lease that was renewed since it was seen is neither marked nor suspected', async () => {
      await store.open(leaseOf('w1', 1))
      const seen = leaseOf('w1', 1)
      await store.renew(beat(39))
      expect(await store.suspect(seen, at(41))).toBe(false)
      expect(await store.mark(seen, at(41))).toBe(false)
      expect(await get()).not.toHaveProperty('markedAt')
      expect(await get()).not.toHaveProperty('suspectedAt')
      expect(await store.mark(leaseOf('w1', 2), at(41))).toBe(false)
      expect(await store.mark(leaseOf('w9', 1), at(41))).toBe(false)
    })

    test('a suspicion stays through beats until it is over', async () => {
      await store.open(leaseOf('w1', 1))
      expect(await store.suspect(leaseOf('w1', 1), at(30))).toBe(true)
      await store.renew(beat(31))
      expect(await get()).toMatchObject({ suspectedAt: at(30) })
      await store.recover('default', 'w1', 2)
      expect(await get()).toMatchObject({ suspectedAt: at(30) })
      await store.recover('default', 'w1', 1)
      expect(await get()).not.toHaveProperty('suspectedAt')
      await store.recover('default', 'w9', 1)
    })

    test('of a mark and a beat that race exactly one wins', async () => {
      const outcomes = new Set<string>()
      for (let n = 0; n < 100; n++) {
        const lease = leaseOf(`r${n}`, 1)
        await store.open(lease)
        const renew = () => store.renew(beat(39, { workerId: lease.workerId }))
        const mark = () => store.mark(lease, at(41))
        const pair = n % 2 === 0 ? [renew(), mark()] : [mark(), renew()]
        const [isRenewed, isMarked] = (await Promise.all(pair)).map(
          (each) => each === true || (each !== false && each.kind === 'renewed'),
        )
        outcomes.add(n % 2 === 0 ? `${isRenewed}/${isMarked}` : `${isMarked}/${isRenewed}`)
      }
      for (const outcome of outcomes) expect(['true/false', 'false/true']).toContain(outcome)
    })

    test('a scan finds every lease, in pages', async () => {
      const ids = Array.from({ length: 2_500 }, (_, n) => `w${n}`)
      for (const id of ids) await store.open(leaseOf(id, 1))
      const pages = await Array.fromAsync(store.scan())
      expect(pages.length).toBeGreaterThan(1)
      expect(
        pages
          .flat()
          .map(({ workerId }) => workerId)
          .toSorted(),
      ).toEqual(ids.toSorted())
    })

    test('a scan goes on while leases come and go', async () => {
      for (let n = 0; n < 1_500; n++) await store.open(leaseOf(`w${n}`, 1))
      const seen = new Set<string>()
      for await (const page of store.scan()) {
        for (const { workerId } of page) seen.add(workerId)
        await store.renew(beat(10, { workerId: 'w1400' }))
        await store.close('default', 'w0', 1)
        await store.open(leaseOf('late', 1))
      }
      // One that is closed before its page is read need not be met.
      const missed = Array.from({ length: 1_499 }, (_, n) => `w${n + 1}`).filter((id) => !seen.has(id))
      expect(missed).toEqual([])
    })
  })
}
