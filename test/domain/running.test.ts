import { describe, expect, test } from 'vitest'
import { bench, inHours, lab, window } from './lab.ts'

const session = { workerId: 'w1', epoch: 1 }
const claim = { taskName: 'a', benchId: 'b1', ...session }
const plan = { reservationId: 'r1', tasks: [{ name: 'a', run: {}, timeoutMs: 36_000_000 }] }

/** A bench that is served, booked and active, with an execution that waits for a worker. */
const ready = () => {
  const it = lab(bench('b1'), bench('b2'))
  it.send('worker', 'w1', 'EnrolWorker', {})
  it.send('worker', 'w1', 'OpenSession', { benches: ['b1'], agentVersion: '1' })
  it.book('r1', { benches: [{ benchId: 'b1' }, { benchId: 'b2' }], ...window(0, 2) })
  it.tick('r1', inHours(0))
  it.send('execution', 'e1', 'SubmitExecution', plan)
  return it
}

describe('a session', () => {
  test('opens in one append with its benches', () => {
    const { send, bench: at } = lab(bench('b1'), bench('b2'))
    send('worker', 'w1', 'EnrolWorker', {})
    expect(send('worker', 'w1', 'OpenSession', { benches: ['b1', 'b2'], agentVersion: '1' })).toMatchObject([
      { stream: 't/worker/w1', events: [{ type: 'WorkerSessionOpened', data: { epoch: 1 } }] },
      { stream: 't/bench/b1', events: [{ type: 'BenchOnline' }] },
      { stream: 't/bench/b2', events: [{ type: 'BenchOnline' }] },
    ])
    expect(at('b2')).toMatchObject({ connectivity: 'online', session })
  })
  test('the next one supersedes it, and leaves what it no longer serves', () => {
    const { send, bench: at } = ready()
    send('worker', 'w1', 'OpenSession', { benches: ['b2'], agentVersion: '2' })
    expect(at('b1')).toMatchObject({ connectivity: 'offline' })
    expect(at('b2')).toMatchObject({ connectivity: 'online', session: { workerId: 'w1', epoch: 2 } })
  })
  test('closes with its benches, once', () => {
    const { send, bench: at } = ready()
    expect(send('worker', 'w1', 'CloseSession', { epoch: 1 })).toHaveLength(2)
    expect(at('b1').connectivity).toBe('offline')
    expect(send('worker', 'w1', 'CloseSession', { epoch: 1 })).toEqual([])
    expect(send('worker', 'w1', 'CloseSession', { epoch: 7 })).toMatchObject({ rejection: 'StaleEpoch' })
  })
  test.each([
    ['a worker that was never enrolled', 'w9', ['b1'], 'WorkerUnknown'],
    ['a bench that does not exist', 'w1', ['nope'], 'BenchUnknown'],
    ['a bench that another serves', 'w2', ['b1'], 'BenchAlreadyServed'],
  ])('is refused to %s', (_, workerId, benches, rejection) => {
    const { send } = ready()
    if (workerId === 'w2') send('worker', 'w2', 'EnrolWorker', {})
    expect(send('worker', workerId, 'OpenSession', { benches, agentVersion: '1' })).toMatchObject({ rejection })
  })
})

describe('a session that still runs something', () => {
  test('is not closed, unless by force', () => {
    const { send, bench: at } = ready()
    send('execution', 'e1', 'ClaimTask', claim)
    const attempts = [{ executionId: 'e1', taskName: 'a', attempt: 1 }]
    expect(send('worker', 'w1', 'CloseSession', { epoch: 1 })).toMatchObject({ rejection: 'AttemptsRunning', attempts })
    expect(send('worker', 'w1', 'CloseSession', { epoch: 1, force: true })).toHaveLength(2)
    expect(at('b1').connectivity).toBe('offline')
  })
})

