import { describe, expect, test } from 'vitest'
import type { AttemptName } from '../../domain/leaseStore.ts'
import { openLiveAttempts } from '../../infra/liveness/liveAttempts.ts'

const attempt: AttemptName = { executionId: 'e1', taskName: 't', attempt: 1 }

describe('what the feed tells of attempts', () => {
  const session = { tenant: 'default', workerId: 'w1', epoch: 1 }
  const started = (taskName = 't', by = 'w1') => [
    {
      stream: 'default/execution/e1',
      events: [{ type: 'AttemptStarted', data: { taskName, attempt: 1, benchId: 'b1', workerId: by, epoch: 1 } }],
    },
  ]
  const passed = [
    { stream: 'default/execution/e1', events: [{ type: 'AttemptPassed', data: { taskName: 't', attempt: 1 } }] },
  ]
  const lease = { ...session, benchIds: ['b1'], lastSeenAt: '', expiresAt: '', flags: [] }
  const at = (seconds: number): string => new Date(seconds * 1_000).toISOString()
  const opened = () => {
    let nowMs = 0
    const attempts = openLiveAttempts(() => nowMs, 2_000)
    const pass = (seconds: number): void => {
      nowMs += seconds * 1_000
    }
    return { attempts, pass }
  }

  test('is known from then on, though another server has started it', () => {
    const { attempts } = opened()
    expect(attempts.isDoubtful(session, attempt)).toBe(true)
    attempts.hear(started())
    expect(attempts.isDoubtful(session, attempt)).toBe(false)
    attempts.hear(passed)
    expect([attempts.isDoubtful(session, attempt), attempts.count()]).toEqual([true, 0])
  })

  test('again is nothing new: it was not given now, and stays listed', () => {
    const { attempts, pass } = opened()
    attempts.learn(started())
    attempts.beat({ ...session, attempts: [attempt] })
    pass(10)
    attempts.hear(started())
    expect(attempts.giveAgain({ ...lease, beatAt: at(60), attempts: [], attemptsBefore: [] }, ['b1'])).toBeUndefined()
  })

  test('in disorder leaves nothing running that has ended', () => {
    const { attempts } = opened()
    attempts.hear(passed)
    attempts.hear(started())
    attempts.inherit({ ...session, ...attempt, benchId: 'b1' })
    expect(attempts.count()).toBe(0)
  })

  test('is not given again if a beat lists it that another server has taken', () => {
    const { attempts, pass } = opened()
    attempts.hear(started())
    pass(10)
    const heard = { ...lease, beatAt: at(10), attempts: [], attemptsBefore: [attempt] }
    expect(attempts.giveAgain(heard, ['b1'])).toBeUndefined()
    pass(10)
    expect(attempts.giveAgain({ ...heard, beatAt: at(20), attemptsBefore: [] }, ['b1'])).toBeUndefined()
  })

  test('is given again if no beat lists it, whichever server was asked to start it', () => {
    const { attempts, pass } = opened()
    attempts.hear(started())
    pass(10)
    expect(attempts.giveAgain({ ...lease, beatAt: at(10), attempts: [], attemptsBefore: [] }, ['b1'])).toMatchObject(
      attempt,
    )
  })
})
