import { describe, expect, test } from 'vitest'
import { openHistory } from '../../adapters/memory/history.ts'
import { troubled, writePath } from '../writePath.ts'

import { booking, refusal, register } from './handleStory.ts'

describe('cost', () => {
  test('a command that starts a stream reads nothing', async () => {
    const { send, calls } = writePath()
    expect(await send('bench', 'b1', 'RegisterBench', register('b1'))).toMatchObject({
      kind: 'done',
      created: true,
      head: { version: 1 },
    })
    expect(calls).toEqual({ append: 1, load: 0, loadLatest: 0 })
  })
  test('a command on a known stream is one append', async () => {
    const { send, calls } = writePath()
    await send('bench', 'b1', 'RegisterBench', register('b1'))
    await send('bench', 'b1', 'DescribeBench', { location: 'lab 1' })
    await send('reservation', 'r1', 'RequestReservation', booking('b1', 1, 2))
    expect(calls).toEqual({ append: 3, load: 0, loadLatest: 0 })
  })
  test('a race lost by one version costs one more append', async () => {
    const store = openHistory()
    const [one, two] = [writePath(store), writePath(store)]
    await one.send('bench', 'b1', 'RegisterBench', register('b1'))
    await two.send('bench', 'b1', 'DescribeBench', { location: 'lab 1' })
    await one.send('bench', 'b1', 'DescribeBench', { location: 'lab 2' })
    expect(one.calls).toEqual({ append: 3, load: 0, loadLatest: 0 })
    expect(one.heads.get('t/bench/b1')?.version).toBe(3)
  })
})

describe('what the cache can not prove', () => {
  test('a refusal is decided again on fresh states', async () => {
    const store = openHistory()
    const [one, two] = [writePath(store), writePath(store)]
    await one.send('bench', 'b1', 'RegisterBench', register('b1'))
    await one.send('bench', 'b1', 'StartMaintenance', { reason: 'fan' })
    await two.send('bench', 'b1', 'EndMaintenance', {})
    expect(await one.send('reservation', 'r1', 'RequestReservation', booking('b1', 1, 2))).toMatchObject({
      kind: 'done',
    })
  })
  test('so is that there is nothing to do', async () => {
    const store = openHistory()
    const [one, two] = [writePath(store), writePath(store)]
    await one.send('bench', 'b1', 'RegisterBench', register('b1'))
    await one.send('bench', 'b1', 'StartMaintenance', { reason: 'fan' })
    await two.send('bench', 'b1', 'EndMaintenance', {})
    expect(await one.send('bench', 'b1', 'StartMaintenance', { reason: 'again' })).toMatchObject({
      head: { version: 4 },
    })
  })
  test('so is a version that does not match', async () => {
    const store = openHistory()
    const [one, two] = [writePath(store), writePath(store)]
    await one.send('bench', 'b1', 'RegisterBench', register('b1'))
    await two.send('bench', 'b1', 'DescribeBench', { location: 'lab 1' })
    expect(await one.send('bench', 'b1', 'DescribeBench', { location: 'lab 2' }, { ifMatch: 2 })).toMatchObject({
      kind: 'done',
    })
    expect(await one.send('bench', 'b1', 'DescribeBench', { location: 'lab 3' }, { ifMatch: 2 })).toEqual({
      kind: 'version-mismatch',
      version: 3,
    })
  })
  test('bookings do not spoil an editor of the bench', async () => {
    const { send } = writePath()
    await send('bench', 'b1', 'RegisterBench', register('b1'))
    await send('reservation', 'r1', 'RequestReservation', booking('b1', 1, 2))
    expect(await send('bench', 'b1', 'DescribeBench', { location: 'lab 2' }, { ifMatch: 1 })).toMatchObject({
      kind: 'done',
    })
  })
})