describe('a claim', () => {
  test('occupies every bench of the execution in the same append', () => {
    const { send, bench: at } = ready()
    expect(send('execution', 'e1', 'ClaimTask', claim)).toMatchObject([
      {
        stream: 't/execution/e1',
        events: [{ type: 'ExecutionStarted' }, { type: 'AttemptStarted', data: { attempt: 1, benchId: 'b1' } }],
      },
      { stream: 't/bench/b1', events: [{ type: 'BenchOccupied' }] },
      { stream: 't/bench/b2', events: [{ type: 'BenchOccupied' }] },
    ])
    expect(at('b2').occupant).toEqual({ executionId: 'e1', reservationId: 'r1' })
  })
  test('finishing vacates them likewise', () => {
    const { send, bench: at, execution } = ready()
    send('execution', 'e1', 'ClaimTask', claim)
    send('execution', 'e1', 'CompleteAttempt', { taskName: 'a', attempt: 1, ...session })
    expect(execution('e1').verdict).toBe('passed')
    expect([at('b1').occupant, at('b2').occupant]).toEqual([null, null])
  })
  test.each([
    ['by another session', { ...claim, epoch: 2 }, inHours(0), 'StaleEpoch'],
    ['on a bench that it does not serve', { ...claim, benchId: 'b2' }, inHours(0), 'StaleEpoch'],
    ['after the window', claim, inHours(2), 'ReservationNotActive'],
    ['of a task that is not there', { ...claim, taskName: 'z' }, inHours(0), 'TaskNotReady'],
  ])('%s is refused', (_, data, at, rejection) => {
    expect(ready().send('execution', 'e1', 'ClaimTask', data, at)).toMatchObject({ rejection })
  })
  test('on a bench in maintenance is refused', () => {
    const { send } = ready()
    send('bench', 'b1', 'StartMaintenance', { reason: 'fan' })
    expect(send('execution', 'e1', 'ClaimTask', claim)).toMatchObject({ rejection: 'BenchNotInService' })
  })
  test('before its reservation is active is refused', () => {
    const { send, book } = ready()
    book('r2', { benches: [{ benchId: 'b1' }], ...window(3, 4) })
    send('execution', 'e2', 'SubmitExecution', { ...plan, reservationId: 'r2' })
    expect(send('execution', 'e2', 'ClaimTask', claim)).toMatchObject({ rejection: 'ReservationNotActive' })
  })
  test('for a second execution of a bench is refused while the first occupies it', () => {
    const { send } = ready()
    send('execution', 'e2', 'SubmitExecution', plan)
    send('execution', 'e1', 'ClaimTask', claim)
    expect(send('execution', 'e2', 'ClaimTask', claim)).toMatchObject({ rejection: 'BenchOccupied', executionId: 'e1' })
  })
})

describe('an execution', () => {
  test('is submitted before the window opens, and not once it is over', () => {
    const { book, send } = ready()
    book('r2', { benches: [{ benchId: 'b1' }], ...window(3, 4) })
    expect(send('execution', 'e2', 'SubmitExecution', { ...plan, reservationId: 'r2' })).toHaveLength(1)
    expect(send('execution', 'e3', 'SubmitExecution', { ...plan, reservationId: 'r2' }, inHours(4))).toMatchObject({
      rejection: 'ReservationNotOpen',
    })
    send('reservation', 'r2', 'CancelReservation', {})
    expect(send('execution', 'e4', 'SubmitExecution', { ...plan, reservationId: 'r2' })).toMatchObject({
      rejection: 'ReservationNotOpen',
      reservationStatus: 'cancelled',
    })
  })
  test('keeps its reservation from being released', () => {
    const { send } = ready()
    send('execution', 'e1', 'ClaimTask', claim)
    expect(send('reservation', 'r1', 'ReleaseReservation', {}, inHours(0.01))).toMatchObject({
      rejection: 'ExecutionRunning',
    })
  })
  test('counts as a check-in', () => {
    const { send, tick, reservation } = ready()
    send('execution', 'e1', 'ClaimTask', claim)
    send('execution', 'e1', 'CompleteAttempt', { taskName: 'a', attempt: 1, ...session })
    tick('r1', inHours(0.5))
    expect(reservation('r1')).toMatchObject({ status: 'active', checkedInAt: inHours(0.5) })
  })
  test('of a predecessor keeps a successor waiting, until it has left', () => {
    const { send, book, tick, reservation } = ready()
    book('r2', { benches: [{ benchId: 'b1' }], ...window(2, 3) })
    send('execution', 'e1', 'ClaimTask', claim)
    tick('r2', inHours(2))
    expect(reservation('r2').status).toBe('confirmed')
    send('execution', 'e1', 'CompleteAttempt', { taskName: 'a', attempt: 1, ...session }, inHours(2.1))
    tick('r2', inHours(2.1))
    expect(reservation('r2').status).toBe('active')
  })
})

