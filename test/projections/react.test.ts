import { describe, expect, test } from 'vitest'
import { openViews } from '../../adapters/memory/views.ts'
import type { Commit, StoredEvent } from '../../domain/event.ts'
import type { Policy } from '../../domain/policies/policy.ts'
import type { ViewQuestion } from '../../domain/ports.ts'
import { benches } from '../../projections/benches.ts'
import { reactionsTo } from '../../projections/react.ts'
import { reservations } from '../../projections/reservations.ts'

const commit = (stream: string, version: number, ...events: readonly [type: string, data?: object][]): Commit => ({
  stream,
  version,
  events: events.map(([type, data = {}]): StoredEvent => ({ type, schemaVersion: 1, data })),
  at: '2026-03-02T09:00:00.000Z',
  actor: { kind: 'user', id: 'ada' },
  commandId: 'c',
  commandHash: 'h',
  correlationId: `about-${stream}`,
  traceparent: 'trace',
  previousHash: null,
  hash: 'x',
})

const bench = {
  status: 'registered',
  benchId: 'b1',
  serviceability: 'in-service',
  description: { type: 'hil', capabilities: ['can-fd'], setupMs: 0, teardownMs: 0, labels: {} },
}
const reservation = (status: string, more: object = {}) => ({
  status,
  holder: 'ada',
  benches: [{ query: ['can-fd'] }],
  benchIds: ['b1'],
  start: '2026-03-02T12:00:00.000Z',
  end: '2026-03-02T13:00:00.000Z',
  earliestStart: '2026-03-02T08:00:00.000Z',
  requestedAt: '2026-03-02T08:00:00.000Z',
  priority: 50,
  ...more,
})

/** Views that hold just these rows, with every question that was asked of them. */
const viewsWith = async (
  rows: readonly [view: { name: string; entries: typeof benches.entries }, id: string, body: unknown][],
) => {
  const store = openViews()
  await store.write(
    rows.map(([view, id, body]) => ({
      view: view.name,
      tenant: 'default',
      row: { id, version: 1, body },
      previousVersion: 0,
      entries: view.entries(id, body as never),
    })),
  )
  const asked: string[] = []
  return {
    asked,
    read: (view: string, tenant: string, ids: readonly string[]) => {
      asked.push(`${view} ${ids.join()}`)
      return store.read(view, tenant, ids)
    },
    query: (question: ViewQuestion) => {
      asked.push(`${question.index} ${question.partition}`)
      return store.query(question)
    },
  }
}
/** Rows of executions are small: what an index needs of their fold is not in them. */
const executionRows = { name: 'executions', entries: () => [{ index: 'reservation_idx', partition: 'r1', sort: '' }] }
const all = [benches, reservations, executionRows] as unknown as { name: string; entries: typeof benches.entries }[]
const [benchView, reservationView, executionView] = all as [(typeof all)[0], (typeof all)[0], (typeof all)[0]]