describe('races', () => {
  test('many servers book one window: one has it, the others are told who', async () => {
    const store = openHistory()
    const servers = Array.from({ length: 8 }, () => writePath(store))
    await servers[0]!.send('bench', 'b1', 'RegisterBench', register('b1'))
    const outcomes = await Promise.all(
      Array.from({ length: 80 }, (_, n) =>
        servers[n % 8]!.send('reservation', `r${n}`, 'RequestReservation', booking('b1', 1, 2)),
      ),
    )
    const winners = outcomes.filter((outcome) => outcome.kind === 'done')
    expect(winners).toHaveLength(1)
    expect(new Set(outcomes.filter((outcome) => outcome.kind !== 'done').map(refusal))).toEqual(
      new Set(['IntervalConflict']),
    )
    expect(await store.load('t/bench/b1')).toHaveLength(2)
  })
  test('disjoint windows of one bench are all taken', async () => {
    const store = openHistory()
    const servers = Array.from({ length: 4 }, () => writePath(store))
    await servers[0]!.send('bench', 'b1', 'RegisterBench', register('b1'))
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        servers[n % 4]!.send('reservation', `r${n}`, 'RequestReservation', booking('b1', n, n + 1)),
      ),
    )
    expect(outcomes.map((outcome) => outcome.kind)).toEqual(Array.from({ length: 20 }, () => 'done'))
    const [server] = servers
    await server!.send('bench', 'b1', 'DescribeBench', { location: 'x' })
    expect(server!.heads.get('t/bench/b1')?.state).toMatchObject({ intervals: { length: 20 } })
  })
  test('a hot stream is written in turn: nobody starves, and hardly an append is in vain', async () => {
    const { send, calls } = writePath()
    await send('bench', 'b1', 'RegisterBench', register('b1'))
    const outcomes = await Promise.all(
      Array.from({ length: 300 }, (_, n) => send('bench', 'b1', 'DescribeBench', { location: `lab ${n}` })),
    )
    expect(new Set(outcomes.map((outcome) => outcome.kind))).toEqual(new Set(['done']))
    expect(calls.append).toBeLessThan(2 * 301)
  })
  test('gangs over the same benches in every order: no deadlock, all answered', async () => {
    const { send } = writePath()
    const ids = ['b1', 'b2', 'b3']
    for (const id of ids) await send('bench', id, 'RegisterBench', register(id))
    const outcomes = await Promise.all(
      Array.from({ length: 120 }, (_, n) => {
        const benches = [0, 1, 2].map((index) => ({ benchId: ids[(index * (1 + (n % 2)) + n) % 3] ?? '' }))
        return send('reservation', `r${n}`, 'RequestReservation', booking('b1', n % 20, (n % 20) + 1, { benches }))
      }),
    )
    expect(outcomes.filter((outcome) => outcome.kind === 'done')).toHaveLength(20)
    expect(new Set(outcomes.map(refusal))).toEqual(new Set(['done', 'IntervalConflict']))
  })
  test('a server whose state is many commits old reads what has come since, instead of losing once to each', async () => {
    const store = openHistory()
    const [one, two] = [writePath(store), writePath(store)]
    await one.send('bench', 'b1', 'RegisterBench', register('b1'))
    for (let n = 0; n < 150; n++) await two.send('bench', 'b1', 'DescribeBench', { location: `lab ${n}` })
    const before = { ...one.calls }
    expect(await one.send('bench', 'b1', 'DescribeBench', { location: 'here' })).toMatchObject({
      kind: 'done',
      head: { version: 152 },
    })
    expect(one.calls.append - before.append).toBeLessThanOrEqual(5)
    expect(one.calls.load - before.load).toBe(1)
  })
  test('a stream that was taken to be absent, and is long, costs one more append and one read', async () => {
    const store = openHistory()
    const { send } = writePath(store)
    await send('worker', 'w1', 'EnrolWorker', {})
    for (let n = 0; n < 150; n++) await send('worker', 'w1', 'EnrolWorker', { labels: { n: `${n}` } })
    const cold = writePath(store)
    expect(await cold.send('worker', 'w1', 'EnrolWorker', { labels: { rack: '7' } })).toMatchObject({ kind: 'done' })
    expect(cold.calls.append).toBe(2)
  })
  test('who keeps losing gives up, with nothing written', async () => {
    const store = openHistory()
    const { send } = writePath({ ...store, append: async () => ({ kind: 'conflict', winners: [] }) })
    expect(await send('bench', 'b1', 'RegisterBench', register('b1'))).toEqual({ kind: 'contended', attempts: 100 })
    expect((await store.feed(undefined, 10)).commits).toEqual([])
  })
  test('a decision that read a stream and wrote another rests on both', async () => {
    const store = openHistory()
    const [one, two] = [writePath(store), writePath(store)]
    await one.send('bench', 'b1', 'RegisterBench', register('b1'))
    await one.send('reservation', 'r1', 'RequestReservation', booking('b1', 1, 2))
    await two.send('reservation', 'r1', 'CancelReservation', {})
    const plan = { reservationId: 'r1', tasks: [{ name: 'a', run: {} }] }
    expect(refusal(await one.send('execution', 'e1', 'SubmitExecution', plan))).toBe('ReservationNotOpen')
    expect(await store.load('t/execution/e1')).toEqual([])
  })
})

