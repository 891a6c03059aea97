import { describe, expect, test } from 'vitest'
import { call, everything, inHours, startServer } from './server.ts'
import { dynamodb, sqlite } from './stores.ts'

interface HistoryEvent {
  id?: string
  type: string
  data: {
    reservationId: string
    start: string
    end: string
    heldFrom: string
    heldUntil: string
    teardownUntil?: string
  }
}

/** The windows a bench holds, told again from its history alone; throws at the first moment two of them intersect. */
const heldWindows = (events: readonly HistoryEvent[]) => {
  const held = new Map<string, { heldFrom: string; heldUntil: string }>()
  for (const { type, data } of events) {
    if (type === 'IntervalHeld' || type === 'IntervalMoved') held.set(data.reservationId, data)
    if (type === 'IntervalFreed') held.delete(data.reservationId)
    const windows = [...held.values()].toSorted((a, b) => (a.heldFrom < b.heldFrom ? -1 : 1))
    for (const [index, window] of windows.entries()) {
      const next = windows[index + 1]
      if (next !== undefined && window.heldUntil > next.heldFrom)
        throw new Error(`two windows intersect after ${type}: ${JSON.stringify(windows)}`)
    }
  }
  return held
}

const register = (url: string, benchId: string, more: Record<string, unknown> = {}) =>
  call(url, 'POST', '/v1/benches', { benchId, type: 'hil', ...more })
const historyOf = (url: string, benchId: string) => everything<HistoryEvent>(url, `/v1/history/bench/${benchId}`)

describe.each([sqlite, dynamodb()])('races over HTTP, in $store', ({ place }) => {
  test('of 200 conflicting bookings exactly one wins, and every other is told who has it', async () => {
    const { url } = await startServer(place())
    await register(url, 'hil-1')
    const window = { start: inHours(1), end: inHours(2) }
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, n) =>
        call(url, 'POST', '/v1/reservations', { holder: `team-${n}`, benches: [{ benchId: 'hil-1' }], ...window }),
      ),
    )
    const won = answers.filter(({ status }) => status === 201)
    const lost = answers.filter(({ status }) => status === 409)
    expect([won.length, lost.length]).toEqual([1, 199])
    for (const { body } of lost) {
      expect(body).toMatchObject({
        code: 'interval-conflict',
        conflicts: [{ benchId: 'hil-1', reservationId: won[0]?.body['reservationId'] }],
      })
    }
    expect(heldWindows(await historyOf(url, 'hil-1')).size).toBe(1)
  })

  test('100 gangs over overlapping sets: all or none each, no two windows intersect, nobody waits for ever', async () => {
    const { url } = await startServer(place())
    const benchIds = Array.from({ length: 10 }, (_, n) => `hil-${n}`)
    for (const benchId of benchIds) await register(url, benchId, { setupMs: 60_000, teardownMs: 60_000 })
    const start = Date.now() + 3_600_000
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) => {
        const size = 2 + (n % 4)
        const gang = Array.from({ length: size }, (_unused, index) => ({
          benchId: benchIds[(n * 7 + index * 3) % 10] ?? '',
        }))
        const from = start + (n % 6) * 1_800_000
        const window = { start: new Date(from).toISOString(), end: new Date(from + 2_400_000).toISOString() }
        return call(url, 'POST', '/v1/reservations', { holder: `team-${n}`, benches: gang, ...window })
      }),
    )
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201, 409]))
    const holders = new Map<string, string[]>()
    for (const benchId of benchIds) {
      for (const reservationId of heldWindows(await historyOf(url, benchId)).keys())
        holders.set(reservationId, [...(holders.get(reservationId) ?? []), benchId])
    }
    const won = answers
      .filter(({ status }) => status === 201)
      .map(({ body }) => body as { reservationId: string; benchIds: string[] })
    expect(won.length).toBeGreaterThan(5)
    expect(holders.size).toBe(won.length)
    for (const { reservationId, benchIds: own } of won)
      expect(holders.get(reservationId)?.toSorted()).toEqual(own.toSorted())
  })
})
