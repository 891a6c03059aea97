import { describe, expect, test, vi } from 'vitest'
import type { Answered } from '../../adapters/stepfunctions/callback.ts'
import { openTaskHeartbeats } from '../../adapters/stepfunctions/heartbeats.ts'

const opened = (answer: () => Promise<Answered> = async () => ({ kind: 'taken' })) => {
  let ms = 0
  const [asked, beaten, failures]: [string[], string[], string[]] = [[], [], []]
  const heartbeats = openTaskHeartbeats({
    answers: {
      beat: async (token) => {
        beaten.push(token)
        return answer()
      },
    },
    tokenOf: async (tenant, id) => {
      asked.push(`${tenant}/${id}`)
      return id.startsWith('quiet') ? undefined : `token of ${id}`
    },
    nowMs: () => ms,
    onFailure: (id, error) => failures.push(`${id}: ${error}`),
  })
  const beat = (...ids: string[]) =>
    heartbeats.beat(
      'default',
      ids.map((executionId) => ({ executionId })),
    )
  /** All that is under way has come to its end. */
  const settled = () => new Promise(setImmediate)
  return { ...heartbeats, beat, asked, beaten, failures, settled, pass: (more: number) => (ms += more) }
}

describe('heartbeats of what a state machine waits for', () => {
  test('are forwarded once in a while, however many attempts and workers beat', async () => {
    const { beat, beaten, settled, pass } = opened()
    for (let n = 0; n < 7; n++) {
      beat('e1', 'e1', 'e2')
      beat('e1')
      await settled()
      pass(10_000)
    }
    expect(beaten.toSorted()).toEqual(['token of e1', 'token of e1', 'token of e1', ...Array(3).fill('token of e2')])
  })

  test('are asked for once where nobody waits', async () => {
    const { beat, asked, beaten, settled, pass } = opened()
    for (let n = 0; n < 3; n++) {
      beat('quiet')
      await settled()
      pass(60_000)
    }
    expect({ asked, beaten }).toEqual({ asked: ['default/quiet'], beaten: [] })
  })

  test('end with the task, and go on after an outage', async () => {
    const answers: Answered[] = [
      { kind: 'failed', error: 'away', isFinal: false },
      { kind: 'failed', error: 'TaskTimedOut', isFinal: true },
    ]
    const { beat, beaten, failures, settled, pass } = opened(async () => answers.shift() ?? { kind: 'taken' })
    for (let n = 0; n < 4; n++) {
      beat('e1')
      await settled()
      pass(30_000)
    }
    expect(failures).toEqual(['e1: away', 'e1: TaskTimedOut'])
    expect(beaten).toHaveLength(2)
  })

  test('do not pile up when the service is slow', async () => {
    const gate = Promise.withResolvers<Answered>()
    const { beat, beaten, settled, stop } = opened(() => gate.promise)
    for (let n = 0; n < 100; n++) beat(`e${n}`)
    await settled()
    expect(beaten).toHaveLength(8)
    const stopped = vi.fn<() => void>()
    const ended = stop().then(stopped)
    await settled()
    expect(stopped).not.toHaveBeenCalled()
    gate.resolve({ kind: 'taken' })
    await ended
    beat('late')
    await settled()
    expect(beaten).toHaveLength(8)
  })
})
