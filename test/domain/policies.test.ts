import { describe, expect, test } from 'vitest'
import type { RecordedEvent } from '../../domain/event.ts'
import { policies } from '../../domain/policies/all.ts'
import { type PolicyAnswer, policyCommandId } from '../../domain/policies/policy.ts'
import { kinds } from '../../domain/registry.ts'
import { bench, inHours, lab, t0, window } from './lab.ts'

const happened = (stream: string, type: string, data: unknown, at = t0): RecordedEvent => ({
  stream,
  type,
  data,
  at,
  version: 7,
  schemaVersion: 1,
  actor: { kind: 'user', id: 'ada' },
  commandId: 'c',
  correlationId: 'c',
})
const react = (name: string, event: RecordedEvent, answer: PolicyAnswer = {}) =>
  policies.find((policy) => policy.name === name)!.then(event, answer)

describe('every policy', () => {
  test('watches only events that exist', () => {
    const known = new Set(Object.values(kinds).flatMap((kind) => Object.keys(kind.schemaVersions)))
    for (const policy of policies) for (const type of policy.on) expect(known, policy.name).toContain(type)
  })
  test('has its own name: its commands are told apart by it', () => {
    expect(new Set(policies.map(({ name }) => name)).size).toBe(policies.length)
  })
  test('gives its commands the same ids for the same event', () => {
    const event = happened('t/bench/b1', 'BenchRetired', { forced: true, reservationIds: ['r1', 'r2'] })
    const policy = policies.find(({ name }) => name === 'evictFromRetired')
    const ids = react('evictFromRetired', event).map((command) => policyCommandId(policy!, event, command))
    expect(ids).toEqual(['evictFromRetired:bench/b1/7:reservation/r1', 'evictFromRetired:bench/b1/7:reservation/r2'])
  })
})

describe('pullForwardQueued', () => {
  const queueOf = () => {
    const { book, reservation, bench: at } = lab(bench('b1', { capabilities: ['can'] }), bench('b2'))
    book('r1', { benches: [{ benchId: 'b1' }], ...window(0, 2) })
    book('r2', { benches: [{ benchId: 'b2' }], ...window(0, 2) })
    book('byId', { benches: [{ benchId: 'b1' }], ...window(0, 1), queue: true })
    book('byQuery', { benches: [{ query: ['can'] }], ...window(0, 1), queue: true })
    book('other', { benches: [{ benchId: 'b2' }], ...window(0, 1), queue: true })
    const reservations = ['byId', 'byQuery', 'other'].map((reservationId) => ({
      ...reservation(reservationId),
      reservationId,
    }))
    return { bench: at('b1'), reservations }
  }
  const freed = happened('t/bench/b1', 'IntervalFreed', { reservationId: 'r1' })
  test('tries those that the bench could serve, in the order of the queue', () =>
    expect(react('pullForwardQueued', freed, queueOf()).map(({ id, type }) => [id, type])).toEqual([
      ['byId', 'PullForward'],
      ['byQuery', 'PullForward'],
    ]))
  test('not the one whose own move it was', () => {
    const moved = happened('t/bench/b1', 'IntervalMoved', { reservationId: 'byId' })
    expect(react('pullForwardQueued', moved, queueOf()).map(({ id }) => id)).toEqual(['byQuery'])
  })
  test('not onto a bench that is not in service', () => {
    const { bench: at, reservations } = queueOf()
    expect(
      react('pullForwardQueued', freed, { bench: { ...at, serviceability: 'maintenance' }, reservations }),
    ).toEqual([])
  })
  test('not one that has all it asked for', () => {
    const { bench: at, reservations } = queueOf()
    const content = reservations.map((reservation) => ({ ...reservation, earliestStart: reservation.start }))
    expect(react('pullForwardQueued', freed, { bench: at, reservations: content })).toEqual([])
  })
})

describe('activateAfterVacancy', () => {
  test('ticks those whose start has passed', () => {
    const { book, reservation } = lab(bench('b1'))
    book('due', { benches: [{ benchId: 'b1' }], ...window(1, 2) })
    book('later', { benches: [{ benchId: 'b1' }], ...window(3, 4) })
    const reservations = ['due', 'later'].map((reservationId) => ({
      ...reservation(reservationId),
      reservationId,
    }))
    const vacated = happened('t/bench/b1', 'BenchVacated', { executionId: 'e1', reservationId: 'r0' }, inHours(1.5))
    expect(react('activateAfterVacancy', vacated, { reservations })).toEqual([
      { kind: 'reservation', id: 'due', type: 'Tick', data: {} },
    ])
  })
})

