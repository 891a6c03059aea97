import { describe, expect, test } from 'vitest'
import { openBell } from '../../infra/bell.ts'
import { openProgress } from '../../infra/progress.ts'
import { openWaiting } from '../../infra/views/waiting.ts'

describe('waiting', () => {
  test('ends when the number is told, when the time is up, and when nobody is to wait any longer', async () => {
    const waiting = openWaiting(20)
    const [reached, timedOut, other] = [waiting.until('a', 3), waiting.until('a', 9), waiting.until('b', 1)]
    waiting.tell('a', 2)
    waiting.tell('a', 4)
    waiting.tell('c', 100)
    expect(waiting.names()).toEqual(['a', 'b'])
    expect(await reached.promise).toBe(true)
    expect(await timedOut.promise).toBe(false)
    waiting.end()
    expect(await other.promise).toBe(false)
    expect(await waiting.until('a', 1).promise).toBe(false)
    expect(waiting.names()).toEqual([])
  })

  test('for a condition looks again whenever something happens, until the time is up or all is over', async () => {
    const progress = openProgress()
    let count = 0
    const soon = progress.until(() => count >= 2, 5_000)
    for (; count < 2; count++) progress.happened()
    progress.happened()
    expect(await soon).toBe(true)
    expect(await progress.until(() => false, 5)).toBe(false)
    const never = progress.until(() => false, 60_000)
    progress.end()
    expect(await never).toBe(false)
  })
})

describe('a bell', () => {
  test('that rang while nobody listened is heard once', async () => {
    const bell = openBell()
    bell.ring()
    bell.ring()
    await bell.rung()
    const quiet = bell.rung(5)
    expect(await Promise.race([quiet.then(() => 'woken'), Promise.resolve('asleep')])).toBe('asleep')
    await quiet
  })

  test('wakes who listens, not who pauses; its end wakes both', async () => {
    const bell = openBell()
    let isOver = false
    const pause = bell.pause(60_000).then(() => (isOver = true))
    const rung = bell.rung(60_000)
    bell.ring()
    await rung
    expect(isOver).toBe(false)
    bell.stop()
    await pause
    await bell.rung()
    await bell.pause(60_000)
    expect(bell.isStopped()).toBe(true)
  })
})