describe('an outage', () => {
  test('is thrown, and the next command goes on', async () => {
    const store = openHistory()
    const { send } = writePath(troubled(store, (n) => (n === 1 ? 'before' : undefined)))
    await expect(send('bench', 'b1', 'RegisterBench', register('b1'))).rejects.toThrow('the store is gone')
    expect(await send('bench', 'b1', 'RegisterBench', register('b1'))).toMatchObject({ kind: 'done', created: true })
  })
})

describe('time', () => {
  test('of a stream never goes back, whatever the clock does', async () => {
    const { send, store } = writePath()
    await send('bench', 'b1', 'RegisterBench', register('b1'), { at: '2026-03-01T10:00:00.000Z' })
    await send('bench', 'b1', 'DescribeBench', { location: 'x' }, { at: '2026-03-01T08:00:00.000Z' })
    expect((await store.load('t/bench/b1')).map((commit) => commit.at)).toEqual([
      '2026-03-01T10:00:00.000Z',
      '2026-03-01T10:00:00.000Z',
    ])
  })
  test('is what a command is decided by: one that comes late does nothing that was over by then', async () => {
    const { send } = writePath()
    await send('bench', 'b1', 'RegisterBench', register('b1'))
    await send('reservation', 'r1', 'RequestReservation', booking('b1', 1, 2))
    await send('reservation', 'r1', 'TransferReservation', { holder: 'bob' }, { at: '2026-03-01T09:55:00.000Z' })
    const late = { at: '2026-03-01T09:30:00.000Z' }
    const amended = await send('reservation', 'r1', 'AmendReservation', { start: '2026-03-01T09:50:00Z' }, late)
    expect(refusal(amended)).toBe('WindowInThePast')
  })
})

describe('riding states', () => {
  test('an old stream is loaded from its newest ride, with nothing forgotten', async () => {
    const { send, store } = writePath()
    await send('bench', 'b1', 'RegisterBench', register('b1'))
    await send('reservation', 'r1', 'RequestReservation', booking('b1', 1, 2))
    for (let n = 0; n < 100; n++)
      await send('reservation', 'r1', 'TransferReservation', { holder: `h${n}` }, { commandId: `key-${n}` })
    const latest = await store.loadLatest('t/reservation/r1', 1)
    expect(latest.base?.version).toBeGreaterThan(32)
    expect(latest.commits.length).toBeLessThan(64)
    const cold = writePath(store)
    expect(
      await cold.send('reservation', 'r1', 'TransferReservation', { holder: 'h5' }, { commandId: 'key-5' }),
    ).toMatchObject({ replayed: true, head: { version: 7 } })
    await cold.send('reservation', 'r1', 'TransferReservation', { holder: 'last' })
    expect(cold.heads.get('t/reservation/r1')?.state).toMatchObject({ holder: 'last' })
    expect(cold.heads.get('t/reservation/r1')?.correlationId).toBe('c')
  })
})
