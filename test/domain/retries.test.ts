import { describe, expect, test } from 'vitest'
import { openHistory } from '../../adapters/memory/history.ts'
import { recentCommandCountMax } from '../../domain/recent.ts'
import { troubled, writePath } from '../writePath.ts'

import { booking, refusal, register } from './handleStory.ts'

const key = { commandId: 'my-key' }

describe('retries', () => {
  test('the same command has one effect and the same answer, from any server, after any time', async () => {
    const store = openHistory()
    const [one, two] = [writePath(store), writePath(store)]
    await one.send('bench', 'b1', 'RegisterBench', register('b1'))
    const first = await one.send('bench', 'b1', 'DescribeBench', { location: 'lab 1' }, key)
    await one.send('bench', 'b1', 'DescribeBench', { location: 'lab 2' })
    const again = await two.send('bench', 'b1', 'DescribeBench', { location: 'lab 1' }, key)
    expect(first.kind === 'done' && again.kind === 'done' && again.replayed).toBe(true)
    expect(again).toMatchObject({ head: { version: 2, state: { description: { location: 'lab 1' } } } })
    expect((await store.load('t/bench/b1')).length).toBe(3)
  })
  test('a creation is answered for ever', async () => {
    const { send, store } = writePath()
    await send('bench', 'b1', 'RegisterBench', register('b1'))
    await send('reservation', 'r1', 'RequestReservation', booking('b1', 1, 2), key)
    for (let n = 0; n < recentCommandCountMax + 5; n++)
      await send('reservation', 'r1', 'TransferReservation', { holder: `h${n}` })
    const again = await writePath(store).send('reservation', 'r1', 'RequestReservation', booking('b1', 1, 2), key)
    expect(again).toMatchObject({
      kind: 'done',
      replayed: true,
      created: true,
      head: { version: 1, state: { holder: 'ada' } },
    })
  })
  test('others are remembered among the last so many, and not one more', async () => {
    const { send } = writePath()
    await send('bench', 'b1', 'RegisterBench', register('b1'))
    await send('reservation', 'r1', 'RequestReservation', booking('b1', 1, 2))
    await send('reservation', 'r1', 'TransferReservation', { holder: 'bob' }, key)
    for (let n = 0; n < recentCommandCountMax - 1; n++)
      await send('reservation', 'r1', 'TransferReservation', { holder: `h${n}` })
    expect(await send('reservation', 'r1', 'TransferReservation', { holder: 'bob' }, key)).toMatchObject({
      replayed: true,
      head: { version: 2 },
    })
    await send('reservation', 'r1', 'TransferReservation', { holder: 'last' })
    expect(await send('reservation', 'r1', 'TransferReservation', { holder: 'bob' }, key)).toMatchObject({
      replayed: false,
    })
  })
  test('members of the appends of others do not push a command out', async () => {
    const { send } = writePath()
    await send('bench', 'b1', 'RegisterBench', register('b1'))
    await send('bench', 'b1', 'DescribeBench', { location: 'lab 1' }, key)
    for (let n = 0; n < recentCommandCountMax; n++) {
      await send('reservation', `r${n}`, 'RequestReservation', booking('b1', 1, 2))
      await send('reservation', `r${n}`, 'CancelReservation', {})
    }
    expect(await send('bench', 'b1', 'DescribeBench', { location: 'lab 1' }, key)).toMatchObject({
      replayed: true,
      head: { version: 2 },
    })
  })
  test('a key that was used for something else is refused', async () => {
    const { send } = writePath()
    await send('bench', 'b1', 'RegisterBench', register('b1'), key)
    expect(await send('bench', 'b1', 'RegisterBench', register('b1', { type: 'sil' }), key)).toEqual({
      kind: 'key-reused',
    })
    expect(await send('bench', 'b1', 'DescribeBench', { type: 'sil' }, key)).toEqual({ kind: 'key-reused' })
  })
  test('keys are scoped to the stream they address', async () => {
    const { send } = writePath()
    await send('bench', 'b1', 'RegisterBench', register('b1'), key)
    expect(await send('bench', 'b2', 'RegisterBench', register('b2'), key)).toMatchObject({
      kind: 'done',
      replayed: false,
    })
  })
  test('refusals are not remembered: a retry is decided anew', async () => {
    const { send } = writePath()
    await send('bench', 'b1', 'RegisterBench', register('b1'))
    await send('reservation', 'r1', 'RequestReservation', booking('b1', 1, 3))
    expect(refusal(await send('reservation', 'r2', 'RequestReservation', booking('b1', 2, 4), key))).toBe(
      'IntervalConflict',
    )
    await send('reservation', 'r1', 'CancelReservation', {})
    expect(await send('reservation', 'r2', 'RequestReservation', booking('b1', 2, 4), key)).toMatchObject({
      kind: 'done',
    })
  })
  test('a lost answer: the retry finds what was done', async () => {
    const store = openHistory()
    const { send } = writePath(store)
    await send('bench', 'b1', 'RegisterBench', register('b1'))
    const bad = writePath(troubled(store, (n) => (n === 1 ? 'after' : undefined)))
    await expect(bad.send('reservation', 'r1', 'RequestReservation', booking('b1', 1, 2), key)).rejects.toThrow(
      'the answer is lost',
    )
    expect(await bad.send('reservation', 'r1', 'RequestReservation', booking('b1', 1, 2), key)).toMatchObject({
      kind: 'done',
      replayed: true,
      created: true,
    })
    expect(await store.load('t/bench/b1')).toHaveLength(2)
  })
})

