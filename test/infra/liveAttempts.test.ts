import { describe, expect, test } from 'vitest'
import type { AttemptName } from '../../domain/leaseStore.ts'
import { openLiveAttempts } from '../../infra/liveness/liveAttempts.ts'
import { openClocks, openFleet } from './fleet.ts'
import { openHouses } from './house.ts'

const { open, fresh } = openHouses()

const attempt: AttemptName = { executionId: 'e1', taskName: 't', attempt: 1 }

const claimed = async (...given: Parameters<typeof openFleet> extends [unknown, ...infer Rest] ? Rest : never) => {
  const fleet = await openFleet(open, ...given)
  await fleet.worker('w1', 'b1')
  await fleet.submitted('e1', ['b1'])
  await fleet.claim('e1', 'w1', 'b1')
  return { ...fleet, again: againOf(fleet) }
}

/** What a claim of w1 for b1 is given once more. */
const againOf =
  ({ services }: Pick<Awaited<ReturnType<typeof openFleet>>, 'services'>) =>
  async (...benchIds: string[]) => {
    const lease = await services.leases.get('default', 'w1')
    return lease && services.leases.giveAgain(lease, benchIds.length === 0 ? ['b1'] : benchIds)
  }

describe('an attempt whose claim was answered', () => {
  test('is given again after a beat that came later and does not list it: once, until another such beat', async () => {
    const { beat, pass, again } = await claimed()
    expect(await again()).toBeUndefined()
    await pass(3)
    expect(await again()).toBeUndefined()
    await beat('w1')
    expect(await again('b2')).toBeUndefined()
    expect(await again()).toMatchObject(attempt)
    expect(await again()).toBeUndefined()
    await pass(3)
    await beat('w1')
    expect(await again()).toMatchObject(attempt)
  })

  test('is not given again on a beat that was under way when it was answered', async () => {
    const { beat, pass, again } = await claimed()
    await pass(1)
    await beat('w1')
    await pass(10)
    expect(await again()).toBeUndefined()
  })

  test('is never given again once a beat has listed it', async () => {
    const { beat, pass, again } = await claimed()
    await pass(3)
    await beat('w1', [attempt])
    await pass(10)
    await beat('w1')
    expect(await again()).toBeUndefined()
  })

  test('is given to one of many claims that come at once', async () => {
    const { beat, pass, again } = await claimed()
    await pass(3)
    await beat('w1')
    const given = await Promise.all(Array.from({ length: 20 }, () => again()))
    expect(given.filter((one) => one !== undefined)).toHaveLength(1)
  })

  test('is not given again once it has ended', async () => {
    const { beat, pass, again, done } = await claimed()
    await pass(3)
    await beat('w1')
    await done('execution', 'e1', 'CompleteAttempt', { taskName: 't', attempt: 1, workerId: 'w1', epoch: 1 })
    expect(await again()).toBeUndefined()
  })

  test('is given again by a server that was killed before its answer was sent', async () => {
    const directory = fresh()
    const clocks = openClocks()
    const first = await claimed({ store: 'sqlite', directory }, clocks)
    await first.house.close()
    const { beat, pass, services } = await openFleet(open, { store: 'sqlite', directory }, clocks)
    const again = againOf({ services })
    expect(await again()).toBeUndefined()
    await pass(3)
    await beat('w1')
    expect(await again()).toMatchObject(attempt)
    expect(await again()).toBeUndefined()
  })
})

describe('an attempt that its worker does not list', () => {
  test('in two beats is lost; its task may be tried again', async () => {
    const { beat, pass, end, since, services } = await claimed()
    const before = await end()
    await pass(3)
    await beat('w1')
    await pass(10)
    expect(await since(before)).toEqual([])
    await beat('w1')
    await pass(6)
    expect(await since(before)).toEqual(['e1 AttemptLost', 'e1 ExecutionInterrupted'])
    const { state } = await services.headOf('default', 'execution', 'e1')
    expect(state).toMatchObject({ tasks: [{ status: 'ready', attempts: [{ status: 'lost' }] }] })
    const [commit] = (await services.history.load('default/execution/e1')).slice(-1)
    expect(commit).toMatchObject({
      actor: { kind: 'system', id: 'sweeper' },
      events: [{ data: { reason: 'its worker does not know of it' } }, {}],
    })
  })

  test('any more, though it did before, is lost', async () => {
    const { beat, pass, end, since } = await claimed()
    const before = await end()
    await pass(3)
    await beat('w1', [attempt])
    for (let n = 0; n < 2; n++) {
      await pass(10)
      await beat('w1')
    }
    await pass(6)
    expect(await since(before)).toEqual(['e1 AttemptLost', 'e1 ExecutionInterrupted'])
  })

  test('in one beat of several is not', async () => {
    const { beat, pass, end, since } = await claimed()
    const before = await end()
    for (let n = 0; n < 8; n++) {
      await pass(10)
      await beat('w1', n % 2 === 0 ? [] : [attempt])
    }
    expect(await since(before)).toEqual([])
  })

  test('but has just been given again is not: that counts anew', async () => {
    const { beat, pass, end, since, again } = await claimed()
    const before = await end()
    await pass(10)
    await beat('w1')
    await pass(9)
    expect(await again()).toMatchObject(attempt)
    await pass(1)
    // Sent before the answer came.
    await beat('w1')
    await pass(10)
    await beat('w1', [attempt])
    await pass(10)
    expect(await since(before)).toEqual([])
  })

  test('since the server was restarted is lost after two beats to the new one', async () => {
    const directory = fresh()
    const clocks = openClocks()
    const first = await claimed({ store: 'sqlite', directory }, clocks)
    await first.beat('w1', [attempt])
    await first.house.close()
    const { beat, pass, end, since } = await openFleet(open, { store: 'sqlite', directory }, clocks)
    const before = await end()
    await pass(3)
    await beat('w1')
    await pass(10)
    expect(await since(before)).toEqual([])
    await beat('w1')
    await pass(6)
    expect(await since(before)).toEqual(['e1 AttemptLost', 'e1 ExecutionInterrupted'])
  })
})