describe('when a session is over', () => {
  const session = { workerId: 'w1', epoch: 3 }
  const seen = { executionId: 'e1', taskName: 'a', attempt: 1, status: 'started', infrastructure: false, ...session }
  const expired = happened('t/worker/w1', 'WorkerSessionExpired', { epoch: 3, benchIds: ['b1', 'b2'], lastSeenAt: t0 })
  test('its benches are lost', () =>
    expect(react('loseBenchesOfExpired', expired)).toEqual(
      ['b1', 'b2'].map((id) => ({ kind: 'bench', id, type: 'LoseBench', data: { ...session, lastSeenAt: t0 } })),
    ))
  test('its live attempts are lost, and only they', () => {
    const attempts = [seen, { ...seen, taskName: 'b', status: 'passed' }]
    expect(react('loseAttemptsOfSession', expired, { attempts })).toEqual([
      {
        kind: 'execution',
        id: 'e1',
        type: 'LoseAttempt',
        data: { taskName: 'a', attempt: 1, ...session, reason: 'its worker was lost' },
      },
    ])
  })
})

describe('quarantineFailing', () => {
  const failed = happened('t/execution/e2', 'AttemptFailed', {
    taskName: 'a',
    attempt: 1,
    benchId: 'b1',
    reason: 'x',
    infrastructure: true,
  })
  const seen = (executionId: string, infrastructure: boolean) => ({
    executionId,
    taskName: 'a',
    attempt: 1,
    status: 'failed',
    workerId: 'w1',
    epoch: 1,
    infrastructure,
  })
  test('takes a bench out of service after two in a row, with both as evidence', () =>
    expect(
      react('quarantineFailing', failed, { attempts: [seen('e2', true), seen('e1', true), seen('e0', false)] }),
    ).toMatchObject([
      {
        kind: 'bench',
        id: 'b1',
        type: 'QuarantineBench',
        data: { evidence: ['execution/e2 a/1', 'execution/e1 a/1'] },
      },
    ]))
  test.each([
    ['the first', [seen('e2', true)]],
    ['after one that worked', [seen('e2', true), seen('e1', false)]],
  ])('not for %s', (_, attempts) => {
    expect(react('quarantineFailing', failed, { attempts })).toEqual([])
  })
})

describe('extendGraceOfEnding', () => {
  test('reaches everything that runs when the end comes near', () => {
    const executions = (['running', 'queued', 'finished', 'cancelling'] as const).map((status) => ({
      executionId: status,
      status,
    }))
    const ending = happened('t/reservation/r1', 'ReservationEnding', { end: t0 })
    expect(react('extendGraceOfEnding', ending, { executions }).map(({ id }) => id)).toEqual(['running', 'cancelling'])
  })
  test('and what starts after that', () =>
    expect(
      react('extendGraceOfEnding', happened('t/execution/e1', 'ExecutionStarted', { benchIds: [] })).map(
        ({ id }) => id,
      ),
    ).toEqual(['e1']))
})

describe('when something is over', () => {
  test('a reservation: its executions that have not finished end', () => {
    const executions = [
      { executionId: 'e1', status: 'finished' as const },
      { executionId: 'e2', status: 'running' as const },
    ]
    expect(
      react('endExecutionsOfOver', happened('t/reservation/r1', 'ReservationExpired', {}), { executions }).map(
        ({ id }) => id,
      ),
    ).toEqual(['e2'])
  })
  test('an execution: its reservation is released, if it was to be', () => {
    const finished = (releaseReservation: boolean) =>
      happened('t/execution/e1', 'ExecutionFinished', { verdict: 'passed', releaseReservation, reservationId: 'r1' })
    expect(react('releaseAfterExecution', finished(true))).toMatchObject([{ id: 'r1', type: 'ReleaseReservation' }])
    expect(react('releaseAfterExecution', finished(false))).toEqual([])
  })
})
