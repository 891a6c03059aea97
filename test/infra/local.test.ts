import { describe, expect, test } from 'vitest'
import type { Explanation } from '../../domain/reservation/events.ts'
import type { Reservation } from '../../domain/reservation/state.ts'
import { foldedRows, numbers, openHouses, openTime, shownRows, until } from './house.ts'

const { open } = openHouses()

describe.each(['memory', 'sqlite'] as const)('a house on %s', (store) => {
  test('shows a booking in the views, and waits for it when asked to', async () => {
    const { bench, book, row } = await open({ store, now: openTime().now })
    await bench('b1')
    await book('r1', 'b1', { start: '2026-03-02T10:00:00Z' })
    expect(await row('reservations', 'r1', 1)).toMatchObject({
      id: 'r1',
      version: 1,
      nextDue: '2026-03-02T10:00:00.000Z',
      body: { status: 'confirmed', holder: 'ada', benchIds: ['b1'] },
    })
    expect((await row('benches', 'b1', 2))?.body).toMatchObject({ intervals: [{ reservationId: 'r1' }] })
  })

  test('books by query: the least capable bench that can, and says why not the others', async () => {
    const { bench, done, services } = await open({ store, now: openTime().now })
    await bench('plain')
    await bench('good', { capabilities: ['can-fd', 'ecu=x'] })
    await bench('better', { capabilities: ['can-fd', 'ecu=x', 'psu.channels=4'] })
    await bench('other', { type: 'sil', capabilities: ['can-fd', 'ecu=x'] })
    await done('reservation', 'r1', 'RequestReservation', {
      holder: 'ada',
      benches: [{ query: ['can-fd', 'ecu in (w,x)'], type: 'hil' }],
      durationMs: 60_000,
    })
    const [commit] = await services.history.load('default/reservation/r1')
    const { decision, benchIds } = commit!.events[0]!.data as { decision: Explanation; benchIds: string[] }
    expect(benchIds).toEqual(['good'])
    expect(decision).toMatchObject({
      rule: 'by-query',
      candidates: ['good', 'better'],
      exclusionCounts: { 'can-fd': 1, type: 1 },
    })
    expect(decision.exclusions).toContainEqual({ benchId: 'other', reason: 'type' })
  })

  test('a refusal by query rests on what the benches are now, not on what a view remembers', async () => {
    const { bench, done, send } = await open({ store, now: openTime().now })
    const ask = (id: string) =>
      send('reservation', id, 'RequestReservation', {
        holder: 'ada',
        benches: [{ query: ['laser'] }],
        durationMs: 60_000,
      })
    await bench('b1')
    expect(await ask('r1')).toMatchObject({ kind: 'refused', rejection: { rejection: 'NoBenchMatches' } })
    await done('bench', 'b1', 'DescribeBench', { capabilities: ['laser'] })
    expect(await ask('r2')).toMatchObject({ kind: 'done' })
    await bench('b2', { capabilities: ['laser'] })
    expect(await ask('r3')).toMatchObject({ kind: 'done' })
  })

  test('who waits in the queue gets the bench the moment it is released', async () => {
    const { bench, book, done, row, house, status } = await open({ store })
    await bench('b1')
    await book('r1', 'b1')
    await book('r2', 'b1', { queue: true })
    await until(async () => (await status('r1')) === 'active')
    const before = (await row('reservations', 'r2', 1))?.body as Reservation
    await done('reservation', 'r1', 'ReleaseReservation')
    const after = (await row('reservations', 'r2', 2))?.body as Reservation
    expect(after.start < before.start).toBe(true)
    expect(await house.settled()).toBe(true)
  })

  test('who has priority in the queue profits first, whoever asked first', async () => {
    const { bench, book, done, row, house } = await open({ store, now: openTime().now })
    await bench('b1')
    await book('now', 'b1', { start: '2026-03-02T09:00:00Z' })
    await book('patient', 'b1', { start: '2026-03-02T09:00:00Z', queue: true, priority: 10 })
    await book('urgent', 'b1', { start: '2026-03-02T09:00:00Z', queue: true, priority: 90 })
    await done('reservation', 'now', 'CancelReservation')
    await house.settled()
    const startOf = async (id: string) => ((await row('reservations', id))!.body as Reservation).start
    expect(await startOf('urgent')).toBe('2026-03-02T09:00:00.000Z')
    expect(await startOf('patient')).toBe('2026-03-02T10:00:00.000Z')
  })

  test('time brings activation, no-show and expiry, each by a Tick of the clock', async () => {
    const time = openTime()
    const { bench, book, done, status, house, services } = await open({ store, now: time.now })
    await bench('b1')
    await bench('b2')
    await book('seen', 'b1', { start: time.in(10) })
    await book('unseen', 'b2', { start: time.in(10) })
    const tickAt = async (minutes: number, id: string, expected: string) => {
      time.pass(minutes)
      house.wakeClock()
      await until(async () => (await status(id)) === expected)
    }
    await tickAt(10, 'seen', 'active')
    await done('reservation', 'seen', 'CheckInReservation')
    await until(async () => (await status('unseen')) === 'active')
    await tickAt(5, 'unseen', 'no-show')
    await tickAt(55, 'seen', 'expired')
    const [, activation] = await services.history.load('default/reservation/seen')
    expect(activation).toMatchObject({ actor: { kind: 'system', id: 'clock' }, correlationId: 'about-seen' })
    expect(activation?.commandId).toBe('clock:reservation/seen@1:2026-03-02T08:10:00.000Z')
  })

  test('an execution finished with releaseReservation gives the bench back, caused by that event', async () => {
    const time = openTime()
    const { bench, book, done, house, services, status } = await open({ store, now: time.now })
    await bench('b1')
    await book('r1', 'b1')
    await until(async () => (await status('r1')) === 'active')
    const tasks = [{ name: 't', run: {} }]
    await done('execution', 'e1', 'SubmitExecution', { reservationId: 'r1', releaseReservation: true, tasks })
    await done('execution', 'e1', 'CancelExecution')
    await until(async () => (await status('r1')) === 'released')
    const released = (await services.history.load('default/reservation/r1')).at(-1)
    expect(released).toMatchObject({
      actor: { kind: 'system', id: 'releaseAfterExecution' },
      commandId: 'releaseAfterExecution:execution/e1/4:reservation/r1',
      causationId: 'execution/e1/4',
      correlationId: 'about-e1',
    })
    expect(await house.settled()).toBe(true)
  })

  test('the feed may come duplicated and in any order: the views are what history folds to', async () => {
    const disorder = <Item>(page: readonly Item[]) => [...page.toReversed(), ...page.slice(0, 3)]
    const all = await open({ store, disorder })
    const { bench, book, done, house, services } = all
    for (const id of ['b1', 'b2']) await bench(id)
    await Promise.all([1, 2, 3, 4, 5, 6].map((n) => book(`r${n}`, `b${1 + (n % 2)}`, { queue: true })))
    for (const n of [6, 4, 5]) await done('reservation', `r${n}`, 'CancelReservation').catch(() => {})
    expect(await house.settled()).toBe(true)
    expect(await shownRows(all)).toEqual(await foldedRows(services.history))
  })

  test('a retry with its key is answered the same, a key used for something else is refused', async () => {
    const { bench, book, send } = await open({ store, now: openTime().now })
    await bench('b1')
    await book('r0', 'b1', { start: '2026-03-02T10:00:00Z' })
    const ask = (holder: string) =>
      send('reservation', 'r0', 'TransferReservation', { holder }, { idempotencyKey: 'k1' })
    expect(await ask('bob')).toMatchObject({ kind: 'done', replayed: false, head: { version: 2 } })
    expect(await ask('bob')).toMatchObject({ kind: 'done', replayed: true, head: { version: 2 } })
    expect(await ask('eve')).toEqual({ kind: 'key-reused' })
  })

  test('the state of a stream is told as of any version, in the middle of a commit too, and as of any instant', async () => {
    const time = openTime()
    const { bench, done, services } = await open({ store, now: time.now })
    await bench('b1')
    await done('worker', 'w1', 'EnrolWorker')
    time.pass(1)
    await done('worker', 'w1', 'OpenSession', { benches: ['b1'], agentVersion: '1' })
    time.pass(1)
    await done('worker', 'w1', 'OpenSession', { benches: ['b1'], agentVersion: '1' })
    const at = (asOf: { version: number } | { at: string }) => services.headAsOf('default', 'worker', 'w1', asOf)
    expect((await at({ version: 2 }))?.state).toMatchObject({ epoch: 1, session: { epoch: 1 } })
    expect((await at({ version: 3 }))?.state).toMatchObject({ epoch: 1, session: null })
    expect((await at({ version: 4 }))?.state).toMatchObject({ epoch: 2, session: { epoch: 2 } })
    expect(await at({ version: 5 })).toBeUndefined()
    expect(await at({ version: 0 })).toBeUndefined()
    expect(await at({ at: time.in(-3) })).toBeUndefined()
    expect((await at({ at: time.in(-1) }))?.version).toBe(2)
    expect((await at({ at: time.in(9) }))?.version).toBe(4)
    expect(await services.headOf('default', 'worker', 'nobody')).toMatchObject({ version: 0 })
    expect(await services.headOf('default', 'worker', 'w1')).toMatchObject({ version: 4 })
  })

  test('an untouched history is found whole, all of it and one stream', async () => {
    const { bench, book, house, services } = await open({ store, now: openTime().now })
    await bench('b1')
    await book('r1', 'b1')
    await house.settled()
    const whole = { ok: true, failures: [] }
    expect(await services.verify(undefined)).toMatchObject({ ...whole, streamCount: 2 })
    expect(await services.verify('bench/b1')).toMatchObject({ ...whole, streamCount: 1 })
    expect(await services.verify('default/bench/b1')).toMatchObject({ ...whole, streamCount: 1 })
    expect(() => services.verify('nonsense')).toThrow('not a stream name')
  })

  test('counts what it does, and tells how far the views are', async () => {
    const { bench, book, house } = await open({ store })
    await bench('b1')
    await book('r1', 'b1')
    await until(() => numbers(house)['benchplane_projected_events_total'] === 4)
    expect(numbers(house)).toMatchObject({
      benchplane_appended_commits_total: 4,
      benchplane_appended_events_total: 4,
      benchplane_projected_events_total: 4,
      benchplane_projection_lag_commits: 0,
      benchplane_projection_lag_ms: expect.any(Number),
      benchplane_dead_letters: 0,
      benchplane_cached_heads: 2,
    })
    expect(await house.viewsStatus()).toMatchObject({
      generation: 1,
      rebuilding: false,
      items: [
        { name: 'benches', rowCount: 1, behindCount: 0, checkpoint: 4 },
        { name: 'reservations', rowCount: 1 },
        { name: 'executions', rowCount: 0 },
        { name: 'tasks', rowCount: 0 },
        { name: 'workers', rowCount: 0 },
      ],
    })
    for (const { name, help, kind } of house.counters())
      expect([name, help.length > 0, kind]).toEqual([
        expect.stringMatching(/^benchplane_[a-z_]+$/),
        true,
        expect.stringMatching(/^(counter|gauge)$/),
      ])
  })

  test('a closed house says so, and keeps nobody waiting', async () => {
    const { bench, house, services } = await open({ store })
    expect(services.unready()).toBeUndefined()
    const waiting = services.views.row('benches', 'default', 'never', 1)
    await house.close()
    expect(await waiting.catch(() => 'behind')).toBe('behind')
    expect(services.unready()).toBe('the house is closing')
    await expect(bench('b1')).rejects.toThrow('closed')
  })
})