describe('history is asked about an attempt that a beat lists', () => {
  const doubtful = ({ services }: Awaited<ReturnType<typeof openFleet>>, epoch = 1) =>
    services.leases.isDoubtful({ tenant: 'default', workerId: 'w1', epoch }, attempt)

  test('not while it runs on undisturbed', async () => {
    expect(doubtful(await claimed())).toBe(false)
  })

  test('once its execution is cancelled, or it has ended, or another session lists it', async () => {
    const fleet = await claimed()
    expect(doubtful(fleet, 2)).toBe(true)
    await fleet.done('execution', 'e1', 'CancelExecution')
    expect(doubtful(fleet)).toBe(true)
    await fleet.done('execution', 'e1', 'AcknowledgeCancel', { taskName: 't', attempt: 1, workerId: 'w1', epoch: 1 })
    expect(doubtful(fleet)).toBe(true)
  })

  test('when it ran before this process did', async () => {
    const directory = fresh()
    const first = await claimed({ store: 'sqlite', directory })
    await first.house.close()
    expect(doubtful(await openFleet(open, { store: 'sqlite', directory }))).toBe(true)
  })
})

describe('when the store does not say what has become of an append', () => {
  const session = { tenant: 'default', workerId: 'w1', epoch: 1 }
  const started = { type: 'AttemptStarted', data: { ...attempt, ...session, benchId: 'b1' } }
  const commit = (...events: { type: string; data: unknown }[]) => ({ stream: 'default/execution/e1', events })
  const opened = () => openLiveAttempts(() => 0, 2_000)
  /** Of a session that has beaten twice and listed nothing. */
  const leaseOf = (of: typeof session) => {
    const beats = { beatAt: '2026-03-02T08:00:20.000Z', beatBeforeAt: '2026-03-02T08:00:10.000Z', expiresAt: '' }
    return { ...of, ...beats, benchIds: ['b1'], lastSeenAt: '', attempts: [], attemptsBefore: [], flags: [] }
  }

  test('history is asked about what it may have cancelled or ended', () => {
    for (const type of ['ExecutionCancelRequested', 'AttemptPassed', 'AttemptTimedOut']) {
      const attempts = opened()
      attempts.learn([commit(started)])
      expect(attempts.isDoubtful(session, attempt)).toBe(false)
      attempts.learn([commit({ type, data: attempt })], false)
      expect(attempts.isDoubtful(session, attempt)).toBe(true)
      expect(attempts.count()).toBe(1)
    }
  })

  test('what may have started is looked for: it is lost if its worker does not list it', () => {
    const attempts = opened()
    attempts.learn([commit(started)], false)
    expect(attempts.missingIn(leaseOf(session))).toMatchObject([attempt])
  })

  test('and it is claimed afterwards, by whichever session, only that counts', () => {
    const other = { ...session, workerId: 'w2' }
    const attempts = opened()
    attempts.learn([commit(started)], false)
    attempts.learn([commit({ ...started, data: { ...started.data, ...other } })])
    expect([attempts.missingIn(leaseOf(session)), attempts.giveAgain(leaseOf(session), ['b1'])]).toEqual([
      [],
      undefined,
    ])
    expect(attempts.missingIn(leaseOf(other))).toMatchObject([{ ...attempt, ...other }])
    expect([attempts.count(), attempts.isDoubtful(other, attempt)]).toEqual([1, false])
  })

  test('what is known to run is still its session’s, and history is asked about it', () => {
    const attempts = opened()
    attempts.learn([commit(started)])
    attempts.learn([commit({ ...started, data: { ...started.data, workerId: 'w2' } })], false)
    expect(attempts.missingIn(leaseOf(session))).toMatchObject([{ ...attempt, ...session }])
    expect(attempts.isDoubtful(session, attempt)).toBe(true)
  })
})