describe('policies react', () => {
  test('to an event they watch: with a command that says who, why and for which event', async () => {
    const views = await viewsWith([])
    const finished = { verdict: 'passed', releaseReservation: true, reservationId: 'r1' }
    const [reaction, ...more] = await reactionsTo(views, [
      commit('default/execution/e1', 7, ['AttemptPassed'], ['ExecutionFinished', finished]),
    ])
    expect(more).toEqual([])
    expect(reaction).toEqual({
      policy: 'releaseAfterExecution',
      tenant: 'default',
      kind: 'reservation',
      id: 'r1',
      type: 'ReleaseReservation',
      data: {},
      commandId: 'releaseAfterExecution:execution/e1/8:reservation/r1',
      actor: { kind: 'system', id: 'releaseAfterExecution' },
      causationId: 'execution/e1/8',
      correlationId: 'about-default/execution/e1',
      traceparent: 'trace',
      lane: 'default/reservation/r1',
      place: 0,
    })
  })

  test('to nothing else, and ask nothing then', async () => {
    const views = await viewsWith([])
    expect(await reactionsTo(views, [commit('default/bench/b1', 1, ['BenchSuspected'], ['IntervalHeld'])])).toEqual([])
    expect(views.asked).toEqual([])
  })

  test('a bench that is freed pulls the queue forward, by priority, then waiting time, one after the other', async () => {
    const views = await viewsWith([
      [benchView, 'b1', bench],
      [reservationView, 'first', reservation('queued')],
      [reservationView, 'later', reservation('queued', { requestedAt: '2026-03-02T08:30:00.000Z' })],
      [reservationView, 'urgent', reservation('queued', { requestedAt: '2026-03-02T08:45:00.000Z', priority: 90 })],
      [reservationView, 'other', reservation('queued', { benches: [{ benchId: 'b2' }], benchIds: ['b2'] })],
      [reservationView, 'confirmed', reservation('confirmed')],
    ])
    const reactions = await reactionsTo(views, [
      commit('default/bench/b1', 5, ['IntervalFreed', { reservationId: 'gone' }]),
    ])
    expect(reactions.map(({ id, type, lane }) => [id, type, lane])).toEqual([
      ['urgent', 'PullForward', 'default/queue'],
      ['first', 'PullForward', 'default/queue'],
      ['later', 'PullForward', 'default/queue'],
    ])
  })

  test('where nobody waits, the bench is not even looked at', async () => {
    const views = await viewsWith([[benchView, 'b1', bench]])
    await reactionsTo(views, [commit('default/bench/b1', 5, ['IntervalFreed', { reservationId: 'gone' }])])
    expect(views.asked).toEqual(['queued_idx queued'])
  })

  test('the same command for several events of a batch is sent once, in the order of the queue', async () => {
    const views = await viewsWith([
      [benchView, 'b1', bench],
      [
        benchView,
        'b2',
        { ...bench, benchId: 'b2', description: { ...bench.description, capabilities: ['can-fd', 'lin'] } },
      ],
      [reservationView, 'low', reservation('queued')],
      [reservationView, 'high', reservation('queued', { priority: 90, benches: [{ query: ['lin'] }] })],
    ])
    const freed = (stream: string) => commit(stream, 5, ['IntervalFreed', { reservationId: 'gone' }])
    const reactions = await reactionsTo(
      views,
      ['b1', 'b2', 'b1'].map((id) => freed(`default/bench/${id}`)),
    )
    expect(reactions.map(({ id, causationId }) => [id, causationId])).toEqual([
      ['high', 'bench/b2/5'],
      ['low', 'bench/b1/5'],
    ])
    expect(views.asked.filter((question) => question.startsWith('queued_idx'))).toHaveLength(1)
  })

  test('the queue is read to its end, page by page', async () => {
    const rows = Array.from({ length: 1_200 }, (_, n): [typeof benchView, string, unknown] => [
      reservationView,
      `r${n}`,
      reservation('queued'),
    ])
    const views = await viewsWith([[benchView, 'b1', bench], ...rows])
    const reactions = await reactionsTo(views, [commit('default/bench/b1', 5, ['IntervalFreed', {}])])
    expect(reactions).toHaveLength(1_200)
    expect(views.asked.filter((question) => question.startsWith('queued_idx'))).toHaveLength(3)
  })

  test('a vacated bench wakes who was to be active by now, and nobody who is over', async () => {
    const past = { start: '2026-03-02T08:30:00.000Z' }
    const views = await viewsWith([
      [reservationView, 'due', reservation('confirmed', past)],
      [reservationView, 'coming', reservation('confirmed')],
      [reservationView, 'over', reservation('cancelled', past)],
    ])
    const reactions = await reactionsTo(views, [
      commit('default/bench/b1', 9, ['BenchVacated', { reservationId: 'x' }]),
    ])
    expect(reactions.map(({ id, type }) => `${id} ${type}`)).toEqual(['due Tick'])
  })

  test('a reservation that is over ends its executions that have not finished', async () => {
    const views = await viewsWith(
      ['running', 'finished', 'queued'].map((status, n) => [executionView, `e${n + 1}`, { status }]),
    )
    const reactions = await reactionsTo(views, [commit('default/reservation/r1', 4, ['ReservationExpired'])])
    expect(reactions.map(({ id, type }) => `${id} ${type}`).toSorted()).toEqual(['e1 EndExecution', 'e3 EndExecution'])
  })

  test('several policies may watch one event; their commands are told apart', async () => {
    const policy = (name: string): Policy => ({
      name,
      on: ['BenchOnline'],
      then: () => [{ kind: 'bench', id: 'b1', type: 'Same', data: {} }],
    })
    const reactions = await reactionsTo(
      await viewsWith([]),
      [commit('default/bench/b1', 1, ['BenchOnline'])],
      [policy('one'), policy('two')],
    )
    expect(reactions.map(({ commandId }) => commandId)).toEqual(['one:bench/b1/1:bench/b1', 'two:bench/b1/1:bench/b1'])
  })
})
