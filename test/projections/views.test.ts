import { describe, expect, test } from 'vitest'
import { indexKeyOf, parseTerm } from '../../domain/capabilities.ts'
import type { RecordedEvent } from '../../domain/event.ts'
import type { View } from '../../projections/view.ts'
import { viewNames, views, viewsOf, viewsShape } from '../../projections/views.ts'

const viewNamed = (name: string): View<unknown> => views.find((view) => view.name === name)!

/** The body of a view's row after these events, and where it is found. */
const after = (name: string, id: string, ...events: readonly [type: string, data?: object][]) => {
  const view = viewNamed(name)
  let body: unknown
  for (const [index, [type, data = {}]] of events.entries()) {
    const version = index + 1
    const recorded = { type, data, version, at: `2026-03-02T08:00:0${index}.000Z` } as unknown as RecordedEvent
    body = view.project(body, recorded)
  }
  const places = view.entries(id, body).map(({ index, partition, sort }) => `${index} ${partition} ${sort}`)
  return { body, places, nextDue: view.nextDue(body) }
}

const registered = (capabilities: readonly string[] = []): [string, object] => [
  'BenchRegistered',
  { benchId: 'b1', type: 'hil', capabilities, setupMs: 0, teardownMs: 0, labels: {} },
]

describe('benches', () => {
  test('are found by all that they can do, are and suffer', () => {
    const { places } = after('benches', 'b1', registered(['can-fd', 'ecu=a', 'ecu=b', 'lin', 'lin=2']), [
      'BenchOnline',
      { workerId: 'w', epoch: 1 },
    ])
    expect(places).toEqual([
      'all_idx benches b1',
      'type_idx hil b1',
      'serviceability_idx in-service b1',
      'connectivity_idx online b1',
      ...['can-fd', 'ecu=a', 'ecu', 'ecu=b', 'lin', 'lin=2'].map((key) => `capability_idx ${key} b1`),
    ])
  })

  test.each(['can-fd', 'ecu=a', 'ecu in (a,z)', 'ecu>=1'])('are found where a query for %s looks', (text) => {
    const parsed = parseTerm(text)
    const key = parsed.ok ? indexKeyOf(parsed.term) : undefined
    expect(after('benches', 'b1', registered(['can-fd', 'ecu=a'])).places).toContain(`capability_idx ${key} b1`)
  })
})

describe('reservations', () => {
  const asked = {
    holder: 'ada',
    benches: [],
    benchIds: ['b1', 'b2'],
    start: '2026-03-02T10:00:00.000Z',
    end: '2026-03-02T11:00:00.000Z',
    earliestStart: '2026-03-02T10:00:00.000Z',
    priority: 7,
    checkInWithinMs: 60_000,
  }
  const start = asked.start

  test('are found by holder, status and bench, those that wait in the order of the queue', () => {
    const { places, nextDue } = after('reservations', 'r1', ['ReservationQueued', asked])
    expect(places).toEqual([
      `all_idx reservations ${start}`,
      `holder_idx ada ${start}`,
      `status_idx queued ${start}`,
      `bench_reservations_idx b1 ${start}`,
      `bench_reservations_idx b2 ${start}`,
      `bench_live_idx b1 ${start}`,
      `bench_live_idx b2 ${start}`,
      'queued_idx queued 0993/2026-03-02T08:00:00.000Z/r1',
    ])
    expect(nextDue).toBe(start)
  })

  test('are no longer live once they are over, and need no clock', () => {
    const { places, nextDue } = after(
      'reservations',
      'r1',
      ['ReservationConfirmed', asked],
      ['ReservationActivated'],
      ['ReservationExpired'],
    )
    expect(places.map((place) => place.split(' ')[0])).toEqual([
      'all_idx',
      'holder_idx',
      'status_idx',
      'bench_reservations_idx',
      'bench_reservations_idx',
    ])
    expect(nextDue).toBeUndefined()
  })

  test('the highest priority comes first in the queue, then who waits longest', () => {
    const placeOf = (priority: number, requestedAt: string, id: string) => {
      const body = { ...asked, status: 'queued', priority, requestedAt }
      return (
        viewNamed('reservations')
          .entries(id, body)
          .find(({ index }) => index === 'queued_idx')?.sort ?? ''
      )
    }
    const [early, late] = ['2026-03-02T08:00:00.000Z', '2026-03-02T09:00:00.000Z']
    const order = [
      placeOf(100, late, 'z'),
      placeOf(50, early, 'a'),
      placeOf(50, early, 'b'),
      placeOf(50, late, 'a'),
      placeOf(9, early, 'a'),
      placeOf(0, early, 'a'),
    ]
    expect(order.toSorted()).toEqual(order)
  })
})

describe('executions', () => {
  const task = (name: string, more: object = {}) => ({
    name,
    bench: 0,
    needs: [],
    runs: 'on-success',
    phase: 'test',
    timeoutMs: 60_000,
    relocatable: false,
    retry: {},
    ...more,
  })
  const submitted: [string, object] = [
    'ExecutionSubmitted',
    {
      reservationId: 'r1',
      benchIds: ['b1', 'b2'],
      releaseReservation: false,
      suite: 'smoke',
      tasks: [task('one'), task('two', { bench: 1, needs: ['one'] })],
    },
  ]
  const at = '2026-03-02T08:00:00.000Z'

  test('are found by reservation, status and bench', () => {
    expect(after('executions', 'e1', submitted).places).toEqual([
      `reservation_idx r1 ${at}`,
      `status_idx queued ${at}`,
      `all_idx executions ${at}`,
      `bench_executions_idx b1 ${at}`,
      `bench_executions_idx b2 ${at}`,
    ])
  })

  test('show in a row of their own all but the tasks, counted by status', () => {
    const { body } = after('executions', 'e1', submitted)
    expect(viewNamed('executions').split?.head(body)).toEqual({
      status: 'queued',
      reservationId: 'r1',
      benchIds: ['b1', 'b2'],
      releaseReservation: false,
      suite: 'smoke',
      submittedAt: at,
      taskCount: 2,
      taskCounts: { ready: 1, pending: 1 },
    })
  })
})

describe('workers', () => {
  test('are found while they are in a session', () => {
    const enrolled: [string, object] = ['WorkerEnrolled', { labels: {} }]
    const opened: [string, object] = ['WorkerSessionOpened', { epoch: 1, benchIds: ['b1'], agentVersion: '1' }]
    expect(after('workers', 'w1', enrolled).places).toEqual(['all_idx workers w1'])
    expect(after('workers', 'w1', enrolled, opened).places).toEqual(['all_idx workers w1', 'session_idx open w1'])
    expect(after('workers', 'w1', enrolled, opened, ['WorkerSessionClosed', { epoch: 1 }]).places).toEqual([
      'all_idx workers w1',
    ])
  })
})

describe('all views', () => {
  test('show each kind of stream but messages once, and say what their rows are written by', () => {
    expect(views.map(({ kind }) => kind).toSorted()).toEqual(['bench', 'execution', 'reservation', 'worker'])
    expect(viewsOf('message')).toEqual([])
    expect(viewsShape).toMatch(/^\d+(\.\d+){4}$/)
    expect(viewNames).toEqual(['benches', 'reservations', 'executions', 'tasks', 'workers'])
  })

  test.each(views)('$name have no place for what is absent', (view) => {
    const absent = view.name === 'executions' ? { state: { status: 'absent' }, told: [] } : { status: 'absent' }
    expect(view.entries('x', absent)).toEqual([])
    expect(view.nextDue(absent)).toBeUndefined()
    expect(view.split?.rows('x', absent, 0) ?? []).toEqual([])
  })
})