describe('reports of attempts', () => {
  const session = { workerId: 'w1', epoch: 1 }
  const now = { at: '2026-03-02T01:00:00.000Z' }
  const running = async (taskCount: number) => {
    const path = writePath()
    const { send } = path
    await send('bench', 'b1', 'RegisterBench', register('b1'))
    await send('worker', 'w1', 'EnrolWorker', {})
    await send('worker', 'w1', 'OpenSession', { benches: ['b1'], agentVersion: '1' })
    await send('reservation', 'r1', 'RequestReservation', booking('b1', 1, 9))
    await send('reservation', 'r1', 'Tick', {}, now)
    const tasks = Array.from({ length: taskCount }, (_, n) => ({ name: `t${n}`, run: {} }))
    await send('execution', 'e1', 'SubmitExecution', { reservationId: 'r1', tasks }, now)
    const report = async (n: number, rest: Record<string, unknown> = {}, data: Record<string, unknown> = {}) => {
      await send('execution', 'e1', 'ClaimTask', { taskName: `t${n}`, benchId: 'b1', ...session }, now)
      return send(
        'execution',
        'e1',
        'CompleteAttempt',
        { taskName: `t${n}`, attempt: 1, ...session, ...data },
        { ...now, ...rest },
      )
    }
    return { ...path, report }
  }
  test('are answered for ever as they were the first time', async () => {
    const { report } = await running(70)
    const first = await report(0, key)
    for (let n = 1; n < 70; n++) await report(n)
    const again = await report(0, key)
    expect(again).toMatchObject({ kind: 'done', replayed: true })
    expect(again.kind === 'done' && first.kind === 'done' && again.head.version === first.head.version).toBe(true)
    expect(await report(0, key, { result: { x: 1 } })).toEqual({ kind: 'key-reused' })
  })
  test('that were refused are refused again, though the refusal was kept', async () => {
    const { send, store } = await running(1)
    const stale = { taskName: 't0', attempt: 7, ...session }
    expect(refusal(await send('execution', 'e1', 'CompleteAttempt', stale, { ...now, ...key }))).toBe('StaleAttempt')
    expect(refusal(await send('execution', 'e1', 'CompleteAttempt', stale, { ...now, ...key }))).toBe('StaleAttempt')
    const types = (await store.load('t/execution/e1')).flatMap(({ events }) => events.map(({ type }) => type))
    expect(types.filter((type) => type === 'AttemptReportRejected').length).toBeGreaterThan(0)
  })
})