describe('a cancel before the start', () => {
  const cleaning = {
    reservationId: 'r1',
    tasks: [
      { name: 'a', run: {} },
      { name: 'clean', run: {}, runs: 'always' },
    ],
  }
  test('still occupies the benches for what always runs', () => {
    const { send, bench: at, execution } = ready()
    send('execution', 'e2', 'SubmitExecution', cleaning)
    send('execution', 'e2', 'CancelExecution', {})
    expect(send('execution', 'e2', 'ClaimTask', { ...claim, taskName: 'clean' })).toHaveLength(3)
    expect(at('b1').occupant).toMatchObject({ executionId: 'e2' })
    expect(execution('e2')).toMatchObject({ status: 'cancelling' })
    expect(send('execution', 'e1', 'ClaimTask', claim)).toMatchObject({ rejection: 'BenchOccupied' })
  })
})

describe('a session that is not its worker’s any more', () => {
  const report = { taskName: 'a', attempt: 1, ...session }
  test.each([
    ['superseded', 'OpenSession', { benches: ['b1'], agentVersion: '2' }],
    ['closed', 'CloseSession', { epoch: 1, force: true }],
  ])('(%s) reports nothing, and what it says is kept', (_, type, data) => {
    const { send, execution } = ready()
    send('execution', 'e1', 'ClaimTask', claim)
    send('worker', 'w1', type, data)
    expect(send('execution', 'e1', 'CompleteAttempt', report)).toMatchObject({
      rejection: 'StaleEpoch',
      evidence: [{ events: [{ type: 'AttemptReportRejected' }] }],
    })
    expect(execution('e1').tasks[0]?.status).toBe('running')
  })
  test('is told again what it was told when it could', () => {
    const { send } = ready()
    send('execution', 'e1', 'ClaimTask', claim)
    send('execution', 'e1', 'CompleteAttempt', report)
    send('worker', 'w1', 'CloseSession', { epoch: 1 })
    expect(send('execution', 'e1', 'CompleteAttempt', report)).toEqual([])
  })
})

describe('the grace', () => {
  const end = 2
  const minute = 1 / 60
  const nearEnd = (follower: boolean) => {
    const it = ready()
    if (follower) it.book('next', { benches: [{ benchId: 'b1' }], ...window(2, 3) })
    it.send('execution', 'e1', 'ClaimTask', claim)
    it.tick('r1', inHours(0.5))
    it.tick('r1', inHours(end - minute))
    return it
  }
  test('moves the hold when nothing follows: what runs is asked to stop at the end of the window', () => {
    const { send, bench: at, execution, reservation, tick } = nearEnd(false)
    expect(send('execution', 'e1', 'ExtendGrace', {}, inHours(end - minute))).toHaveLength(4)
    expect(at('b1').intervals).toMatchObject([{ end: inHours(end + minute) }])
    expect(execution('e1').ending).toEqual({ cancelAt: inHours(end), until: inHours(end + minute) })
    tick('r1', inHours(end))
    expect(reservation('r1')).toMatchObject({ status: 'active', isInGrace: true })
    send('execution', 'e1', 'Tick', {}, inHours(end))
    send('execution', 'e1', 'AcknowledgeCancel', { taskName: 'a', attempt: 1, ...session }, inHours(end + minute / 2))
    tick('r1', inHours(end + minute / 2))
    expect([execution('e1').verdict, reservation('r1').status, at('b1').intervals]).toEqual([
      'timed-out',
      'expired',
      [],
    ])
  })
  test('never past a start that follows: what runs is asked to stop now', () => {
    const { send, bench: at, execution } = nearEnd(true)
    expect(send('execution', 'e1', 'ExtendGrace', {}, inHours(end - minute))).toHaveLength(1)
    expect(at('b1').intervals).toMatchObject([{ end: inHours(end) }, { reservationId: 'next' }])
    expect(execution('e1').ending).toEqual({ cancelAt: inHours(end - minute), until: inHours(end) })
  })
  test('is forgotten when the window is extended in time', () => {
    const { send, bench: at, execution } = nearEnd(false)
    send('execution', 'e1', 'ExtendGrace', {}, inHours(end - minute))
    send('reservation', 'r1', 'AmendReservation', { end: inHours(3) }, inHours(end - minute / 2))
    expect(at('b1').intervals).toMatchObject([{ end: inHours(3) }])
    send('execution', 'e1', 'Tick', {}, inHours(end))
    expect(execution('e1')).toMatchObject({ status: 'running' })
    expect(execution('e1').ending).toBeUndefined()
  })
})
